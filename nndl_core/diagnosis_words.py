"""A finding in plain words: its name, one sentence, the formula with the run's own numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

from nndl_core.config import RunConfig
from nndl_core.diagnosis import NOT_LEARNED
from nndl_core.findings import Disease, Facts, Finding, run_backward, run_forward

NAMES: dict[Disease, str] = {
    "symmetric_weights": "Symmetric weights",
    "vanishing_gradient": "Vanishing gradient",
    "exploding_gradient": "Exploding gradient",
    "dying_relu": "Dying ReLU",
    "saturation": "Saturation",
    "slow_convergence": "Slow convergence",
    "oscillating_loss": "Oscillating loss",
    "overfitting": "Overfitting",
    "healthy": "Healthy",
    "none_of_these": "None of these",
}
GAIN = 0.25
"""Of what there is to learn: what a remedy must add to be called one."""
PRIME = {"sigmoid": 0.25, "tanh": 1.0}
"""The largest slope of a bounded activation."""


def sentence(run: Facts, finding: Finding) -> str:
    """Say in one plain sentence what is wrong, with the numbers of the run."""
    return _SENTENCES[finding.disease](run, finding)


def explanation(run: Facts, finding: Finding) -> str:
    """Say why this happens: Markdown with a formula into which the run's own numbers are put."""
    return _EXPLANATIONS[finding.disease](run, finding)


def layers_named(finding: Finding) -> str:
    """Write the layers of a finding: fc2, or fc1 to fc4."""
    layers = finding.layers
    if not layers:
        return "the network"
    if len(layers) > 2 and layers[-1] - layers[0] == len(layers) - 1:
        return f"fc{layers[0]} to fc{layers[-1]}"
    return ", ".join(f"fc{k}" for k in layers)


def _number(value: float) -> str:
    """Write a number for a sentence in at most three digits."""
    if not math.isfinite(value):
        return "infinite"
    return f"{value:.2e}" if value and not 1e-3 <= abs(value) < 1e5 else f"{value:.3g}"


def _tex(value: float) -> str:
    """Write a number for a formula."""
    text = _number(value)
    if "e" not in text or not math.isfinite(value):
        return text if math.isfinite(value) else r"\infty"
    digits, power = text.split("e")
    return rf"{digits}\cdot 10^{{{int(power)}}}"


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.3g} %" if percent == 0 or 1e-2 <= percent < 1000 else f"{percent:.1e} %"


def _symmetric(run: Facts, finding: Finding) -> str:
    k = finding.layers[0]
    units = int(run.units[0, k - 1])
    return f"All {units} units of fc{k} are equal and stay equal: the layer is one unit wide."


def _vanishing(run: Facts, finding: Finding) -> str:
    forward = float(run_forward(run)[finding.epoch])
    backward = float(run_backward(run)[finding.epoch])
    if backward < forward:
        return (
            f"The gradient of fc1 is {_number(backward)} of the largest: the first layers do not "
            "learn."
        )
    return (
        f"Of a difference between two examples {_percent(forward)} reaches the last hidden layer: "
        "every example gets nearly the same answer."
    )


def _exploding(run: Facts, finding: Finding) -> str:
    if run.diverged_at is not None:
        return f"The loss left the finite numbers at epoch {run.diverged_at}."
    times = float(run.loss[finding.epoch]) / run.constant_loss
    return (
        f"The loss is {_number(times)} times that of a constant answer: logits are far too large."
    )


def _dying(run: Facts, finding: Finding) -> str:
    k = finding.layers[0]
    units = int(run.units[0, k - 1])
    dead = round(float(run.dead[finding.epoch, k - 1]) * units)
    return (
        f"{dead} of {units} units of fc{k} are flat on every training example: no gradient passes "
        "them."
    )


def _saturated(run: Facts, finding: Finding) -> str:
    k = finding.layers[0]
    share = _percent(float(run.flat[finding.epoch, k - 1]))
    return (
        f"{share} of the outputs of fc{k} lie where {run.config.activation} is flat: under 5 % of "
        "its largest slope is left for the gradient."
    )


def _slow(run: Facts, finding: Finding) -> str:
    turn = finding.evidence[0].value
    if len(finding.evidence) > 1:
        return "The run ended while it still learned: too few epochs, or too short steps."
    return (
        f"At this pace the weights turn by {_number(turn)} rad in {run.planned} epochs: the steps "
        f"are too short (learning rate {run.config.learning_rate:g})."
    )


def _oscillating(run: Facts, finding: Finding) -> str:
    lost, jumps = (shown.value for shown in finding.evidence)
    return (
        f"The loss stays {_number(lost)} H above the least that it had, and jumps in "
        f"{_percent(jumps)} of the epochs: the steps are too long."
    )


def _overfitted(run: Facts, finding: Finding) -> str:
    rise, gap = (shown.value for shown in finding.evidence)
    return (
        f"Since epoch {finding.best_epoch} the dev loss rises, to {_number(rise)} times its least, "
        f"and train accuracy is {_percent(gap)} above dev: the network memorises."
    )


def _healthy(run: Facts, finding: Finding) -> str:
    share = _percent(finding.evidence[0].value)
    return f"Nothing is wrong so far: {share} of what there is to learn is learned."


def _nothing(run: Facts, finding: Finding) -> str:
    return "It has not learned, and none of the known signs is there. Look at the data."


_SENTENCES: dict[Disease, Callable[[Facts, Finding], str]] = {
    "symmetric_weights": _symmetric,
    "vanishing_gradient": _vanishing,
    "exploding_gradient": _exploding,
    "dying_relu": _dying,
    "saturation": _saturated,
    "slow_convergence": _slow,
    "oscillating_loss": _oscillating,
    "overfitting": _overfitted,
    "healthy": _healthy,
    "none_of_these": _nothing,
}


def _why_symmetric(run: Facts, finding: Finding) -> str:
    return (
        "Units with equal weights get equal gradients, and equal steps keep them equal:\n\n"
        r"$$w_i = w_j \;\Rightarrow\; \frac{\partial L}{\partial w_i} = "
        r"\frac{\partial L}{\partial w_j} \;\Rightarrow\; w_i - \eta\,g = w_j - \eta\,g$$"
        "\n\nOnly different first weights tell them apart."
    )


def _why_vanishing(run: Facts, finding: Finding) -> str:
    steps = run.hidden - 1
    forward = float(run_forward(run)[finding.epoch])
    factor = forward ** (1 / steps) if forward > 0 else 0.0
    text = (
        "A layer multiplies a difference of examples by about the spread of its weights times "
        f"the slope of {run.config.activation}. Here that is {_number(factor)} per layer, over "
        f"{steps} layers:\n\n$${_tex(factor)}^{{{steps}}} = {_tex(forward)}$$\n\n"
    )
    return (
        text + "The gradient is multiplied by the same slopes and weights on its way back. A wide "
        "network trains while more than $e^{-3} = 0.05$ is left."
    )


def _why_exploding(run: Facts, finding: Finding) -> str:
    steps = max(1, run.hidden - 1)
    grown = finding.evidence[-1].value
    rate = run.config.learning_rate
    if grown > 1.5:
        factor = grown ** (1 / steps)
        return (
            f"Every layer multiplies the signal by about {_number(factor)}, over {steps} layers:"
            f"\n\n$${_tex(factor)}^{{{steps}}} = {_tex(grown)}$$\n\nThe gradient grows by the same "
            "factors on its way back, and one step throws the weights far away."
        )
    return (
        "A step goes down only while it is short against the curve of the loss:\n\n"
        rf"$$\eta < \frac{{2}}{{\lambda_{{\max}}}}, \qquad \eta = {_tex(rate)}$$"
        "\n\nBeyond that every step leads further up."
    )


def _why_dying(run: Facts, finding: Finding) -> str:
    bias = run.config.bias
    return (
        "The slope of ReLU is exactly 0 where its input is negative, so a unit that is negative on "
        "every example passes no gradient and gets none:\n\n"
        r"$$\frac{\partial L}{\partial w} = \delta\,\mathrm{ReLU}'(z)\,x = 0 \quad\text{for all } "
        rf"z = w^\top x + b < 0, \qquad b = {_tex(bias)}$$"
        "\n\nNothing that training does can bring it back."
    )


def _why_saturated(run: Facts, finding: Finding) -> str:
    k = finding.layers[0]
    share = float(run.flat[finding.epoch, k - 1])
    largest = PRIME.get(run.config.activation, 1.0)
    return (
        f"The slope of {run.config.activation} is at most {largest:g} and falls off like "
        r"$e^{-|z|}$. In "
        f"fc{k} {_percent(share)} of the outputs have less than 5 % of it:\n\n"
        rf"$$\delta_{{{k}}} = W_{{{k + 1}}}^\top \delta_{{{k + 1}}} \odot \varphi'(z_{{{k}}}), "
        rf"\qquad \varphi'(z) < 0.05 \cdot {largest:g}$$"
    )


def _why_slow(run: Facts, finding: Finding) -> str:
    turn = finding.evidence[0].value
    return (
        "The angle by which weights turn is at most the sum of their relative steps:\n\n"
        rf"$$\sum_e \frac{{\lVert \Delta W_e \rVert}}{{\lVert W_e \rVert}} \approx {_tex(turn)}$$"
        "\n\nA boundary has to turn by about a radian to find its place."
    )


def _why_oscillating(run: Facts, finding: Finding) -> str:
    rate = run.config.learning_rate
    return (
        "In a valley of curvature $\\lambda$ a step multiplies the distance to its floor by "
        rf"$1 - \eta\lambda$. With $\eta = {_tex(rate)}$ this is below $-1$ across the steepest "
        "direction: the step lands on the other side, as high up as before.\n\n"
        r"$$|1 - \eta\lambda_{\max}| < 1 \iff \eta < 2/\lambda_{\max}$$"
    )


def _why_overfitted(run: Facts, finding: Finding) -> str:
    widths = [*run.config.hidden, 1]
    parameters = sum(a * b for a, b in itertools.pairwise(widths)) + sum(widths)
    return (
        f"Beside its inputs' weights the network has {parameters:,} parameters. With more of them "
        "than examples it can lower the training loss by learning single examples by heart, and "
        "what is true of one example is not true of the next."
    )


def _why_healthy(run: Facts, finding: Finding) -> str:
    return (
        "Learned is $1 - L / H$, with $H$ the least loss of an answer that is the same for all "
        rf"examples: $1 - {_tex(float(run.loss[-1]))} / {_tex(run.constant_loss)}$. "
        "Noise in the data keeps it below 1 for any network."
    )


def _why_nothing(run: Facts, finding: Finding) -> str:
    return (
        "The signal passes all layers, units differ and live, and steps are neither too short nor "
        "too long. What remains: labels that the inputs do not tell, or a network too small."
    )


_EXPLANATIONS: dict[Disease, Callable[[Facts, Finding], str]] = {
    "symmetric_weights": _why_symmetric,
    "vanishing_gradient": _why_vanishing,
    "exploding_gradient": _why_exploding,
    "dying_relu": _why_dying,
    "saturation": _why_saturated,
    "slow_convergence": _why_slow,
    "oscillating_loss": _why_oscillating,
    "overfitting": _why_overfitted,
    "healthy": _why_healthy,
    "none_of_these": _why_nothing,
}


def compared(sick: Facts, cured: Facts) -> str:
    """Tell apart, in one sentence, a gradient that is back from a run that learns.

    The gradient is back where fc1 gets ten times as much of it and it is no longer lost; a run
    learns if it has learned a quarter more of what there is to learn.
    """
    if not (sick.epochs and cured.epochs):
        return ""
    before, after = float(sick.gradient[-1, 0]), float(cured.gradient[-1, 0])
    learned = [100 * max(0.0, float(run.progress[-1])) for run in (sick, cured)]
    numbers = (
        f"Gradient of fc1 {_number(before)} beside {_number(after)}, learned {learned[0]:.0f} % "
        f"beside {learned[1]:.0f} %"
    )
    gain = float(cured.progress[-1] - sick.progress[-1])
    learns = gain >= GAIN and float(cured.progress[-1]) >= NOT_LEARNED
    if learns:
        return f"{numbers}: the run learns."
    if after > 10 * before:
        return f"{numbers}: the gradient is back, but the run does not learn for that."
    return f"{numbers}: not cured so far."


def change_in_words(config: RunConfig, change: dict[str, object]) -> str:
    """Write what a remedy changes: setting old to new, separated by commas."""
    return ", ".join(
        f"{name} {_setting(getattr(config, name))} → {_setting(value)}"
        for name, value in change.items()
    )


def _setting(value: object) -> str:
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
