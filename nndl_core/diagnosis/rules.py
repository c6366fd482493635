"""Diagnosis: why a run does not learn, proven by its telemetry, the cause before the symptom.

A rule reads the Facts of a run and returns a Finding or None. It never concludes from the loss
alone: a bad loss only makes a proven mechanism a disease. Every limit stands in limits.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import mark, tr
from nndl_core.diagnosis import limits
from nndl_core.diagnosis.data_rules import (
    above_line,
    is_mere_factor,
    linear_network,
    stalled,
    unfit_data,
    unscaled_inputs,
)
from nndl_core.diagnosis.facts import (
    Array,
    Evidence,
    Facts,
    Finding,
    mean_of_last,
    pace,
    run_backward,
    run_forward,
)
from nndl_core.diagnosis.loss_rules import oscillating_loss, overfitting, slow_convergence
from nndl_core.diagnosis.rival import add_rival
from nndl_core.diagnosis.signal_rules import (
    dying_relu,
    exploding_gradient,
    on_the_flat_side,
    saturation,
    symmetric_weights,
    vanishing_gradient,
)
from nndl_core.engine.records import Records
from nndl_core.engine.runner import Runner

Rule = Callable[[Facts], Finding | None]
RULES: tuple[Rule, ...] = (
    linear_network,
    symmetric_weights,
    exploding_gradient,
    dying_relu,
    saturation,
    vanishing_gradient,
    on_the_flat_side,
    overfitting,
    oscillating_loss,
    stalled,
    slow_convergence,
)


def diagnose(run: RunConfig | Runner, records: Records | None = None) -> list[Finding]:
    """Return the primary diagnosis of a run at its last recorded epoch, and what else is found.

    A run is a Runner, also of a network of one's own, or a config with its records. Beside a Runner
    that stands still on data of which nobody knows the limit a larger network is trained first.
    What was there before the first update is a cause and comes first; of two such, and of what
    came up in training, the order of RULES decides, but for saturation that came up in training:
    sure answers and long steps bring it. Without a disease that stands the run is healthy, or none
    of these if it has learned less than a quarter by its end. What is over comes last. Before
    there is evidence nothing is said. Raises ValueError for a Runner without anything measured.
    """
    if isinstance(run, Runner):
        add_rival(run)
        return diagnose(run.described, run.records)
    if records is None:
        raise TypeError(tr("A config needs the records of its run; or pass the Runner itself."))
    facts = Facts.of(run, records)
    if (refused := unfit_data(facts)) is not None:
        return refused
    found = [finding for rule in RULES if (finding := rule(facts)) is not None]
    over = [f for f in found if f.until is not None]
    standing = sorted((f for f in found if f.until is None and _counts(facts, f, over)), key=_rank)
    if not standing:
        standing = _unremarkable(facts)
    if standing and standing[0].born:  # what a standing cause has done before tells nothing more
        over = [f for f in over if f.disease != "stalled"]
    return [*_with_scale(facts, standing), *over] if standing else []


def _counts(run: Facts, finding: Finding, over: list[Finding]) -> bool:
    """Whether a finding says something of its own.

    Where nothing can be learned, nothing keeps a run from it; and the pace of a run counts the
    epochs that a cause held it which is over by now.
    """
    if finding.disease == "slow_convergence" and any(past.born for past in over):
        return False
    nothing = run.data is not None and run.data.best_loss is not None and not run.knows_limit
    return not nothing or finding.disease in ("exploding_gradient", "overfitting")


def _rank(finding: Finding) -> int:
    if finding.born:
        return 0
    return {"saturation": 3, "stalled": 2, "slow_convergence": 4}.get(finding.disease, 1)


def _with_scale(run: Facts, standing: list[Finding]) -> list[Finding]:
    """Put inputs of another scale before what they bring, but beside an explosion.

    A mere factor acts as the size of the first weights would, and what blows up is called so; of
    what all examples share, or of columns unlike each other, no other name tells.
    """
    scale = unscaled_inputs(run, standing)
    if scale is None:
        return standing
    first = standing[0].disease == "exploding_gradient" and is_mere_factor(run)
    return [standing[0], scale, *standing[1:]] if first else [scale, *standing]


def _unremarkable(run: Facts) -> list[Finding]:
    """Return healthy, or none of these for a run that ends without having learned.

    Nothing is said before a tenth of the run is over.
    """
    if not run.epochs or not (run.finished or run.past_start[-1]):
        return []
    learned, at = float(run.progress[-1]), run.epochs - 1
    told = min(1.0, max(0.0, learned))
    shown = (Evidence(mark("share learned"), told, limits.NOT_LEARNED, "below"),)
    if run.finished and learned < limits.NOT_LEARNED:
        if run.epochs < limits.FIRST_WORD and run.diverged_at is None:
            return []  # so few epochs show the start only, whatever the data are
        return [Finding("none_of_these", "mild", at, shown)]
    return [Finding("healthy", "fine", at, shown)]


def traced(run: Facts, finding: Finding) -> Array:
    """Return the quantity of a finding's first evidence at every epoch, [E]."""
    hidden = slice(max(1, run.hidden))
    layer = finding.layers[0] - 1 if finding.layers else 0
    window = run.window(limits.LATE, limits.LATE_EPOCHS)
    series: dict[str, Callable[[], Array]] = {
        "symmetric_weights": lambda: run.distinct[:, layer],
        "vanishing_gradient": lambda: np.minimum(run_forward(run), run_backward(run)),
        "exploding_gradient": lambda: run.loss / run.constant_loss,
        "dying_relu": lambda: run.dead.max(1),
        "saturation": lambda: run.flat[:, hidden].max(1),
        "slow_convergence": lambda: pace(run),
        "oscillating_loss": lambda: mean_of_last(run.lost / run.constant_loss, window),
        "overfitting": lambda: run.dev_loss / np.minimum.accumulate(run.dev_loss),
        "linear_network": lambda: above_line(run),
        "unscaled_inputs": lambda: np.full(run.epochs, math.nan),
        "one_class": lambda: np.full(run.epochs, math.nan),
        "nan_in_data": lambda: np.full(run.epochs, math.nan),
    }
    return series.get(finding.disease, lambda: run.progress)()
