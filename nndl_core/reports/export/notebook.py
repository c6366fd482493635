"""A run as a Jupyter notebook: the script's sections in cells, and its curves drawn."""

from __future__ import annotations

import json
from typing import Any

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import tr
from nndl_core.data.catalog import Dataset
from nndl_core.reports.export.sections import sections_of

# The words of the plot stay English: the reader's matplotlib may have no Chinese font.
PLOT = """\
import matplotlib.pyplot as plt

epochs, train_loss, _, dev_loss, _ = zip(*history)
plt.plot(epochs, train_loss, color="black", label="train")
plt.plot(epochs, dev_loss, color="purple", linestyle="--", label="dev")
plt.xlabel("epoch")
plt.ylabel("loss")
plt.legend()
plt.show()"""


def notebook_of(config: RunConfig, data: Dataset | None = None) -> bytes:
    """Write a notebook (nbformat 4.5) that repeats the run of a config.

    data is the uploaded table, which it reads from data.csv; see bundle_of. Raises ConfigError
    with one sentence if it is needed and not given.
    """
    name = tr("a table") if config.dataset == "csv" else config.dataset
    title = tr("# A run of the NNDL Lab on {name}\n\nRun the cells from top to bottom.", name=name)
    cells = [_cell(0, "markdown", title)]
    for section in sections_of(config, data):
        text = f"## {section.title}\n\n{section.text}"
        cells.append(_cell(len(cells), "markdown", text))
        cells.append(_cell(len(cells), "code", section.code))
    cells.append(_cell(len(cells), "markdown", tr("## Curves\n\nThe loss of every epoch.")))
    cells.append(_cell(len(cells), "code", PLOT))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    language = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}
    metadata = {"kernelspec": kernel, "language_info": language}
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False).encode()


def _cell(number: int, kind: str, source: str) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "cell_type": kind,
        "id": f"cell-{number}",
        "metadata": {},
        "source": source.splitlines(keepends=True),
    }
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell
