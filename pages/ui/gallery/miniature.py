"""A run in miniature: its losses as curves and its gradients as bars, in one small picture."""

from __future__ import annotations

import math
from base64 import b64encode
from html import escape

from nndl_core.base.i18n import tr
from nndl_core.engine.records import Records

WIDTH, HEIGHT, POINTS = 380, 96, 90
LOSS_WIDTH, LABEL = 210, 11
INK, TRAIN, DEV, BAR, ZERO = "#5b6672", "#2f6fb5", "#8a1fb0", "#0b7d6c", "#c2185b"
LOWEST = 1e-12
DARK = (
    "<style>@media (prefers-color-scheme: dark) {"
    f'[fill="{INK}"] {{ fill: #a9b4c0 }} [stroke="{INK}"] {{ stroke: #a9b4c0 }}'
    f'[stroke="{DEV}"] {{ stroke: #d9a2f0 }} [stroke="{TRAIN}"] {{ stroke: #6ea8ea }}'
    f'[fill="{BAR}"] {{ fill: #4dc4b3 }} [stroke="{ZERO}"] {{ stroke: #ff80ab }} }}</style>'
)
"""In a picture the scheme is that of the element around it, so it follows the app's theme."""


def miniature(records: Records, planned: int, constant_loss: float) -> str:
    """Draw the losses of all epochs so far and the weight gradient of every layer, now.

    The dashed line is the loss of the best constant answer. Gradients are on a logarithmic axis
    from 1e-12 to 1e3; an exact zero is a diamond.
    """
    parts = [*_losses(records, planned, constant_loss), *_gradients(records)]
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="{LABEL}" fill="{INK}">{DARK}{"".join(parts)}</svg>'
    )
    words = tr("Training and dev loss over the epochs; gradient norm of every layer, logarithmic")
    return (
        f'<img class="nndl-miniature" alt="{escape(words)}" style="width:100%;max-width:460px" '
        f'src="data:image/svg+xml;base64,{b64encode(picture.encode()).decode()}"/>'
    )


def _losses(records: Records, planned: int, constant_loss: float) -> list[str]:
    train = records.column("train_loss").tolist()
    dev = records.column("dev_loss").tolist()
    finite = [v for v in [*train, *dev, constant_loss] if math.isfinite(v)]
    top = min(max(finite, default=1.0), 5 * constant_loss) * 1.05
    bottom = HEIGHT - 16

    def y(value: float) -> float:
        share = min(value / top, 1.0) if math.isfinite(value) else 1.0
        return round(bottom - share * (bottom - 14), 1)

    def line(values: list[float], color: str, dash: str) -> str:
        if len(values) < 2:
            return ""
        last = len(values) - 1
        picked = sorted({round(i * last / (POINTS - 1)) for i in range(POINTS)})
        points = " ".join(
            f"{LOSS_WIDTH * i / max(1, planned - 1):.1f},{y(values[i])}" for i in picked
        )
        return f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"{dash}/>'

    last = tr("epoch {n:,}", n=planned)
    return [
        f'<text x="0" y="10">{tr("loss")}</text>',
        f'<line x1="0" x2="{LOSS_WIDTH}" y1="{y(constant_loss)}" y2="{y(constant_loss)}" '
        f'stroke="{INK}" stroke-dasharray="3 4" stroke-opacity="0.7"/>',
        f'<line x1="0" x2="{LOSS_WIDTH}" y1="{bottom}" y2="{bottom}" stroke="{INK}"/>',
        f'<text x="{LOSS_WIDTH}" y="{HEIGHT - 4}" text-anchor="end">{last}</text>',
        line(dev, DEV, ' stroke-dasharray="5 3"'),
        line(train, TRAIN, ""),
    ]


def _gradients(records: Records) -> list[str]:
    norms = records.column("weight_grad_norm")
    if not len(norms):
        return []
    left, width = LOSS_WIDTH + 34, WIDTH - LOSS_WIDTH - 40
    values = norms[-1].tolist()
    step = min(14.0, (HEIGHT - 22) / len(values))
    parts = [
        tr(
            '<text x="{left}" y="10">gradient of fc1 to fc{count}</text>',
            left=left,
            count=len(values),
        )
    ]
    for at, value in enumerate(values):
        y = 16 + at * step
        if value == 0:
            parts.append(
                f'<path d="M{left + 4} {y} l4 {step / 2 - 1} l-4 {step / 2 - 1} '
                f'l-4 {1 - step / 2} z" fill="none" stroke="{ZERO}" stroke-width="1.6"/>'
            )
            continue
        place = math.log10(max(value, LOWEST) / LOWEST) / 15 if math.isfinite(value) else 1.0
        length = max(1.0, min(1.0, place) * width)
        parts.append(
            f'<rect x="{left}" y="{y:.1f}" width="{length:.1f}" height="{max(1.5, step - 2):.1f}" '
            f'fill="{BAR}"/>'
        )
    return parts
