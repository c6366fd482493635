"""A data set as a picture of a few kilobytes."""

from __future__ import annotations

from nndl_core.base.config import DatasetName
from nndl_core.charts.style.theme import CLASS_COLORS
from nndl_core.data.catalog import make_dataset
from nndl_core.engine.snapshot import make_plane

WIDTH, HEIGHT = 60, 40
POINTS = 300
NOISE = 0.08


def thumbnail(name: DatasetName) -> str:
    """Draw a sample of a data set as SVG, one path of dots per class."""
    dataset = make_dataset(name, points=POINTS, noise=NOISE)
    plane = make_plane(dataset)
    x0, x1, y0, y1 = plane.extent
    paths = [""] * len(dataset.classes)
    for (x, y), label in zip(plane.points.tolist(), plane.labels.tolist(), strict=True):
        column, row = (x - x0) / (x1 - x0) * WIDTH, (y1 - y) / (y1 - y0) * HEIGHT
        paths[label] += f"M{column:.0f} {row:.0f}h0"
    body = "".join(
        f'<path d="{path}" stroke="{color}" stroke-width="2.6" stroke-linecap="round"/>'
        for path, color in zip(paths, CLASS_COLORS, strict=False)
    )
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{body}</svg>'
