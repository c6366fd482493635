"""Words for findings that hold a run against its data, and how numbers are written in words."""

from __future__ import annotations

import math
from collections.abc import Callable

from nndl_core.base.i18n import mark, tr
from nndl_core.diagnosis import limits
from nndl_core.diagnosis.data_rules import asks_for_rival
from nndl_core.diagnosis.facts import Disease, Facts, Finding

Words = Callable[[Facts, Finding], str]


def number(value: float) -> str:
    """Write a number for a sentence in at most three digits."""
    if not math.isfinite(value):
        return tr("infinite")
    return f"{value:.2e}" if value and not 1e-3 <= abs(value) < 1e5 else f"{value:.3g}"


def tex(value: float) -> str:
    """Write a number for a formula."""
    text = number(value)
    if "e" not in text or not math.isfinite(value):
        return text if math.isfinite(value) else r"\infty"
    digits, power = text.split("e")
    return rf"{digits}\cdot 10^{{{int(power)}}}"


def percent(share: float) -> str:
    """Write a share in per cent."""
    value = 100 * share
    plain = value == 0 or 1e-2 <= value < 1000
    return tr("{percent} %", percent=f"{value:.3g}" if plain else f"{value:.1e}")


def learned(run: Facts, at: int = -1) -> str:
    """Write what a run has learned of what there is, from 0 to 100 %: by heart is no more."""
    return percent(min(1.0, max(0.0, float(run.progress[at]))))


def awaited(run: Facts) -> str:
    """Say what the diagnosis waits for, where it says nothing yet."""
    if run.finished:
        return tr(
            "Too few epochs to tell: they show the start only. Train {least} or more.",
            least=limits.FIRST_WORD,
        )
    first = max(min(limits.FIRST_WORD, run.planned - 1), math.ceil(limits.EARLY * run.planned))
    return tr(
        "Too early to tell: these epochs show the start only. The first verdict comes at epoch "
        "{first:,}.",
        first=run.start + first,
    )


_OVER: dict[Disease, str] = {
    "symmetric_weights": mark("Until epoch {until:,} equal units kept it from learning."),
    "vanishing_gradient": mark("The gradient vanished until epoch {until:,}, then it recovered."),
    "exploding_gradient": mark(
        "Until epoch {until:,} its loss was above that of a constant answer."
    ),
    "dying_relu": mark("Until epoch {until:,} dead units kept it from learning."),
    "saturation": mark("Until epoch {until:,} flat outputs kept it from learning."),
    "stalled": mark("It stood still until epoch {until:,}, then it went on."),
}


def over(run: Facts, finding: Finding) -> str:
    """Say what a run had until an epoch and has no longer."""
    return tr(_OVER[finding.disease], until=run.start + (finding.until or 0))


def _healthy(run: Facts, finding: Finding) -> str:
    now = float(run.progress[-1])
    if now < 0:
        return tr("Nothing is wrong so far, but the loss is still above that of a constant answer.")
    if run.knows_limit:
        return tr(
            "Nothing is wrong so far: {share} of what there is to learn is learned.",
            share=learned(run),
        )
    if asks_for_rival(run):
        return tr(
            "Nothing wrong can be seen, but the loss stands still {share} of the way from a "
            "constant answer to no error, and nobody can tell whether this is the limit of the "
            "data.",
            share=learned(run),
        )
    return tr(
        "Nothing is wrong so far: the loss has come {share} of the way from a constant answer to "
        "no error.",
        share=learned(run),
    )


def _stalled(run: Facts, finding: Finding) -> str:
    data, at = run.data, run.shown_at(finding)
    assert data is not None
    if data.best_accuracy is not None:
        return tr(
            "It stands still at {share} of what there is to learn: {reached} of the training "
            "examples are right, and {possible} can be.",
            share=learned(run, at),
            reached=percent(float(run.accuracy[at])),
            possible=percent(data.best_accuracy),
        )
    return tr(
        "It stands still with {reached} of the dev examples right, and a larger network gets "
        "{possible} of them right.",
        reached=percent(float(run.dev_accuracy[at])),
        possible=percent(data.rival_accuracy or 0.0),
    )


def _linear(run: Facts, finding: Finding) -> str:
    data = run.data
    assert data is not None
    possible = data.rival_accuracy if data.best_accuracy is None else data.best_accuracy
    values = {
        "reached": percent(data.linear_accuracy or 0.0),
        "possible": percent(possible or 0.0),
    }
    if not run.hidden:
        return tr(
            "Without a hidden layer it draws one straight line. It is as good as a straight line "
            "can be, {reached} right, and {possible} can be.",
            **values,
        )
    return tr(
        "Without an activation all its layers together draw one straight line. It is as good as "
        "a straight line can be, {reached} right, and {possible} can be.",
        **values,
    )


def _unscaled(run: Facts, finding: Finding) -> str:
    assert run.data is not None
    return tr(
        "The inputs are not scaled: means of features go up to {mean} and standard deviations to "
        "{spread}, and weights of the usual size are made for 0 and 1.",
        mean=number(run.data.mean),
        spread=number(run.data.spread_high),
    )


def _one_class(run: Facts, finding: Finding) -> str:
    assert run.data is not None
    rows, largest = sum(run.data.class_counts), max(run.data.class_counts)
    if rows == largest:
        return tr(
            "All {rows:,} training examples are of one class: there is nothing to tell apart.",
            rows=rows,
        )
    return tr(
        "{largest:,} of {rows:,} training examples are of one class: what can be learned of the "
        "rest is chance.",
        largest=largest,
        rows=rows,
    )


def _broken(run: Facts, finding: Finding) -> str:
    return tr(
        "Training examples with something that is no finite number: {rows:,}. No learning rate "
        "can learn from them.",
        rows=int(finding.evidence[0].value),
    )


def _why_healthy(run: Facts, finding: Finding) -> str:
    if run.knows_limit:
        return tr(
            "Learned is $(H - L) / (H - L^*)$, with $H$ the least loss of an answer that is the "
            "same for all examples, and $L^*$ that of one who knows how the data are drawn: "
            "$({constant} - {loss}) / ({constant} - {best})$. Below $L^*$ a network learns "
            "examples by heart.",
            constant=tex(run.constant_loss),
            loss=tex(float(run.loss[-1])),
            best=tex(run.best_loss),
        )
    return tr(
        "The way is $1 - L / H$, with $H$ the least loss of an answer that is the same for "
        "all examples: $1 - {loss} / {constant}$. Noise in the data keeps it below 1 for any "
        "network.",
        loss=tex(float(run.loss[-1])),
        constant=tex(run.constant_loss),
    )


def _why_stalled(run: Facts, finding: Finding) -> str:
    at = run.shown_at(finding)
    whole = math.sqrt(float((run.gradient[at] ** 2).sum()))
    return tr(
        "Where the gradient is near 0 a step changes nothing, whatever is left to learn:\n\n"
        "$$\\lVert \\nabla L \\rVert = {tex}, \\qquad w - \\eta\\,\\nabla L \\approx w$$\n\n"
        "Such a place can be a valley that is not the deepest, or a plateau. A small network has "
        "many of them; other first weights lead past them, and so do more units.",
        tex=tex(whole),
    )


def _why_linear(run: Facts, finding: Finding) -> str:
    return tr(
        "Linear maps one after another are one linear map, however many they are:\n\n"
        "$$W_2 (W_1 x + b_1) + b_2 = (W_2 W_1)\\, x + (W_2 b_1 + b_2)$$\n\n"
        "So the network is logistic regression. The best one has the loss {line}; with a curved "
        "boundary {best} is possible.",
        line=number((run.data.linear_loss if run.data else None) or 0.0),
        best=number(_possible(run)),
    )


def _possible(run: Facts) -> float:
    assert run.data is not None
    known = run.data.best_loss
    return known if known is not None else run.data.rival_loss or 0.0


def _why_unscaled(run: Facts, finding: Finding) -> str:
    assert run.data is not None
    return tr(
        "A weighted sum of the inputs is as large as they are:\n\n"
        "$$z = \\sum_i w_i x_i + b, \\qquad |x_i| \\approx {size}$$\n\n"
        "Initializations are made for $|x_i| \\approx 1$. Scaling takes the mean of every column "
        "away and divides by its standard deviation: $x' = (x - \\mu) / \\sigma$.",
        size=tex(math.hypot(run.data.mean, run.data.spread_high)),
    )


def _why_one_class(run: Facts, finding: Finding) -> str:
    return tr(
        "One answer for all examples is right here, and a bias alone can give it. Bring examples "
        "of the other class, or draw the parts with another seed."
    )


def _why_broken(run: Facts, finding: Finding) -> str:
    return tr(
        "A sum with one number that is not finite is not finite, and so are the loss and every "
        "gradient after it. Leave these rows out, or fill in what is missing."
    )


DATA_SENTENCES: dict[Disease, Words] = {
    "healthy": _healthy,
    "stalled": _stalled,
    "linear_network": _linear,
    "unscaled_inputs": _unscaled,
    "one_class": _one_class,
    "nan_in_data": _broken,
}
DATA_EXPLANATIONS: dict[Disease, Words] = {
    "healthy": _why_healthy,
    "stalled": _why_stalled,
    "linear_network": _why_linear,
    "unscaled_inputs": _why_unscaled,
    "one_class": _why_one_class,
    "nan_in_data": _why_broken,
}
