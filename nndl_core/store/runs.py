"""What the run history keeps of a run: plain values that know no database."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from nndl_core.base.i18n import tr

MOST_RUNS, MOST_PINNED = 200, 50
"""Of one owner. Fewer pinned than kept, so that there is always a run that may go."""
MOST_NAME = 80
MOST_POINTS = 400
CURVES = ("train_loss", "dev_loss", "train_accuracy", "dev_accuracy")


@dataclass(frozen=True)
class KeptCurves:
    """Loss and accuracy at some epochs, in the precision of float32; all of one length.

    Raises ValueError for lengths that differ and for more than MOST_POINTS points.
    """

    epoch: tuple[int, ...]
    train_loss: tuple[float, ...]
    dev_loss: tuple[float, ...]
    train_accuracy: tuple[float, ...]
    dev_accuracy: tuple[float, ...]

    def __post_init__(self) -> None:
        lengths = {len(self.epoch), *(len(getattr(self, name)) for name in CURVES)}
        if len(lengths) > 1:
            raise ValueError(
                tr("Curves of one run have one length, not {sorted}.", sorted=sorted(lengths))
            )
        if len(self.epoch) > MOST_POINTS:
            raise ValueError(
                tr(
                    "{count} points; a curve has at most {most_points}.",
                    count=len(self.epoch),
                    most_points=MOST_POINTS,
                )
            )


@dataclass(frozen=True)
class Scores:
    """What a run reached: at its last parameters, and at those that were best on dev.

    A number that is none, such as an infinite loss, becomes None.
    """

    train_loss: float | None = None
    train_accuracy: float | None = None
    dev_loss: float | None = None
    dev_accuracy: float | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None
    best_epoch: int | None = None
    best_dev_accuracy: float | None = None
    best_test_accuracy: float | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not math.isfinite(value):
                object.__setattr__(self, name, None)


@dataclass(frozen=True)
class KeptFinding:
    """One finding of the diagnosis: the disease by its short name, and the sentence about it.

    The sentence may be of one language or, as i18n.in_all_languages writes it, of all.
    """

    disease: str
    sentence: str


@dataclass(frozen=True)
class KeptRun:
    """A finished run without its curves.

    id is made by whoever writes, once for each run; finished_at is in seconds since 1970, UTC;
    config is RunConfig's JSON; repeatable says whether the config alone gives the run again.
    """

    id: str
    name: str
    finished_at: float
    config: str
    engine: str
    epochs: int
    diverged_at: int | None = None
    repeatable: bool = True
    pinned: bool = False
    scores: Scores = field(default_factory=Scores)
    findings: tuple[KeptFinding, ...] = ()

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The settings by name; those of another version of the lab may lack some."""
        read = json.loads(self.config)
        return read if isinstance(read, dict) else {}


@dataclass(frozen=True)
class RunFilter:
    """Which runs are asked for; what is empty or None does not matter."""

    name: str = ""
    activation: str = ""
    dataset: str = ""
    disease: str = ""
    pinned: bool | None = None


def clean_name(text: str) -> str:
    """Return a name on one line: what cannot be printed becomes a space, the rest is cut."""
    printable = "".join(sign if sign.isprintable() else " " for sign in text[: 4 * MOST_NAME])
    return " ".join(printable.split())[:MOST_NAME].rstrip()


def folded(text: str) -> str:
    """Return a name as it is searched: without regard to upper and lower case."""
    return clean_name(text).casefold()


def thinned(count: int, most: int) -> list[int]:
    """Choose at most this many of count rows, evenly and with the first and the last."""
    if count <= most:
        return list(range(count))
    return [at * (count - 1) // (most - 1) for at in range(most)]


def unique_names(runs: Sequence[KeptRun]) -> dict[str, str]:
    """Return a name for each id, with a number behind those that come again."""
    names: dict[str, str] = {}
    for run in runs:
        name, number = run.name, 2
        while name in names.values():
            name, number = f"{run.name} ({number})", number + 1
        names[run.id] = name
    return names
