"""What is read off the cells of a trainability map, and how far theory foretells it."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import mark
from nndl_core.data.catalog import dataset_of
from nndl_core.diagnosis.signal_rules import signs
from nndl_core.engine.batch import Outcome
from nndl_core.studies.sweep.cells import Cell
from nndl_core.studies.sweep.table import rows
from nndl_core.theory.mean_field import WideNet, born_dead

QuantityName = Literal["accuracy", "train_accuracy", "loss", "gradient_ratio", "dead_share"]
Status = Literal[
    "diverged",
    "symmetric_units",
    "dead_layer",
    "zero_gradient",
    "vanishing_gradient",
    "at_chance",
    "no_sign",
]
"""What a run shows, the cause before the effect: of several, the first is named."""
HALFWAY = 0.5


@dataclass(frozen=True)
class Quantity:
    """One number of a run: its name on a map, and its column in the table of a sweep."""

    label: str
    column: str


QUANTITIES: dict[QuantityName, Quantity] = {
    "accuracy": Quantity(mark("test accuracy"), "test_accuracy"),
    "train_accuracy": Quantity(mark("train accuracy"), "train_accuracy"),
    "loss": Quantity(mark("train loss"), "train_loss"),
    "gradient_ratio": Quantity(
        mark("log10 of first / last gradient"), "gradient_ratio_log10_start"
    ),
    "dead_share": Quantity(mark("dead share of hidden units"), "dead_share"),
}


@dataclass(frozen=True)
class CellMean:
    """One quantity over the seeds of a cell: mean and standard deviation of its finite values.

    Without a finite value the mean is NaN, with fewer than two the deviation is. zeros counts the
    ratios of an exact 0, which are -inf; odd the other values that are not finite.
    """

    mean: float
    deviation: float
    zeros: int
    odd: int


@dataclass(frozen=True)
class Summary:
    """One cell in few numbers: what is the same for all seeds, and every quantity over them.

    statuses counts the statuses of the seeds, the most frequent first, then in their order.
    """

    index: tuple[int, ...]
    values: dict[str, Any]
    spreads: dict[QuantityName, CellMean]
    statuses: tuple[tuple[Status, int], ...]

    @property
    def status(self) -> Status:
        """The status of most seeds."""
        return self.statuses[0][0]


def summarize(cell: Cell) -> Summary:
    """Summarize a cell over its seeds."""
    found = [_with_zeros(row) for row in rows(cell)]
    spreads = {name: _spread([row[q.column] for row in found]) for name, q in QUANTITIES.items()}
    return Summary(cell.index, cell.values, spreads, tuple(_statuses(cell)))


def _with_zeros(row: dict[str, Any]) -> dict[str, Any]:
    """Count 0 / 0 as 0: in a network that is dead throughout, the last gradient is 0 as well."""
    ratio = QUANTITIES["gradient_ratio"].column
    return row | {ratio: -math.inf} if row["first_gradient_start"] == 0 else row


def _spread(values: Sequence[float]) -> CellMean:
    finite = [value for value in values if math.isfinite(value)]
    mean = statistics.fmean(finite) if finite else math.nan
    deviation = statistics.stdev(finite, mean) if len(finite) > 1 else math.nan
    zeros = values.count(-math.inf)
    return CellMean(mean, deviation, zeros, len(values) - len(finite) - zeros)


def status(outcome: Outcome) -> Status:
    """Return the first in Status that a run shows."""
    shown: set[str] = set(signs(outcome.first, outcome.last))
    if outcome.diverged_at is not None:
        shown.add("diverged")
    found: Status = next((name for name in get_args(Status) if name in shown), "no_sign")
    return found


def _statuses(cell: Cell) -> list[tuple[Status, int]]:
    counted = Counter(map(status, cell.outcomes))
    order = get_args(Status)
    return sorted(counted.items(), key=lambda item: (-item[1], order.index(item[0])))


@dataclass(frozen=True)
class CellVerdict:
    """One cell beside the rule: its mean train accuracy, and depth against 6 xi."""

    cell: Cell
    accuracy: float
    depth: int
    trainable_depth: float
    trains: bool

    @property
    def is_expected(self) -> bool:
        """Whether the rule expects the cell to train."""
        return self.depth <= self.trainable_depth

    @property
    def agrees(self) -> bool:
        """Whether the cell does what the rule expects."""
        return self.trains == self.is_expected


@dataclass(frozen=True)
class Agreement:
    """How far "depth <= 6 xi" foretells which cells train.

    A cell trains if its mean train accuracy is above the limit, which lies between chance (the
    largest class's share of the training set) and the best cell of the map.
    """

    chance: float
    best: float
    limit: float
    judged: tuple[CellVerdict, ...]

    @property
    def agreeing(self) -> int:
        """The number of cells that agree."""
        return sum(one.agrees for one in self.judged)

    @property
    def share(self) -> float:
        """The share of cells that agree."""
        return self.agreeing / len(self.judged)

    @property
    def disagreeing(self) -> list[CellVerdict]:
        """The cells that do not agree."""
        return [one for one in self.judged if not one.agrees]


def agreement(cells: Sequence[Cell], part: float = HALFWAY) -> Agreement | None:
    """Compare cells with the rule; the limit lies at ``part`` of the way from chance to the best.

    Returns None where no cell has a theory.
    """
    nets = [(cell, net) for cell in cells if (net := WideNet.of(cell.config)) is not None]
    if not nets:
        return None
    scores = [
        statistics.fmean(outcome.last.train_accuracy for outcome in cell.outcomes)
        for cell, _ in nets
    ]
    guess, best = statistics.fmean(map(_guess, cells[0].outcomes)), max(scores)
    limit = guess + part * (best - guess)
    judged = tuple(
        CellVerdict(cell, score, len(cell.config.hidden), net.trainable_depth, score > limit)
        for (cell, net), score in zip(nets, scores, strict=True)
    )
    return Agreement(guess, best, limit, judged)


def _guess(outcome: Outcome) -> float:
    """The chance accuracy of a run; what decides neither points nor labels is left out."""
    c = outcome.config
    plain = RunConfig(dataset=c.dataset, points=c.points, data_seed=c.data_seed)
    return chance(plain)


@lru_cache(maxsize=256)
def chance(config: RunConfig) -> float:
    """Return the accuracy on the training set of always answering its largest class."""
    y = dataset_of(config).train.y
    return float(y.bincount().max()) / len(y)


@dataclass(frozen=True)
class BornDead:
    """Networks with a layer that is dead before training, beside the bound of Lu et al. 2019.

    dead of runs were born dead; the bound is the mean over the runs, error its standard error.
    """

    runs: int
    dead: int
    bound: float
    error: float


def is_born_dead(outcome: Outcome) -> bool:
    """Tell whether a hidden layer is flat on the whole training set before training."""
    return any(layer.dead_units == layer.units for layer in outcome.first.layers[:-1])


def births(cells: Sequence[Cell]) -> BornDead:
    """Count the networks that were born dead; for ReLU, zero biases and equal widths."""
    bounds = [
        born_dead(cell.config.hidden[0], len(cell.config.hidden) + 1)[1]
        for cell in cells
        for _ in cell.outcomes
    ]
    dead = sum(is_born_dead(outcome) for cell in cells for outcome in cell.outcomes)
    error = math.sqrt(sum(p * (1 - p) for p in bounds)) / len(bounds)
    return BornDead(len(bounds), dead, statistics.fmean(bounds), error)


def run_rows(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """Return one row per run for a file: that of the sweep's table, its status and its theory."""
    return [
        {name: _worded(value) for name, value in row.items()}
        | {"status": status(outcome), "born_dead": is_born_dead(outcome), **_theory(cell.config)}
        for cell in cells
        for row, outcome in zip(rows(cell), cell.outcomes, strict=True)
    ]


def _theory(config: RunConfig) -> dict[str, Any]:
    net = WideNet.of(config)
    if net is None:
        return {}
    return {"sigma_w": net.sigma_w, "chi_1": net.chi_1, "six_xi": _worded(net.trainable_depth)}


def _worded(value: Any) -> Any:
    """Write what is no number as a word: a sheet takes an empty cell for a missing run.

    The words begin with a letter, because a sheet takes "-inf" for a formula.
    """
    if not isinstance(value, float) or math.isfinite(value):
        return value
    if math.isnan(value):
        return "undefined"
    return "infinite" if value > 0 else "minus infinite"  # untranslated: read by machines
