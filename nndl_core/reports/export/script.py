"""A run as one Python file that needs nothing but PyTorch."""

from __future__ import annotations

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import breadth, tr
from nndl_core.data.catalog import Dataset
from nndl_core.reports.export.comments import wrapped
from nndl_core.reports.export.data_sections import Section
from nndl_core.reports.export.sections import sections_of

WIDTH = 96


def script_of(config: RunConfig, data: Dataset | None = None) -> str:
    """Write the program that repeats the run of a config and prints its table.

    data is the uploaded table, which the program reads from data.csv; see bundle_of. Raises
    ConfigError with one sentence if it is needed and not given.
    """
    sections = sections_of(config, data)
    is_packaged = "sklearn" in sections[1].code
    about = wrapped(_about(config, is_packaged), WIDTH)
    parts = [f'"""{_title(config)}\n\n{about}\n"""\n']
    return "\n".join([*parts, *map(_part, sections)])


def _part(section: Section) -> str:
    rule = f"# --- {section.title} "
    rule += "-" * (WIDTH - breadth(rule))
    text = "".join(f"# {line}\n" for line in wrapped(section.text, WIDTH - 2).splitlines())
    return f"{rule}\n{text}{section.code}\n"


def _title(config: RunConfig) -> str:
    name = tr("a table") if config.dataset == "csv" else config.dataset
    if not config.hidden:
        return tr(
            "A network with no hidden units on {name}, as the NNDL Lab trained it.", name=name
        )
    return tr(
        "A network with {sizes} hidden units on {name}, as the NNDL Lab trained it.",
        sizes="-".join(map(str, config.hidden)),
        name=name,
    )


def _about(config: RunConfig, is_packaged: bool) -> str:
    """Say how to run the program and how far its losses are those of the lab."""
    needs = "PyTorch"
    if is_packaged:
        needs = tr("PyTorch and scikit-learn, whose package carries the data")
    elif config.dataset == "csv":
        needs = tr("PyTorch and the file data.csv beside it")
    words = tr(
        "Run it with `python run.py`; it needs {needs}. The same seeds draw the same data and the "
        "same first weights, so the losses are those of the lab, but for rounding.",
        needs=needs,
    )
    if config.dtype != "float32":
        return words
    single = tr(
        "In single precision PyTorch sums in another order than the lab, so losses agree to about "
        "a millionth, and less where a run is chaotic."
    )
    return tr("{sentence} {sentence_2}", sentence=words, sentence_2=single)
