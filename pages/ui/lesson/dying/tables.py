"""Tables and sentences of the lessons on dead units: numbers in, HTML or words out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import sentences, tr
from nndl_core.engine.records import EpochRecord
from nndl_core.studies.relu_remedies import Recovery
from nndl_core.theory.dead_units import BiasPath, DeadStart
from pages.ui.widgets.number_table import NOTHING, marked, number, table

LAW_SHARE = 0.05
"""How far from its power a fitted exponent may lie for the law to be said to hold."""


def zeros_table(record: EpochRecord) -> str:
    """Show each layer's gradient norms, exact zeros marked, and its dead units."""
    header = [tr("layer"), tr("weights"), tr("biases"), tr("dead units")]
    rows = []
    for at, fc in enumerate(record.layers, start=1):
        is_last = at == len(record.layers)
        dead = tr("no ReLU") if is_last else _of(fc.dead_units, fc.units)
        rows.append([f"fc{at}", marked(fc.weight_grad_norm), marked(fc.bias_grad_norm), dead])
    return table(header, rows, tr("L2 norms of the gradient before training"))


def closed_form_table(found: DeadStart, config: RunConfig) -> str:
    """Set gradient and loss of the dead network beside the closed form."""
    name = tr("gradient of fc{count}.bias", count=len(found.record.layers))
    pairs = {
        name: (found.bias_gradient, found.expected_gradient),
        tr("train loss"): (found.record.train_loss, found.expected_loss),
    }
    rows = [
        [name, number(measured, ".7f"), number(form, ".7f"), number(abs(measured - form), ".0e")]
        for name, (measured, form) in pairs.items()
    ]
    return table(
        ["", config.dtype, tr("closed form"), tr("apart")], rows, tr("Measured, and by formula")
    )


def zeros_sentence(found: DeadStart, bias: float) -> str:
    """Say what has a gradient, and that it is not a question of size."""
    layers = found.record.layers
    dead, units = sum(fc.dead_units for fc in layers[:-1]), sum(fc.units for fc in layers[:-1])
    living = sum(fc.weight_grad_norm > 0 for fc in layers)
    living += sum(fc.bias_grad_norm > 0 for fc in layers)
    return tr(
        "With b = {bias:g}, {dead} of {units} hidden units fire on none of the training "
        "points. Of the {gradients} gradients in the table {zeros} are exactly 0, so no "
        "learning rate can move what belongs to them. What is left is the output bias, with "
        "gradient σ(b) − p₁ and loss {minus_bias:g} p₁ + log(1 + exp({bias:g})), where p₁ = "  # noqa: RUF001
        "{ones:g} is the share of class 1.",
        bias=bias,
        dead=dead,
        units=units,
        gradients=2 * len(layers),
        zeros=2 * len(layers) - living,
        minus_bias=-bias,
        ones=found.ones,
    )


def path_sentence(path: BiasPath, start: DeadStart) -> str:
    """Say where the output bias and the loss went, and what did not follow."""
    apart = max(abs(a - b) for a, b in zip(path.bias, path.expected_bias, strict=True))
    others = (
        tr("Every other parameter is where it was: the largest change is exactly 0.")
        if path.moved == 0
        else tr("Another parameter has moved by {moved:.2g}.", moved=path.moved)
    )
    first, last = path.train_accuracy[0], path.train_accuracy[-1]
    accuracy = (
        tr("stays at {first:.4f}", first=first)
        if first == last
        else tr("goes from {first:.4f} to {last:.4f}", first=first, last=last)
    )
    return tr(
        "Up to epoch {epochs:,} the output bias goes from {bias:g} to {last_bias:.4f} and the "
        "train loss from {train_loss:.4f} to {last_loss:.4f}; the best constant guess has "
        "{best_loss:.4f}. The accuracy {accuracy}. {others} The recurrence b ← b − η (σ(b) − "  # noqa: RUF001
        "p₁) of a lone bias is met to {apart:.0e}. A falling loss is no proof that a network "
        "learns.",
        epochs=path.epochs[-1],
        bias=path.bias[0],
        last_bias=path.bias[-1],
        train_loss=path.train_loss[0],
        last_loss=path.train_loss[-1],
        best_loss=start.best_loss,
        accuracy=accuracy,
        others=others,
        apart=apart,
    )


def dead_table(counts: Iterable[Iterable[float]], widths: Sequence[int]) -> str:
    """Show the dead units of each layer, [seeds, layers], for the first seed and on average."""
    rows = []
    columns = list(zip(*counts, strict=True))
    for at, (column, width) in enumerate(zip(columns, widths, strict=True), start=1):
        all_dead = sum(count == width for count in column)
        cells = [
            tr("{n} of {all}", n=f"{column[0]:g}", all=width),
            f"{sum(column) / len(column):.2f}",
        ]
        rows.append([f"fc{at}", *cells, tr("{n} of {all}", n=all_dead, all=len(column))])
    header = [
        tr("layer"),
        tr("this seed"),
        tr("mean of {count}", count=len(columns[0])),
        tr("layer dead in"),
    ]
    return table(header, rows, tr("Dead units, over the whole training set"))


def threshold_sentence(
    counts: Iterable[Iterable[float]], config: RunConfig, thresholds: Sequence[float]
) -> str:
    """Say from which bias on the closed form has every unit dead, and what was counted."""
    dead, units = sum(next(iter(counts))), sum(config.hidden)
    own, bias = thresholds[0], config.bias
    side = tr("is below it") if bias <= own else tr("is above it")
    text = tr(
        "With these weights no training point lifts a unit of fc1 by more than {lift:.4g}. So "
        "the closed form says: all {units} units are dead from b = {threshold:.4g} on down. Your "
        "bias {bias:g} {side}, and {dead:g} of {units} are dead.",
        lift=-own,
        units=units,
        threshold=own,
        bias=bias,
        side=side,
        dead=dead,
    )
    if len(thresholds) > 1:
        low, high = min(thresholds), max(thresholds)
        span = tr(
            "Over {count} seeds the threshold lies from {low:.4g} to {high:.4g}.",
            count=len(thresholds),
            low=low,
            high=high,
        )
        return sentences(text, span)
    return text


def exponents_table(
    norms: Mapping[str, Sequence[float]], fitted: Sequence[float], expected: Sequence[float]
) -> str:
    """Show each layer's gradient norm by activation, and its power of the slope."""
    header = [tr("layer"), *norms, tr("power of the slope, fitted"), tr("closed form"), tr("apart")]
    rows = []
    for at, (power, law) in enumerate(zip(fitted, expected, strict=True)):
        cells = [marked(row[at]) for row in norms.values()]
        apart = _apart(power, law)
        share = NOTHING if math.isnan(apart) else f"{apart:.2%}"
        rows.append([f"fc{at + 1}", *cells, number(power, ".4f"), number(law, "g"), share])
    return table(header, rows, tr("L2 norm of the weight gradient, geometric mean over the seeds"))


def _apart(power: float, law: float) -> float:
    return abs(power / law - 1) if law else math.nan


def slope_sentence(
    config: RunConfig,
    fitted: Sequence[float],
    expected: Sequence[float],
    chosen: tuple[float, float],
) -> str:
    """Say with which power of the slope fc1 grows; chosen are Leaky slope and ELU alpha."""
    if config.bias >= 0:
        return tr(
            "With b = {bias:g} the units are on the side above 0, where Leaky ReLU has slope 1: "
            "the law of the slope is one for b below 0.",
            bias=config.bias,
        )
    if math.isnan(fitted[0]):
        return tr("A gradient of fc1 is exactly 0 even with a slope, so there is no power to fit.")
    worst = max(map(_apart, fitted, expected))
    held = (
        tr("All layers keep the law within {law_share:.0%}.", law_share=LAW_SHARE)
        if worst <= LAW_SHARE
        else tr(
            "The law is missed by up to {worst:.0%}: it needs weights so small that every "
            "pre-activation is about b, and these have init scale {init_scale:g}.",
            worst=worst,
            init_scale=config.init_scale,
        )
    )
    return tr(
        "At fc1 the gradient grows with the power {fitted:.3f} of the slope; the closed form "
        "says {expected:g}, one factor for each hidden layer. {held} {slopes_words}",
        fitted=fitted[0],
        expected=expected[0],
        held=held,
        slopes_words=_slopes_words(config.bias, *chosen),
    )


def _slopes_words(bias: float, leaky: float, alpha: float) -> str:
    """Compare the slopes of both activations at a negative bias."""
    if leaky == 0 or alpha == 0:
        names = [tr("Leaky ReLU with slope 0")] * (leaky == 0)
        names += [tr("ELU with alpha 0")] * (alpha == 0)
        return tr(
            "{names}: that is ReLU itself, and every gradient is exactly 0.",
            names=tr(" and ").join(names),
        )
    return tr(
        "At b = {bias:g} Leaky ReLU has slope {leaky:g} and ELU alpha · exp(b) = "
        "{alpha:.2g}: a factor of each hidden layer on the way back.",
        bias=bias,
        leaky=leaky,
        alpha=alpha * math.exp(bias),
    )


def remedies_table(rows: Sequence[Recovery], names: Iterable[str], seeds: int) -> str:
    """Show how the runs of each remedy ended, as far as they are done."""
    header = [
        tr("what is changed"),
        tr("done"),
        tr("recovered"),
        tr("test accuracy"),
        tr("train loss"),
    ]
    header += [
        tr("dead of {units}", units=rows[0].units) if rows else tr("dead"),
        tr("gradient of fc1"),
    ]
    done = {row.name: row for row in rows}
    body = []
    for name in names:
        row, words = done.get(name), escape(tr(name))
        if row is None:
            body.append([words, _of(0, seeds), *[NOTHING] * 5])
        else:
            body.append([words, _of(row.n, seeds), *_recovery_cells(row)])
    return table(header, body, tr("After training, mean over the seeds; dead units before → after"))


def _of(count: float, every: int) -> str:
    return tr("{n:g} of {all}", n=count, all=every)


def _recovery_cells(row: Recovery) -> list[str]:
    share = _of(row.recovered, row.n)
    error = "" if math.isnan(row.error) else f" ± {row.error:.3f}"
    return [
        f"<b>{share}</b>" if row.recovered == row.n else share,
        f"{row.accuracy:.3f}{error}",
        number(row.loss, ".4f"),
        f"{row.dead_start:.3g} → {row.dead_end:.3g}",
        _gradient_cell(row),
    ]


def _gradient_cell(row: Recovery) -> str:
    """Show the mean over the seeds with a gradient, and how many have none."""
    if row.zero_gradients == row.n:
        return marked(0)
    some = tr(", {zero} in {n}", zero=marked(0), n=row.zero_gradients) if row.zero_gradients else ""
    return f"{row.gradient:.2g}{some}"


def remedies_sentence(rows: Sequence[Recovery]) -> str:
    """Say which remedies recovered in every seed, in some, in none; and where gradients fooled."""
    groups = {
        tr("Recovered with every seed"): [tr(row.name) for row in rows if row.recovered == row.n],
        tr("With some seeds"): [
            f"{tr(row.name)} ({_of(row.recovered, row.n)})"
            for row in rows
            if 0 < row.recovered < row.n
        ],
        tr("Never"): [tr(row.name) for row in rows if row.recovered == 0],
    }
    said = [
        tr("{words}: {names}.", words=words, names=tr("; ").join(names))
        for words, names in groups.items()
        if names
    ]
    text = sentences(*said)
    fooled = [row for row in rows if row.zero_gradients == row.recovered == 0]
    if not fooled:
        return text
    found = tr("; ").join(f"{tr(row.name)} ({row.gradient:.1g})" for row in fooled)
    return tr(
        "{text} A gradient that is not 0 is not yet a remedy: these have one at fc1 in every "
        "run, and no run recovered: {found}.",
        text=text,
        found=found,
    )
