"""A run as one Python file that needs nothing but PyTorch."""

from __future__ import annotations

import textwrap

from nndl_core.config import RunConfig
from nndl_core.datasets import Dataset
from nndl_core.export.sections import sections_of

WIDTH = 96


SINGLE = (
    "In single precision PyTorch sums in another order than the lab, so losses agree to about a "
    "millionth, and less where a run is chaotic."
)


def script_of(config: RunConfig, data: Dataset | None = None) -> str:
    """Write the program that repeats the run of a config and prints its table.

    data is the uploaded table, which the program reads from data.csv; see bundle_of. Raises
    ConfigError with one sentence if it is needed and not given.
    """
    sections = sections_of(config, data)
    needs = "PyTorch"
    if "sklearn" in sections[1].code:
        needs += " and scikit-learn, whose package carries the data"
    if config.dataset == "csv":
        needs += " and the file data.csv beside it"
    sizes = "-".join(str(n) for n in config.hidden) or "no"
    words = (
        f"Run it with `python run.py`; it needs {needs}. The same seeds draw the same data and the "
        "same first weights, so the losses are those of the lab, but for rounding."
    )
    if config.dtype == "float32":
        words += f" {SINGLE}"
    name = "a table" if config.dataset == "csv" else config.dataset
    title = f"A network with {sizes} hidden units on {name}, as the NNDL Lab trained it."
    parts = [f'"""{title}\n\n{textwrap.fill(words, WIDTH)}\n"""\n']
    for section in sections:
        rule = f"# --- {section.title} ".ljust(WIDTH, "-")
        text = textwrap.fill(section.text, WIDTH, initial_indent="# ", subsequent_indent="# ")
        parts.append(f"{rule}\n{text}\n{section.code}\n")
    return "\n".join(parts)
