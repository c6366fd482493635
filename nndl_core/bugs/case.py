"""A case: two versions of one function, which lines differ, and what each returns."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache

import torch

Version = Callable[[], float]


@dataclass(frozen=True)
class BugCase:
    """One bug: what a student sees, the code with and without it, and the number that tells.

    ``buggy`` and ``fixed`` run the same seeds and return the same quantity, ``label`` in ``unit``.
    """

    id: str
    title: str
    story: str
    buggy: Version
    fixed: Version
    label: str
    unit: str
    hint: str
    explanation: str


@dataclass(frozen=True)
class Outcome:
    """What a run returned: a number, or the error that ended it."""

    value: float | None
    error: str = ""


def run(version: Version) -> Outcome:
    """Run one version; an error that a bug causes is part of its outcome."""
    torch.set_num_threads(1)  # as in the Runner: more threads are slower at this size
    try:
        return Outcome(version())
    except (AttributeError, RuntimeError) as error:
        return Outcome(None, f"{type(error).__name__}: {error}")


@cache
def source(function: Callable[..., object]) -> str:
    """Return a function's code as a learner reads it: no buggy or fixed in its name."""
    code = inspect.getsource(function)
    code = re.sub(r"^def (\w+?)_(buggy|fixed)\(", r"def \1(", code)
    return re.sub(r"  # (noqa|type): .*$", "", code, flags=re.MULTILINE).rstrip()


def code_lines(case: BugCase) -> dict[int, str]:
    """Return the lines of the buggy version that do something, by number from 1."""
    lines = enumerate(source(case.buggy).splitlines(), start=1)
    return {n: text for n, text in lines if text.strip() and '"""' not in text}


def wrong_lines(case: BugCase) -> set[int]:
    """Return the lines of the buggy version that the fix changes, from 1.

    Where the fix only adds a line, these are the two lines between which it is missing; where it
    only moves lines, all lines from the old to the new place.
    """
    old, new = source(case.buggy).splitlines(), source(case.fixed).splitlines()
    changes = _changes(old, new)
    if sorted(old) == sorted(new):
        return set(range(changes[0][0] + 1, changes[-1][1] + 1))
    spans = [(i1, i2 + 1) if i1 == i2 else (i1 + 1, i2) for i1, i2, _, _ in changes]
    return {n for first, last in spans for n in range(first, last + 1)}


def changed_lines(case: BugCase) -> set[int]:
    """Return the lines of the fixed version that are new or changed, from 1."""
    changes = _changes(source(case.buggy).splitlines(), source(case.fixed).splitlines())
    return {n for _, _, j1, j2 in changes for n in range(j1 + 1, j2 + 1)}


def _changes(old: list[str], new: list[str]) -> list[tuple[int, int, int, int]]:
    """The spans (i1, i2) of old lines that became the new lines (j1, j2)."""
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [spans for tag, *spans in codes if tag != "equal"]  # type: ignore[misc]
