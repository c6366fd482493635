"""What is said of a remedy: the settings that it changes, and what it has done for a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nndl_core.base.config import KNOBS, RunConfig
from nndl_core.base.i18n import tr
from nndl_core.diagnosis import limits
from nndl_core.diagnosis.data_words import learned, number
from nndl_core.diagnosis.facts import Facts, Finding
from nndl_core.diagnosis.words import NAMES

Diagnosed = tuple[Sequence[Finding], Facts]


def compared(sick: Diagnosed, cured: Diagnosed) -> str:
    """Say in one sentence what a remedy has done, from both diagnoses, so that it fits them.

    A gradient that is back is told from a run that learns. Empty before both have begun.
    """
    if not (sick[1].epochs and cured[1].epochs):
        return ""
    before, after = (float(run.gradient[-1, 0]) for _, run in (sick, cured))
    numbers = tr(
        "Gradient of fc1 {before} beside {after}, learned {learned_before} beside {learned_after}",
        before=number(before),
        after=number(after),
        learned_before=learned(sick[1]),
        learned_after=learned(cured[1]),
    )
    return tr("{numbers}: {outcome}.", numbers=numbers, outcome=_outcome(sick, cured))


def _outcome(sick: Diagnosed, cured: Diagnosed) -> str:
    """Say what became of the run with the remedy, beside the run without it."""
    if not (sick[0] and cured[0]):
        return tr("too early to tell")
    if _is_fine(cured):
        return _beside_fine(sick, cured)
    name = tr(NAMES[cured[0][0].disease])
    if _is_fine(sick):
        return tr("the run without the remedy is healthy, and this one is not ({name})", name=name)
    if cured[0][0].disease != sick[0][0].disease and cured[0][0].disease != "none_of_these":
        gone = tr(NAMES[sick[0][0].disease])
        return tr("{gone} is no longer found, but {name} is", gone=gone, name=name)
    before, after = (float(run.gradient[-1, 0]) for _, run in (sick, cured))
    if after > limits.GRADIENT_BACK * before:
        return tr("the gradient is back, but the run does not learn for that")
    return tr("not cured") if cured[1].finished else tr("not cured so far")


def _beside_fine(sick: Diagnosed, cured: Diagnosed) -> str:
    """Say what a healthy run with a remedy shows."""
    if _is_fine(sick):
        if any(finding.until is not None for finding in sick[0]):
            return tr("both learn, for the run without the remedy has recovered by itself")
        return tr("both are healthy, and nothing was to be cured")
    gain = float(cured[1].progress[-1] - sick[1].progress[-1])
    if gain >= limits.REMEDY_GAIN and float(cured[1].progress[-1]) >= limits.NOT_LEARNED:
        return tr("the run learns")
    name = tr(NAMES[sick[0][0].disease])
    if cured[1].finished:
        return tr("cured, for it ends without {name}", name=name)
    return tr("nothing is wrong with the remedy's run so far")


def _is_fine(diagnosed: Diagnosed) -> bool:
    return diagnosed[0][0].severity == "fine"


def change_in_words(config: RunConfig, change: Mapping[str, object]) -> str:
    """Write what a remedy changes: setting old to new, separated by commas."""
    changed = {name: value for name, value in change.items() if value != getattr(config, name)}
    parts = (
        f"{tr(KNOBS[name].label)} {_setting(getattr(config, name))} → {_setting(value)}"
        for name, value in changed.items()
    )
    return tr(", ").join(parts)


def _setting(value: object) -> str:
    if isinstance(value, tuple):
        return "-".join(map(str, value)) or tr("none")
    return f"{value:g}" if isinstance(value, float) else str(value)
