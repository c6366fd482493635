"""Sentences of the lessons on vanishing gradients: numbers in, words out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import nndl_core.theory.gradient_law as law
from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import sentences, tr
from nndl_core.engine.records import EpochRecord
from nndl_core.theory.gradient_law import Flow, Ratio, Steps
from pages.ui.lesson.vanishing.tables import away, away_text, seeds_text, share
from pages.ui.widgets.layer_names import layer_runs

FAR = 0.05
"""A closed form that is further off than this share does not apply."""


def ratio_sentences(
    configs: Sequence[RunConfig], flows: Sequence[Flow], ratio: Ratio, expected: Sequence[float]
) -> str:
    """Say what both activations lose, and how near the ratio is to its closed form."""
    one, two = (config.activation for config in configs)
    last = f"fc{len(configs[0].hidden) + 1}"
    pairs = list(zip((one, two), flows, strict=True))
    lost = tr("; ").join(_lost(name, flow) for name, flow in pairs[: 1 if one == two else 2])
    return tr(
        "From {last} to fc1, with the weight seed of the runs: {lost}. {ratio}",
        last=last,
        lost=lost,
        ratio=_ratio(one, two, configs[0].bias, ratio, expected),
    )


def _lost(name: str, flow: Flow) -> str:
    first, end = float(flow.gradient_norm[0, 0]), float(flow.gradient_norm[0, -1])
    if first == 0:
        return tr(
            "with {name} the gradient of fc1 is exactly 0, so no decade can be counted", name=name
        )
    lost = law.decades(end, first)
    if lost < 0:
        return tr("the gradient of {name} gains {lost:.2f} decades", name=name, lost=-lost)
    return tr("the gradient of {name} loses {lost:.2f} decades", name=name, lost=lost)


def _ratio(one: str, two: str, bias: float, ratio: Ratio, expected: Sequence[float]) -> str:
    if one == two:
        return tr("Both activations are the same, so the ratio is 1: choose two different ones.")
    if ratio.n == 0:
        return tr("In every seed a gradient is exactly 0, so there is no mean ratio to compare.")
    mean, law_says, off = float(ratio.mean[0]), float(expected[0]), away(ratio, expected, 0)
    words = tr(
        "At fc1 {two} has {mean:.4g} times the gradient of {one} (geometric mean of {seeds_text});",
        two=two,
        mean=mean,
        one=one,
        seeds_text=seeds_text(ratio.n),
    )
    if math.isnan(off):
        nothing = tr(
            "at b = {bias:g} the closed form says nothing, because φ(b) or φ'(b) is 0.", bias=bias
        )
        return sentences(words, nothing)
    law_words = tr(
        "the closed form says {law_says:.4g}, {away_text} away.",
        law_says=law_says,
        away_text=away_text(abs(off), ".2%"),
    )
    far = tr("It is made for small weights, and these are too large for it.")
    return sentences(words, law_words, far if abs(off) > FAR else "")


def causes_sentences(steps: Mapping[str, Steps], std: float, bias: float) -> list[str]:
    """Say what weights and slope take at the chosen std, and what each change would save."""
    names = [f"sigmoid, std {std:g}", f"relu, std {std:g}", "sigmoid, Xavier"]  # untranslated: keys
    sick, relu, sane = (steps[name] for name in names)
    found = [_parts(name, steps[name], bias) for name in names]
    changes = [
        _saved(tr("ReLU in place of sigmoid, at std {std:g},", std=std), sick, relu),
        _saved(tr("Xavier's weights in place of std {std:g}, with sigmoid,", std=std), sick, sane),
    ]
    return [*found, sentences(*changes)]


def _parts(name: str, found: Steps, bias: float) -> str:
    lost = float(found.to_layer[0])
    if math.isnan(lost):
        return tr(
            "{name}, b = {bias:g}: in every seed a gradient is exactly 0, not merely small.",
            name=name,
            bias=bias,
        )
    parts = tr(", ").join(f"{tr(part)} {value:.2f}" for part, value in found.parts.items())
    numbers = {"name": name, "bias": bias, "lost": abs(lost), "parts": parts}
    if lost < 0:
        return tr(
            "{name}, b = {bias:g}: the gradient gains {lost:.2f} decades ({parts}).", **numbers
        )
    return tr("{name}, b = {bias:g}: the gradient loses {lost:.2f} decades ({parts}).", **numbers)


def _saved(change: str, before: Steps, after: Steps) -> str:
    saved = float(before.to_layer[0] - after.to_layer[0])
    if math.isnan(saved):
        return ""
    if saved < 0:
        return tr("{change} costs {saved:.2f} decades.", change=change, saved=-saved)
    return tr("{change} saves {saved:.2f} decades.", change=change, saved=saved)


def changed_sentences(
    single: Mapping[str, EpochRecord], double: Mapping[str, EpochRecord], config: RunConfig
) -> str:
    """Compare the first step of fc1 with the gap between two float32 numbers."""
    name = next(iter(single))
    if double[name].layers[0].weight_grad_norm == 0:
        return tr(
            "{name}: the gradient of fc1's weights is exactly 0, so no step ever moves them.",
            name=name,
        )
    fc1, exact = single[name].layers[0], double[name].layers[0]
    rate, std, bias = config.learning_rate, config.init_scale, config.bias
    largest = rate * exact.weight_grad_norm
    text = tr(
        "{name}: the gradient of fc1's weights has norm {weight_grad_norm:.2g}, so with "
        "learning rate {rate:g} none of them moves by more than {largest:.2g}. The gap "
        "between neighboring float32 numbers is {float32_gap:.2g} near {std:g}",
        name=name,
        weight_grad_norm=exact.weight_grad_norm,
        rate=rate,
        largest=largest,
        float32_gap=law.float32_gap(std),
        std=std,
    )
    if bias:
        text += tr(
            " and {float32_gap:.2g} near the bias {bias:g}",
            float32_gap=law.float32_gap(abs(bias)),
            bias=bias,
        )
    return tr(
        "{text}; a step below half a gap is rounded away. Of fc1's weights and biases "
        "{share} change in float32, {double_share} in float64.",
        text=text,
        share=share(fc1.changed_share),
        double_share=share(exact.changed_share),
    )


def unmoved_sentence(double: Mapping[str, EpochRecord]) -> str:
    """Name the layers that do not change fully even in float64, or return nothing."""
    found = [
        f"{name} ({tr(', ').join(layers)})"
        for name, record in double.items()
        if (layers := _unmoved(record))
    ]
    if not found:
        return ""
    return tr(
        "Not all of these change in float64 either: {found}. There some gradients are exactly "
        "0, as behind a dead ReLU, or steps are too small even for float64.",
        found=tr("; ").join(found),
    )


def _unmoved(record: EpochRecord) -> list[str]:
    runs = layer_runs([int(fc.changed_share < 1) for fc in record.layers])
    return [layers for layers, is_unmoved in runs if is_unmoved]
