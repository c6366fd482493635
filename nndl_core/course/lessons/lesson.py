"""What a lesson is: one experiment of the chapter as data."""

from __future__ import annotations

from dataclasses import dataclass

from nndl_core.diagnosis.signal_rules import Sign
from nndl_core.studies.study import Arms

CURVES = ("loss", "accuracy", "boundary", "gradients")
HEALTHY: frozenset[Sign] = frozenset()


@dataclass(frozen=True)
class Question:
    """What the learner predicts before running; ``answer`` counts the options from 0."""

    text: str
    options: tuple[str, ...]
    answer: int
    because: str


@dataclass(frozen=True)
class Lesson:
    """One experiment: a live pair of runs from one seed, and what it must show at its end.

    knobs are the settings that are free to play, for all arms at once; code lists objects as
    module:name, shown by inspect.getsource.
    """

    name: str
    topic: str
    experiment: str
    title: str
    story: str
    question: Question
    arms: Arms
    shows: dict[str, frozenset[Sign]]
    claims: tuple[str, ...]
    code: tuple[str, ...]
    knobs: tuple[str, ...] = ("learning_rate", "epochs", "noise", "data_seed", "init_seed")
    panels: tuple[str, ...] = CURVES


@dataclass(frozen=True)
class Topic:
    """One page of lessons."""

    name: str
    title: str
    intro: str
