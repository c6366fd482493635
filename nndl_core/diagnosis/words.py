"""A finding in plain words: its name, one sentence, the formula with the run's own numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from nndl_core.base.i18n import mark, sentences, tr
from nndl_core.diagnosis import limits
from nndl_core.diagnosis.data_words import DATA_EXPLANATIONS, DATA_SENTENCES, over
from nndl_core.diagnosis.data_words import number as _number
from nndl_core.diagnosis.data_words import percent as _percent
from nndl_core.diagnosis.data_words import tex as _tex
from nndl_core.diagnosis.facts import Disease, Facts, Finding, run_backward, run_forward
from nndl_core.engine.any_module.described import UNKNOWN_ACTIVATION

NAMES: dict[Disease, str] = {
    "symmetric_weights": mark("Symmetric weights"),
    "vanishing_gradient": mark("Vanishing gradient"),
    "exploding_gradient": mark("Exploding gradient"),
    "dying_relu": mark("Dying ReLU"),
    "saturation": mark("Saturation"),
    "slow_convergence": mark("Slow convergence"),
    "oscillating_loss": mark("Oscillating loss"),
    "overfitting": mark("Overfitting"),
    "stalled": mark("Standing still"),
    "linear_network": mark("Linear network"),
    "unscaled_inputs": mark("Unscaled inputs"),
    "nan_in_data": mark("Broken data"),
    "one_class": mark("One class only"),
    "healthy": mark("Healthy"),
    "none_of_these": mark("None of these"),
}
PRIME = {"sigmoid": 0.25, "tanh": 1.0}
"""The largest slope of a bounded activation."""


def sentence(run: Facts, finding: Finding) -> str:
    """Say in one plain sentence what is wrong, or was until an epoch, with the run's numbers."""
    if finding.until is not None:
        return over(run, finding)
    return _SENTENCES[finding.disease](run, finding)


def verdict(run: Facts, found: Sequence[Finding]) -> str:
    """Say what a diagnosis comes to: its first finding, and what is over by now."""
    past = [finding for finding in found[1:] if finding.until is not None]
    return sentences(*(sentence(run, finding) for finding in [*found[:1], *past]))


def explanation(run: Facts, finding: Finding) -> str:
    """Say why this happens: Markdown with a formula into which the run's own numbers are put."""
    return _EXPLANATIONS[finding.disease](run, finding)


def layers_named(finding: Finding) -> str:
    """Write the layers of a finding: fc2, or fc1 to fc4."""
    layers = finding.layers
    if not layers:
        return tr("the network")
    if len(layers) > 2 and layers[-1] - layers[0] == len(layers) - 1:
        return tr("fc{first} to fc{last}", first=layers[0], last=layers[-1])
    return ", ".join(f"fc{k}" for k in layers)


def _activation(run: Facts) -> str:
    """Name the activation; of a network of one's own it may be one without a name, or several."""
    name: str = run.config.activation
    return tr("the activation") if name == UNKNOWN_ACTIVATION else name


def _symmetric(run: Facts, finding: Finding) -> str:
    k = finding.layers[0]
    units = int(run.units[0, k - 1])
    return tr(
        "All {units} units of fc{k} are equal and stay equal: the layer is one unit wide.",
        units=units,
        k=k,
    )


def _vanishing(run: Facts, finding: Finding) -> str:
    forward = float(run_forward(run)[run.shown_at(finding)])
    backward = float(run_backward(run)[run.shown_at(finding)])
    if backward < forward:
        return tr(
            "The gradient of fc1 is {number} of the largest: the first layers do not learn.",
            number=_number(backward),
        )
    return tr(
        "Of a difference between two examples {percent} reaches the last hidden layer: every "
        "example gets nearly the same answer.",
        percent=_percent(forward),
    )


def _exploding(run: Facts, finding: Finding) -> str:
    if run.diverged_at is not None:
        return tr(
            "The loss left the finite numbers at epoch {diverged_at}.", diverged_at=run.diverged_at
        )
    times = float(run.loss[run.shown_at(finding)]) / run.constant_loss
    return tr(
        "The loss is {number} times that of a constant answer: logits are far too large.",
        number=_number(times),
    )


def _dying(run: Facts, finding: Finding) -> str:
    k = finding.layers[0]
    units = int(run.units[0, k - 1])
    dead = round(float(run.dead[run.shown_at(finding), k - 1]) * units)
    return tr(
        "{dead} of {units} units of fc{k} are flat on every training example: no gradient "
        "passes them.",
        dead=dead,
        units=units,
        k=k,
    )


def _saturated(run: Facts, finding: Finding) -> str:
    k = finding.layers[0]
    share = _percent(float(run.flat[run.shown_at(finding), k - 1]))
    return tr(
        "{share} of the outputs of fc{k} lie where {activation} is flat: under 5 % of its "
        "largest slope is left for the gradient.",
        share=share,
        k=k,
        activation=_activation(run),
    )


def _slow(run: Facts, finding: Finding) -> str:
    turn = finding.evidence[0].value
    if len(finding.evidence) > 1:
        return tr("The run ended while it still learned: too few epochs, or too short steps.")
    return tr(
        "At this pace the weights turn by {number} rad in {planned} epochs: the steps are "
        "too short (learning rate {learning_rate:g}).",
        number=_number(turn),
        planned=run.planned,
        learning_rate=run.config.learning_rate,
    )


def _oscillating(run: Facts, finding: Finding) -> str:
    lost, jumps = (shown.value for shown in finding.evidence)
    return tr(
        "The loss stays {number} H above the least that it had, and jumps in {percent} of "
        "the epochs: the steps are too long.",
        number=_number(lost),
        percent=_percent(jumps),
    )


def _overfitted(run: Facts, finding: Finding) -> str:
    rise, gap = (shown.value for shown in finding.evidence[:2])
    if gap < finding.evidence[1].limit and len(finding.evidence) > 2:
        return tr(
            "Since epoch {best_epoch} the dev loss rises, to {number} times its least, and the "
            "training loss is {loss} where {best} is the limit of the data: the network memorises.",
            best_epoch=run.start + (finding.best_epoch or 0),
            number=_number(rise),
            loss=_number(float(run.loss[-1])),
            best=_number(run.best_loss),
        )
    return tr(
        "Since epoch {best_epoch} the dev loss rises, to {number} times its least, and train "
        "accuracy is {percent} above dev: the network memorises.",
        best_epoch=run.start + (finding.best_epoch or 0),
        number=_number(rise),
        percent=_percent(gap),
    )


def _nothing(run: Facts, finding: Finding) -> str:
    if run.knows_limit or run.data is None or run.data.best_loss is None:
        return tr("It has not learned, and none of the known signs is there. Look at the data.")
    return tr("The inputs tell next to nothing of the labels: no network can learn them.")


_SENTENCES: dict[Disease, Callable[[Facts, Finding], str]] = {
    "symmetric_weights": _symmetric,
    "vanishing_gradient": _vanishing,
    "exploding_gradient": _exploding,
    "dying_relu": _dying,
    "saturation": _saturated,
    "slow_convergence": _slow,
    "oscillating_loss": _oscillating,
    "overfitting": _overfitted,
    **DATA_SENTENCES,
    "none_of_these": _nothing,
}


def _why_symmetric(run: Facts, finding: Finding) -> str:
    return tr(
        "Units with equal weights get equal gradients, and equal steps keep them equal:\n\n"
        r"$$w_i = w_j \;\Rightarrow\; \frac{\partial L}{\partial w_i} = \frac{\partial "
        "L}{\\partial w_j} \\;\\Rightarrow\\; w_i - \\eta\\,g = w_j - "
        "\\eta\\,g$$\n\nOnly different "
        "first weights tell them apart."
    )


def _why_vanishing(run: Facts, finding: Finding) -> str:
    steps = run.hidden - 1
    forward = float(run_forward(run)[run.shown_at(finding)])
    factor = forward ** (1 / steps) if forward > 0 else 0.0
    text = tr(
        "A layer multiplies a difference of examples by about the spread of its weights "
        "times the slope of {activation}. Here that is {factor} per layer, over {steps} "
        "layers:\n\n$${base}^{{{steps}}} = {power}$$\n\n",
        activation=_activation(run),
        factor=_number(factor),
        steps=steps,
        base=_tex(factor),
        power=_tex(forward),
    )
    return text + tr(
        "The gradient is multiplied by the same slopes and weights on its way back. A wide "
        "network trains while more than $e^{-3} = 0.05$ is left."
    )


def _why_exploding(run: Facts, finding: Finding) -> str:
    steps = max(1, run.hidden - 1)
    grown = finding.evidence[-1].value
    rate = run.config.learning_rate
    if grown > limits.FACTOR_GROWN:
        factor = grown ** (1 / steps)
        return tr(
            "Every layer multiplies the signal by about {factor}, over {steps} layers:\n\n"
            "$${base}^{{{steps}}} = {power}$$\n\nThe gradient grows by the same factors on its way "
            "back, and one step throws the weights far away.",
            factor=_number(factor),
            steps=steps,
            base=_tex(factor),
            power=_tex(grown),
        )
    return tr(
        "A step goes down only while it is short against the curve of the loss:\n\n$$\\eta < "
        "\\frac{{2}}{{\\lambda_{{\\max}}}}, \\qquad \\eta = {tex}$$\n\nBeyond that every step "
        "leads further up.",
        tex=_tex(rate),
    )


def _why_dying(run: Facts, finding: Finding) -> str:
    bias = run.config.bias
    return tr(
        "The slope of ReLU is exactly 0 where its input is negative, so a unit that is "
        "negative on every example passes no gradient and gets none:\n\n$$\\frac{{\\partial "
        r"L}}{{\partial w}} = \delta\,\mathrm{{ReLU}}'(z)\,x = 0 \quad\text{{for all }} z = "
        "w^\\top x + b < 0, \\qquad b = {tex}$$\n\nNothing that training does can bring it back.",
        tex=_tex(bias),
    )


def _why_saturated(run: Facts, finding: Finding) -> str:
    k = finding.layers[0]
    values = {
        "activation": _activation(run),
        "k": k,
        "percent": _percent(float(run.flat[run.shown_at(finding), k - 1])),
        "above": k + 1,
    }
    if run.config.activation not in PRIME:
        return tr(
            "In fc{k} {percent} of the outputs lie where {activation} has less than 5 % of its "
            "largest slope, and every such layer makes the gradient so much "
            "smaller:\n\n$$\\delta_{{{k}}} = W_{{{above}}}^\\top \\delta_{{{above}}} \\odot "
            "\\varphi'(z_{{{k}}})$$",
            **values,
        )
    return tr(
        "The slope of {activation} is at most {largest:g} and falls off like $e^{{-|z|}}$. "
        "In fc{k} {percent} of the outputs have less than 5 % of it:\n\n$$\\delta_{{{k}}} = "
        r"W_{{{above}}}^\top \delta_{{{above}}} \odot \varphi'(z_{{{k}}}), \qquad \varphi'(z) < "
        r"0.05 \cdot {largest:g}$$",
        largest=PRIME[run.config.activation],
        **values,
    )


def _why_slow(run: Facts, finding: Finding) -> str:
    turn = finding.evidence[0].value
    return tr(
        "The angle by which weights turn is at most the sum of their relative "
        "steps:\n\n$$\\sum_e \\frac{{\\lVert \\Delta W_e \\rVert}}{{\\lVert W_e \\rVert}} "
        "\\approx {tex}$$\n\nA boundary has to turn by about a radian to find its place.",
        tex=_tex(turn),
    )


def _why_oscillating(run: Facts, finding: Finding) -> str:
    rate = run.config.learning_rate
    return tr(
        r"In a valley of curvature $\lambda$ a step multiplies the distance to its floor by "
        r"$1 - \eta\lambda$. With $\eta = {tex}$ this is below $-1$ across the steepest "
        "direction: the step lands on the other side, as high up as before.\n\n$$|1 - "
        r"\eta\lambda_{{\max}}| < 1 \iff \eta < 2/\lambda_{{\max}}$$",
        tex=_tex(rate),
    )


def _why_overfitted(run: Facts, finding: Finding) -> str:
    widths = [*run.config.hidden, 1]
    parameters = sum(a * b for a, b in itertools.pairwise(widths)) + sum(widths)
    return tr(
        "Beside its inputs' weights the network has {parameters:,} parameters. With more of "
        "them than examples it can lower the training loss by learning single examples by "
        "heart, and what is true of one example is not true of the next.",
        parameters=parameters,
    )


def _why_nothing(run: Facts, finding: Finding) -> str:
    return tr(
        "The signal passes all layers, units differ and live, and steps are neither too "
        "short nor too long. What remains: labels that the inputs do not tell, or a network "
        "too small."
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
    **DATA_EXPLANATIONS,
    "none_of_these": _why_nothing,
}
