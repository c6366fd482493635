"""Diagnosis: why a run does not learn, proven by its telemetry, the cause before the symptom.

A rule reads the Facts of a run and returns a Finding or None. It never concludes from the loss
alone: a bad loss only makes a proven mechanism a disease. Every limit stands here with its
derivation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import mark, tr
from nndl_core.diagnosis.data_rules import (
    above_line,
    is_mere_factor,
    linear_network,
    stalled,
    unfit_data,
    unscaled_inputs,
)
from nndl_core.diagnosis.facts import (
    EARLY,
    FIRST_WORD,
    LEARNED,
    Array,
    Disease,
    Evidence,
    Facts,
    Finding,
    Marks,
    Severity,
    Span,
    always,
    mean_of_last,
    pace,
    run_backward,
    run_forward,
    standing_since,
)
from nndl_core.diagnosis.rival import add_rival
from nndl_core.engine.records import Records
from nndl_core.engine.runner import Runner

Rule = Callable[[Facts], Finding | None]

MOSTLY_LEARNED, HALF, NOT_LEARNED = 0.75, 0.5, 0.25
"""Shares of what there is to learn; a run below 25 % has learned little more than the class
frequencies."""
SIGNAL_LOST = math.exp(-3)
"""In a wide network a difference of two examples shrinks by exp(-1 / 2 xi) per layer, and networks
train down to about 6 xi layers (Schoenholz et al. 2017): exp(-3) = .05 of the amplitude is left.
Gradients shrink by the same factor on the way back."""
SIGNAL_GROWN = math.exp(3)
"""The same law on the other side of criticality."""
FAR_ABOVE = 20.0
"""Times H. No network whose logits are only biases can reach it: with |b| <= 10 the loss is at most
10 = 14.4 ln 2. Beyond it the weights must have blown the logits up."""
MOST_DEAD = 0.9
"""Of a layer. A closed boundary in the plane needs three lines; of 29 units 2 are left."""
MOSTLY_FLAT = 0.5
"""Most outputs of a layer lie where the slope is below 5 % of its largest."""
TURN = 0.3
"""Radian. Sum of |dW| / |W| over the run, an upper bound of the angle by which weights turn."""
JUMP, JUMPS = 0.05, 0.2
"""A jump changes the loss by 5 % of H from one epoch to the next, either way; gradient descent that
is stable goes down, and one escape is a single jump, not every fifth epoch."""
LOST, CALM, THROWN = 0.05, 0.025, 0.25
"""What a run has lost again: its loss above the least that it ever had, in H, as a mean over 20 %
of the run. Small batches that converge lose less than they have still to learn; steps that are too
long keep the loss up. A quarter of H is lost by no wobble: the run was thrown out of its valley."""
LATE_GAIN = 0.1
"""Of what there is to learn, in the second half of a run: it was ended too early."""
RISE, GAP = 1.1, 0.08
"""The dev loss above its minimum, and the accuracy on train above that on dev: with 250 dev points
a share has a standard error of at most .032, so .08 is 2.5 of them."""
BELOW = 0.1
"""Of H. Who knows the distribution of 100 examples has a loss that lies within that of its mean."""
LATE = 0.2
"""Share of the run over which it is judged whether a loss wobbles."""


def symmetric_weights(run: Facts) -> Finding | None:
    """Find layers whose units were equal before and after updates: they compute one function.

    Judged before the tenth update, because round-off grows at the saddle.
    """
    one = (run.distinct[:, : run.hidden] == 1) & (run.units[:, : run.hidden] > 1)
    # of equal first weights it is known; at an exact saddle nothing but round-off tells units apart
    equal = run.config.init in ("zeros", "constant")
    proven = (one[:1] if equal else always(one)).any(1) & run.from_epoch(0, 2)
    on = proven & (np.arange(run.epochs) <= 10) & ~run.learned
    span = run.span(on, run.learned)
    if span is None:
        return None
    layers = np.flatnonzero(one[0])
    k, at = int(layers[0]), run.shown_at(span)
    shown = Evidence(
        mark("distinct units of this layer"), run.distinct[at, k], run.units[at, k], "below"
    )
    return _found("symmetric_weights", "fatal", span, (shown,), _names(layers), born=True)


def dying_relu(run: Facts) -> Finding | None:
    """Find layers of which most units have slope exactly 0 on every training example.

    The output layer is one of them where a network ends with ReLU, whatever stands before.
    """
    dead, learned = run.dead.copy(), run.learned
    if run.config.activation in ("sigmoid", "tanh"):
        dead[:, : run.hidden] = 0
    whole = (dead == 1).any(1) & run.from_epoch(0, 1)
    most = (dead >= MOST_DEAD).any(1) & run.from_epoch(EARLY, 5)
    span = run.span((whole | most) & ~learned, learned | (dead < MOST_DEAD).all(1))
    if span is None:
        return None
    at = run.shown_at(span)
    worst = float(dead[at].max())
    layers = np.flatnonzero(dead[at] >= MOST_DEAD)
    shown = [Evidence(mark("dead share of the layer"), worst, MOST_DEAD, "above")]
    if run.gradient[at, 0] == 0:
        shown.append(Evidence(mark("gradient norm of fc1"), 0.0, 0.0, "below"))
    born = bool((dead[0] >= MOST_DEAD).any())
    severity: Severity = "fatal" if worst == 1 else "severe"
    return _found("dying_relu", severity, span, tuple(shown), _names(layers), born)


def saturation(run: Facts) -> Finding | None:
    """Find layers of sigmoid or tanh that work where the curve is flat, while little is learned."""
    if not run.hidden or run.config.activation not in ("sigmoid", "tanh"):
        return None
    flat = run.flat[:, : run.hidden]
    if not run.epochs:
        return None
    # what came up in training is no cause where half is learned: sure answers are flat too
    born = bool((flat[0] > MOSTLY_FLAT).any())
    learned = run.learned if born else run.progress >= HALF
    stuck = (flat > MOSTLY_FLAT).any(1) & ~learned
    ends = learned | (flat <= MOSTLY_FLAT).all(1)
    span = run.span(stuck & run.from_epoch(EARLY, 5), ends)
    if span is None:
        return None
    at = run.shown_at(span)
    layers = np.flatnonzero(flat[at] > MOSTLY_FLAT)
    worst = float(flat[at].max())
    shown = Evidence(mark("flat share of the outputs"), worst, MOSTLY_FLAT, "above")
    return _found("saturation", "severe", span, (shown,), _names(layers), born)


def vanishing_gradient(run: Facts) -> Finding | None:
    """Find layers through which the difference of examples, or the gradient, does not get.

    The shrinking must be there before the first update and still be there.
    """
    if run.hidden < 2:
        return None
    forward, backward = run_forward(run), run_backward(run)
    lost = (forward < SIGNAL_LOST) | (backward < SIGNAL_LOST)
    stuck = lost & lost[:1] & (run.progress < NOT_LEARNED)
    if run.config.optimizer == "adam":
        # its steps do not depend on the size of a gradient: short ones are the learning rate's
        stuck &= pace(run) >= TURN
    span = run.span(
        stuck & run.from_epoch(EARLY, 5),
        (run.progress >= MOSTLY_LEARNED) | (~lost & (run.progress >= NOT_LEARNED)),
    )
    if span is None:
        return None
    signal, gradient = float(forward[run.shown_at(span)]), float(backward[run.shown_at(span)])
    shown = (
        Evidence(mark("signal, last hidden layer / fc1"), signal, SIGNAL_LOST, "below"),
        Evidence(mark("gradient, fc1 / largest"), gradient, SIGNAL_LOST, "below"),
    )
    layers = range(run.hidden)
    return _found("vanishing_gradient", "fatal", span, shown, _names(layers), born=True)


def on_the_flat_side(run: Facts) -> Finding | None:
    """Find layers of Leaky ReLU, ELU and the like that lie nearly whole where the slope is small.

    The slope is not 0, so no unit is dead; what passes is too little to move anything.
    """
    if not run.hidden or run.config.activation in ("sigmoid", "tanh", "relu", "identity"):
        return None
    flat = run.flat[:, : run.hidden]
    stuck = (flat >= MOST_DEAD).any(1) & ~run.learned & run.from_epoch(EARLY, 5)
    span = run.span(stuck, run.learned | (flat < MOST_DEAD).all(1))
    if span is None:
        return None
    at = run.shown_at(span)
    layers = np.flatnonzero(flat[at] >= MOST_DEAD)
    shown = Evidence(mark("flat share of the outputs"), float(flat[at].max()), MOST_DEAD, "above")
    born = bool((flat[0] >= MOST_DEAD).any())
    return _found("saturation", "severe", span, (shown,), _names(layers), born)


def exploding_gradient(run: Facts) -> Finding | None:
    """Find a loss that left the finite numbers, or layers that blow the signal up and do harm."""
    grown = float(run_forward(run)[0]) if run.epochs and run.hidden > 1 else 1.0
    bounded = run.config.activation in ("sigmoid", "tanh")  # cannot blow a signal up
    # one odd label makes H small, and the logits of any start look far off beside it
    even = max(run.constant_loss, math.log(2))
    far = run.epochs == 0 or (run.loss[0] > FAR_ABOVE * even and _has_logits(run))
    blown = not bounded and (far or grown > SIGNAL_GROWN)
    growth = Evidence(
        mark("signal, last hidden layer / fc1, at the start"), grown, SIGNAL_GROWN, "above"
    )
    if run.diverged_at is not None:
        shown = (Evidence(mark("training loss"), math.inf, math.inf, "above"), growth)
        return Finding("exploding_gradient", "fatal", run.diverged_at, shown, born=bool(blown))
    if not blown:
        return None
    span = run.span((run.progress < 0) & run.from_epoch(EARLY, 5), run.progress >= NOT_LEARNED)
    if span is None:
        return None
    times = float(run.loss[run.shown_at(span)]) / run.constant_loss
    shown = (
        Evidence(mark("training loss / loss of a constant answer"), times, 1.0, "above"),
        growth,
    )
    return _found("exploding_gradient", "severe", span, shown, born=True)


def _has_logits(run: Facts) -> bool:
    """Tell whether a large loss means large logits: amounts can be far off, dead outputs are 0."""
    return run.config.loss != "mse" and bool(run.dead[0, -1] < 1)


def oscillating_loss(run: Facts) -> Finding | None:
    """Find a loss that jumps up and down and so stays above what it had already reached."""
    window = max(10, math.ceil(LATE * run.planned))
    if run.epochs <= window:
        return None
    change = np.diff(run.loss, prepend=run.loss[:1]) / run.constant_loss
    up, down = mean_of_last(change > JUMP, window), mean_of_last(change < -JUMP, window)
    lost = mean_of_last((run.loss - np.minimum.accumulate(run.loss)) / run.constant_loss, window)
    wild = (up + down >= JUMPS) & (np.minimum(up, down) >= JUMPS / 4) & (lost >= LOST)
    on = (wild | (lost >= THROWN)) & run.from_epoch(0, window)
    learned = mean_of_last(run.progress, window) >= LEARNED
    since = standing_since(on & ~learned, (lost < CALM) | learned)
    if since is None:
        return None
    shown = (
        Evidence(mark("loss above its own least, in H"), float(lost[-1]), LOST, "above"),
        Evidence(mark("share of epochs that jump"), float((up + down)[-1]), JUMPS, "above"),
    )
    return Finding("oscillating_loss", "severe", since, shown)


def overfitting(run: Facts) -> Finding | None:
    """Find a dev loss that rises while examples are learned by heart.

    They are where train and dev accuracy part, or where the training loss is below that of one who
    knows the distribution of the data: of few dev points no accuracy tells.
    """
    if not run.epochs:
        return None
    window = max(3, math.ceil(EARLY / 2 * run.planned))
    dev_loss, learned = mean_of_last(run.dev_loss, window), mean_of_last(run.progress, window)
    gap = mean_of_last(run.accuracy - run.dev_accuracy, window)
    below = (learned - 1) * run.learnable / run.constant_loss if run.knows_limit else gap * 0
    rise = dev_loss / np.maximum(np.minimum.accumulate(dev_loss), 1e-12)
    rows = run.data.dev_rows if run.data is not None else 0
    least = max(GAP, 1.25 / math.sqrt(rows)) if rows else GAP  # 2.5 standard errors at most
    by_heart, hardly = (gap >= least) | (below >= BELOW), (gap < least / 2) & (below < BELOW / 2)
    # of a training loss that is thrown up the other rises with it
    low = np.maximum.accumulate(learned) - learned < LOST
    on = (rise > RISE) & by_heart & low & (learned >= NOT_LEARNED) & run.from_epoch(EARLY, window)
    since = standing_since(on, (rise < (1 + RISE) / 2) | hardly)
    if since is None:
        return None
    shown = [
        Evidence(mark("dev loss / its least"), float(rise[-1]), RISE, "above"),
        Evidence(mark("accuracy, train - dev"), float(gap[-1]), least, "above"),
    ]
    if below[-1] >= BELOW:
        heart = mark("training loss below the limit of the data, in H")
        shown.append(Evidence(heart, float(below[-1]), BELOW, "above"))
    best = int(dev_loss.argmin())
    return Finding("overfitting", "severe", since, tuple(shown), best_epoch=best)


def slow_convergence(run: Facts) -> Finding | None:
    """Find weights that hardly turn in the whole run, or a run that ends while it still gains."""
    if not run.epochs:
        return None
    turn = pace(run)
    steep = np.nan_to_num(run.gradient, nan=0.0).any(1)  # without any slope no step is too short
    short = (turn < TURN) & steep & (run.progress < HALF) & run.from_epoch(EARLY, 5)
    gains = _still_gains(run)
    since = standing_since(short | gains, (run.progress >= HALF) | (turn >= 2 * TURN))
    if since is None:
        return None
    shown = [Evidence(mark("turn of the weights in the whole run, rad"), turn[-1], TURN, "below")]
    if gains[-1]:
        half = float(run.progress[-1] - run.progress[run.epochs // 2])
        shown.append(Evidence(mark("progress in the second half"), half, LATE_GAIN, "above"))
    return Finding("slow_convergence", "mild", since, tuple(shown))


def _still_gains(run: Facts) -> Marks:
    """Mark the end of a run that learned more than a third of its gain in its second half."""
    marks = np.zeros(run.epochs, dtype=bool)
    if run.epochs >= max(4, run.planned):
        first, middle, last = (run.progress[i] for i in (0, run.epochs // 2, -1))
        late = last - middle
        enough = MOSTLY_LEARNED if run.knows_limit else HALF
        marks[-1] = late > LATE_GAIN and late > (middle - first) / 2 and last < enough
    return marks


def _found(
    disease: Disease,
    severity: Severity,
    span: Span,
    evidence: tuple[Evidence, ...],
    layers: tuple[int, ...] = (),
    born: bool = False,
) -> Finding:
    return Finding(
        disease, severity, span.epoch, evidence, layers=layers, born=born, until=span.until
    )


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


def traced(run: Facts, finding: Finding) -> Array:
    """Return the quantity of a finding's first evidence at every epoch, [E]."""
    hidden = slice(max(1, run.hidden))
    layer = finding.layers[0] - 1 if finding.layers else 0
    window = max(10, math.ceil(LATE * run.planned))
    lost = (run.loss - np.minimum.accumulate(run.loss)) / run.constant_loss
    series: dict[str, Callable[[], Array]] = {
        "symmetric_weights": lambda: run.distinct[:, layer],
        "vanishing_gradient": lambda: np.minimum(run_forward(run), run_backward(run)),
        "exploding_gradient": lambda: run.loss / run.constant_loss,
        "dying_relu": lambda: run.dead.max(1),
        "saturation": lambda: run.flat[:, hidden].max(1),
        "slow_convergence": lambda: pace(run),
        "oscillating_loss": lambda: mean_of_last(lost, window),
        "overfitting": lambda: run.dev_loss / np.minimum.accumulate(run.dev_loss),
        "linear_network": lambda: above_line(run),
        "unscaled_inputs": lambda: np.full(run.epochs, math.nan),
        "one_class": lambda: np.full(run.epochs, math.nan),
        "nan_in_data": lambda: np.full(run.epochs, math.nan),
    }
    return series.get(finding.disease, lambda: run.progress)()


def _unremarkable(run: Facts) -> list[Finding]:
    """Return healthy, or none of these for a run that ends without having learned.

    Nothing is said before a tenth of the run is over.
    """
    if not run.epochs or not (run.finished or run.from_epoch(EARLY, FIRST_WORD)[-1]):
        return []
    learned, at = float(run.progress[-1]), run.epochs - 1
    told = min(1.0, max(0.0, learned))
    shown = (Evidence(mark("share learned"), told, NOT_LEARNED, "below"),)
    if run.finished and learned < NOT_LEARNED:
        if run.epochs < FIRST_WORD and run.diverged_at is None:
            return []  # so few epochs show the start only, whatever the data are
        return [Finding("none_of_these", "mild", at, shown)]
    return [Finding("healthy", "fine", at, shown)]


def _names(layers: Iterable[int]) -> tuple[int, ...]:
    return tuple(int(i) + 1 for i in layers)
