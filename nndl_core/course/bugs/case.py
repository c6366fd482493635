"""A case: two versions of one function, which lines differ, and what each returns."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache

import torch

from nndl_core.course.bugs.docstrings import translated_docstrings

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
class CaseOutcome:
    """What a run returned: a number, or the error that ended it."""

    value: float | None
    error: str = ""


def run(version: Version) -> CaseOutcome:
    """Run one version; an error that a bug causes is part of its outcome."""
    torch.set_num_threads(1)  # as in the Runner: more threads are slower at this size
    try:
        return CaseOutcome(version())
    except (AttributeError, RuntimeError) as error:
        return CaseOutcome(None, f"{type(error).__name__}: {error}")


def source(function: Callable[..., object]) -> str:
    """Return a function's code as a learner reads it: no buggy or fixed in its name."""
    return translated_docstrings(_code(function))


@cache
def _code(function: Callable[..., object]) -> str:
    code = inspect.getsource(function)
    code = re.sub(r"^def (\w+?)_(buggy|fixed)\(", r"def \1(", code)
    return re.sub(r"  # (noqa|type): .*$", "", code, flags=re.MULTILINE).rstrip()


def code_lines(case: BugCase) -> dict[int, str]:
    """Return the lines of the buggy version that do something, by number from 1."""
    lines = enumerate(source(case.buggy).splitlines(), start=1)
    return {n: text for n, text in lines if text.strip() and '"""' not in text}


@dataclass(frozen=True)
class Difference:
    """Where two versions differ, by line numbers from 1.

    ``wrong`` lines of the buggy version are changed or taken away, after each of ``missing_after``
    lines are added; ``new`` are the lines of the fixed version that are not in the buggy one.
    """

    wrong: frozenset[int]
    missing_after: frozenset[int]
    new: frozenset[int]

    def accepts(self, line: int) -> bool:
        """Tell whether a line of the buggy version names the bug: wrong, or beside a gap."""
        return line in self.wrong or bool({line, line - 1} & self.missing_after)


def difference(case: BugCase) -> Difference:
    """Compare the versions of a case; lines that changed places are wrong from first to last."""
    old, new = source(case.buggy).splitlines(), source(case.fixed).splitlines()
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    changes = [code for code in codes if code[0] != "equal"]
    if sorted(old) == sorted(new):
        _, i1, _, j1, _ = changes[0]
        _, _, i2, _, j2 = changes[-1]
        changes = [("replace", i1, i2, j1, j2)]
    return Difference(
        wrong=frozenset(n for _, i1, i2, _, _ in changes for n in range(i1 + 1, i2 + 1)),
        missing_after=frozenset(i1 for tag, i1, *_ in changes if tag == "insert"),
        new=frozenset(n for _, _, _, j1, j2 in changes for n in range(j1 + 1, j2 + 1)),
    )
