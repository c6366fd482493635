"""A run as one Python file that needs nothing but PyTorch."""

from __future__ import annotations

import textwrap

from nndl_core.config import RunConfig
from nndl_core.export.sections import sections_of

WIDTH = 96


def script_of(config: RunConfig) -> str:
    """Write the program that repeats the run of a config and prints its table.

    Raises ConfigError with one sentence for data that came from a file.
    """
    sections = sections_of(config)
    needs = "PyTorch"
    if "sklearn" in sections[1].code:
        needs += " and scikit-learn, whose package carries the data"
    sizes = "-".join(str(n) for n in config.hidden) or "no"
    words = (
        f"Run it with `python run.py`; it needs {needs}. The same seeds draw the same data and the "
        "same first weights, so the losses are those of the lab, but for rounding."
    )
    title = f"A network with {sizes} hidden units on {config.dataset}, as the NNDL Lab trained it."
    parts = [f'"""{title}\n\n{textwrap.fill(words, WIDTH)}\n"""\n']
    for section in sections:
        rule = f"# --- {section.title} ".ljust(WIDTH, "-")
        text = textwrap.fill(section.text, WIDTH, initial_indent="# ", subsequent_indent="# ")
        parts.append(f"{rule}\n{text}\n{section.code}\n")
    return "\n".join(parts)
