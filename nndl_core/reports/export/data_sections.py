"""The sections of an exported program that draw its data, taken from the lab's own source."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import mark, tr
from nndl_core.data import points
from nndl_core.data.catalog import DATASETS

PLANE_HELPERS = (
    "_class_sizes",
    "_labels",
    "_moon_arcs",
    "_rings",
    "_spiral_arms",
    "_shuffled",
    "_jittered",
)
"""In an order in which each is defined before it is called."""
CONSTANTS = ("BLOB_SPREAD", "XOR_SIDE", "SPIRAL_RADIUS")
UPLOADED_TEXT = mark(
    "The uploaded table, in the file data.csv beside this program: the rows and columns that were "
    "trained on, already shuffled, and scaled by mean and spread of the train part."
)
RAW_TEXT = mark(
    "The uploaded table, in the file data.csv beside this program: the rows and columns that were "
    "trained on, already shuffled, and not scaled."
)
UPLOADED = """\
import csv

with open("data.csv", newline="", encoding="utf-8") as file:
    rows = list(csv.reader(file))[1:]  # without the heading
x = torch.tensor([[float(cell) for cell in row[:-2]] for row in rows], dtype=torch.float64)
y = torch.tensor([int(row[-2]) for row in rows])  # the last column names the class"""


@dataclass(frozen=True)
class Section:
    """A piece of the program: title, what it does (Markdown), and its code."""

    title: str
    text: str
    code: str


def data_section(config: RunConfig) -> Section:
    """Write what draws or reads the data: rows x [n, features], shuffled, and classes y [n]."""
    if config.dataset == "csv":
        text = tr(UPLOADED_TEXT) if config.scale == "on" else tr(RAW_TEXT)
        return Section(tr("Data"), text, UPLOADED)
    spec = DATASETS[config.dataset]
    if spec.tabular:
        return _table(config)
    text = tr(
        "The data: {name}, drawn from a generator of their own and shuffled.",
        name=tr(spec.label).lower(),
    )
    return Section(tr("Data"), text, _drawing(spec.make))


def _drawing(make: Callable[..., Any]) -> str:
    """Write the constants and helpers that a maker of points needs, itself, and its call."""
    extra = make.keywords if isinstance(make, partial) else {}
    function = make.func if isinstance(make, partial) else make
    body = source_of(function)
    helpers = [name for name in PLANE_HELPERS if _needs(name, body)]
    sources = [source_of(getattr(points, name)) for name in helpers]
    constants = [name for name in CONSTANTS if name in " ".join([body, *sources])]
    given = "".join(f", {name}={value!r}" for name, value in extra.items())
    call = (
        "generator = torch.Generator().manual_seed(DATA_SEED)\n"
        f"x, y = {function.__name__}(POINTS, NOISE, generator{given})"
    )
    first = [f"{name} = {getattr(points, name)!r}" for name in constants]
    code = "\n\n\n".join([*first, *sources, body, call])
    for name in helpers:
        code = re.sub(rf"\b{name}\b", name.removeprefix("_"), code)  # a script hides nothing
    return code


def _needs(name: str, body: str) -> bool:
    """Tell whether a helper is called by a function, or by a helper that is."""
    if f"{name}(" in body:
        return True
    users = [other for other in PLANE_HELPERS if other != name and f"{other}(" in body]
    return any(f"{name}(" in source_of(getattr(points, other)) for other in users)


SCALING = """
# every feature is scaled by mean and spread of the train part, the first 64 %
train = x[: 64 * len(x) // 100]
spread = train.std(dim=0, correction=0)
x = (x - train.mean(dim=0)) / torch.where(spread > 0, spread, 1.0)"""


def _table(config: RunConfig) -> Section:
    name = config.dataset
    code = f"""\
from sklearn.datasets import load_{name}

generator = torch.Generator().manual_seed(DATA_SEED)
table = load_{name}()
x, y = torch.from_numpy(table.data).double(), torch.from_numpy(table.target).long()
order = torch.randperm(len(x), generator=generator)[:POINTS]
x, y = x[order], y[order]"""
    if config.scale == "on":
        code += SCALING
    text = tr("The {name} data, as scikit-learn carries them, shuffled.", name=name)
    return Section(tr("Data"), text, code)


def split_section(config: RunConfig, *, is_whole: bool = False) -> Section:
    """Write what cuts the rows into train, dev and test, and flips labels of the first two.

    is_whole: the rows are too few to be cut, and each part is all of them.
    """
    if is_whole:
        code = "x = x.float().to(DTYPE)\nx_train = x_dev = x_test = x\ny_train = y_dev = y_test = y"
        text = tr("The rows are too few to be divided: train, dev and test are all of them.")
        return Section(tr("Split"), text, code)
    text = tr("64 % of the rows to train on, 16 % to choose by (dev), the rest to test.")
    if not config.label_noise or config.dataset == "csv":
        return Section(tr("Split"), text, SPLIT)
    wrong = tr("Some labels of train and dev are wrong on purpose; those of test are true.")
    text = tr("{sentence} {sentence_2}", sentence=text, sentence_2=wrong)
    return Section(tr("Split"), text, SPLIT + _flips(config))


SPLIT = """\
n_train, n_dev = 64 * len(x) // 100, 16 * len(x) // 100
x = x.float().to(DTYPE)
x_train, x_dev, x_test = x[:n_train], x[n_train : n_train + n_dev], x[n_train + n_dev :]
y_train, y_dev, y_test = y[:n_train], y[n_train : n_train + n_dev], y[n_train + n_dev :]"""


def _flips(config: RunConfig) -> str:
    classes = DATASETS[config.dataset].classes
    return f"""


def flipped(y, generator):
    chosen = torch.randperm(len(y), generator=generator)[: round({config.label_noise!r} * len(y))]
    step = torch.randint(1, {classes}, (len(y),), generator=generator)
    y = y.clone()
    y[chosen] = (y[chosen] + step[chosen]) % {classes}
    return y


flips = torch.Generator().manual_seed(DATA_SEED ^ 0x9E3779B9)
y_train = flipped(y_train, flips)
y_dev = flipped(y_dev, flips)"""


_DOCSTRING = re.compile(r'\A\n\s+""".*?"""', re.DOTALL)


def source_of(function: Callable[..., Any]) -> str:
    """Return the source of a function without docstring and annotations: a script needs neither."""
    code = textwrap.dedent(inspect.getsource(function)).rstrip()
    names = inspect.signature(function).parameters
    # the heading may span lines and its annotations contain colons, so it is written anew
    body = _DOCSTRING.sub("", code[_end_of_heading(code) :])
    parts, is_keyword = [], False
    for name, parameter in names.items():
        if parameter.kind is parameter.KEYWORD_ONLY and not is_keyword:
            parts.append("*")
            is_keyword = True
        parts.append(name)
    return f"def {function.__name__}({', '.join(parts)}):{body}"


def _end_of_heading(code: str) -> int:
    """Return where the body of a function begins."""
    depth = 0
    for i, letter in enumerate(code):
        depth += (letter in "([") - (letter in ")]")
        if letter == ":" and depth == 0:
            return i + 1
    raise ValueError("There is no function here.")
