"""Tables and sentences of the initialization page: numbers in, HTML or a sentence out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from string import ascii_lowercase

from nndl_core.base.i18n import sentences, tr, trn
from nndl_core.charts.style.theme import series_color
from nndl_core.theory.initial_signal import Comparison, Signal, Table, compare
from nndl_core.theory.initial_state import Ending, EpochParameters, LayerParameters
from nndl_core.theory.weight_laws import Draws, Moment
from pages.ui.widgets.layer_names import layer_runs
from pages.ui.widgets.number_table import NOTHING, marked, number, table


def letter(group: int) -> str:
    """Name a group of equal rows: a, b, ..., z, a1, b1, ..."""
    turn, place = divmod(group, len(ascii_lowercase))
    return ascii_lowercase[place] + (str(turn) if turn else "")


def parameter_table(layer: LayerParameters, inputs: str) -> str:
    """Show one layer, a row per neuron; equal rows share a letter and, if several, a color."""
    inputs_of = [f"w {inputs}{i + 1}" for i in range(layer.weight.shape[1])]
    header = [tr("neuron"), tr("equal"), *inputs_of]
    rows = []
    for unit, group in enumerate(layer.groups):
        style = _tint(group) if layer.groups.count(group) > 1 else ""
        values = [*layer.weight[unit].tolist(), float(layer.bias[unit])]
        cells = [str(unit + 1), f'<td class="mark"{style}>{letter(group)}</td>']
        rows.append(cells + [f"<td{style}>{number(v)}</td>" for v in values])
    units = len(layer.groups)
    count = (
        tr("{distinct} of {units} neurons distinct", distinct=layer.distinct, units=units)
        if units > 1
        else tr("1 neuron")
    )
    return table([*header, tr("bias")], rows, tr("{name}: {value}", name=layer.name, value=count))


def _tint(group: int) -> str:
    return f' style="background:color-mix(in srgb, {series_color(group)} 22%, transparent)"'


def trace_sentence(state: EpochParameters) -> str:
    """Say in one sentence how many neurons of each hidden layer are distinct."""
    counts = [
        tr("{n} of {all} in {layer}", n=layer.distinct, all=len(layer.groups), layer=layer.name)
        for layer in state.layers[:-1]
    ]
    return trn(
        "Distinct hidden neurons after {n} update: {value}.",
        "Distinct hidden neurons after {n} updates: {value}.",
        state.epoch,
        value=tr(", ").join(counts) or tr("none"),
    )


def endings_table(endings: Sequence[Ending]) -> str:
    """Show for each run how far its parameters came, and what became of it."""
    names = list(endings[0].movement)
    header = [tr("activation"), tr("training points"), *names, tr("distinct neurons")]
    header += [tr("train loss"), tr("train accuracy"), tr("test accuracy")]
    rows = []
    for end in endings:
        distinct = tr(", ").join(tr("{n} of {all}", n=k, all=n) for k, n in end.distinct)
        moved = [marked(size) for size in end.movement.values()]
        cells = [end.config.activation, " + ".join(map(str, end.class_counts)), *moved, distinct]
        shares = [f"{end.train_accuracy:.3f}", f"{end.test_accuracy:.3f}"]
        rows.append([*cells, f"{end.train_loss:.4f}", *shares])
    return table(header, rows, tr("Largest change of any entry since the start"))


def ending_sentence(end: Ending) -> str:
    """Explain one ending from its numbers."""
    name, epochs = end.config.activation, end.epochs
    counts = tr(" and ").join(map(str, end.class_counts))
    if end.outcome == "nothing_moved":
        return tr(
            "{name}, {counts} points: with equal classes the gradient of the output bias is 0 as "
            "well. This is a saddle: at epoch {epochs} every parameter is exactly 0.",
            name=name,
            counts=counts,
            epochs=epochs,
        )
    if end.balanced:
        return _rounding_sentence(end, counts)
    if end.outcome == "last_bias_moved":
        return tr(
            "{name}: a hidden neuron gives {hidden_output:g} when its weights are 0, so no "
            "weight ever gets a gradient. Only the output bias moves ({last:.3g} at epoch "
            "{epochs}), and every point is given the same class: test accuracy "
            "{test_accuracy:.3f}.",
            name=name,
            hidden_output=end.hidden_output,
            last=_last(end),
            epochs=epochs,
            test_accuracy=end.test_accuracy,
        )
    distinct = tr(", ").join(tr("{n} of {all}", n=k, all=n) for k, n in end.distinct)
    if end.outcome == "equal_neurons":
        return tr(
            "{name}: a hidden neuron gives {hidden_output:g} when its weights are 0, so the "
            "output layer moves first and the hidden one follows, every neuron in the same way. "
            "At epoch {epochs} still {distinct} distinct: the network has learned as one "
            "neuron, test accuracy {test_accuracy:.3f}.",
            name=name,
            hidden_output=end.hidden_output,
            epochs=epochs,
            distinct=distinct,
            test_accuracy=end.test_accuracy,
        )
    return tr(
        "{name}: {distinct} neurons distinct at epoch {epochs}. Equal neurons get equal "
        "gradients only up to rounding, and these settings made the rounding grow.",
        name=name,
        distinct=distinct,
        epochs=epochs,
    )


def _last(end: Ending) -> float:
    return list(end.movement.values())[-1]


def _rounding_sentence(end: Ending, counts: str) -> str:
    largest = max(end.movement.values())
    start = tr(
        "{activation}, {counts} points: the exact gradient is 0, but 1/{points} is rounded in "
        "{dtype} and the first gradient comes out as {first_gradient:.1e}.",
        activation=end.config.activation,
        counts=counts,
        points=sum(end.class_counts),
        dtype=end.config.dtype,
        first_gradient=end.first_gradient,
    )
    if end.outcome == "last_bias_moved":
        moved = tr(
            "At epoch {epochs} the output bias has moved by {largest:.1e}.",
            epochs=end.epochs,
            largest=largest,
        )
        return sentences(start, moved)
    grown = tr(
        "The saddle is unstable, so this grows: at epoch {epochs} the largest change is "
        "{largest:.2g} and the train loss {train_loss:.4f}.",
        epochs=end.epochs,
        largest=largest,
        train_loss=end.train_loss,
    )
    return sentences(start, grown)


def moments_table(draws: Mapping[str, Draws], limit: float) -> str:
    """Show mean, standard deviation and tail of each sample beside their closed forms."""
    header = [
        tr("initializer"),
        tr("quantity"),
        tr("measured"),
        tr("closed form"),
        tr("standard error"),
    ]
    rows = []
    for name, sample in draws.items():
        quantities = {
            tr("mean"): sample.mean,
            tr("standard deviation"): sample.std,
            tr("share |w| > {limit:g}", limit=limit): sample.beyond,
        }
        for at, (quantity, moment) in enumerate(quantities.items()):
            label = escape(name) if at == 0 else ""
            rows.append([label, escape(quantity), *_moment(moment)])
    return table(header, rows, names=2)


def _moment(moment: Moment) -> list[str]:
    return [
        number(moment.measured, ".4g"),
        number(moment.expected, ".4g"),
        number(moment.error, ".1g"),
    ]


def factors_table(signals: Mapping[str, Signal]) -> str:
    """Show for each way to start the factor per hidden layer, measured and predicted."""
    header = [tr("initializer"), "n Var(w)", "1 / E[φ'²]", tr("forward"), tr("predicted")]
    header += [
        tr("measured / predicted"),
        tr("backward"),
        tr("predicted"),
        tr("measured / predicted"),
    ]
    rows = []
    for name, signal in signals.items():
        inner = slice(1, -1)
        cells = [escape(name), number(_mean(signal.n_var[inner]), ".3g")]
        slope = _mean(signal.slope_square)
        cells.append(number(1 / slope if slope > 0 else math.nan, ".3g"))
        cells += _comparison(compare(signal.forward[:, inner], signal.forward_law[:, inner]))
        cells += _comparison(compare(signal.backward[:, :-1], signal.backward_law[:, :-1]))
        rows.append(cells)
    return table(header, rows, tr("From one hidden layer to the next: mean over layers and seeds"))


def _mean(values: Table) -> float:
    return float(values.mean()) if values.size else math.nan


def layers_table(signal: Signal) -> str:
    """Show the factors of one way to start, layer by layer."""
    header = [tr("layer"), "n Var(w)", "E[a²]/E[z²]", "E[φ'²]", tr("forward"), tr("predicted")]
    header += [
        tr("measured / predicted"),
        tr("backward"),
        tr("predicted"),
        tr("measured / predicted"),
    ]
    rows = []
    hidden = signal.backward.shape[1]
    for at in range(hidden + 1):
        one = slice(at, at + 1)
        inside = at < hidden
        cells = [f"fc{at + 1}", number(float(signal.n_var[at]), ".3g")]
        for column in (signal.passed, signal.slope_square):
            cells.append(number(_mean(column[:, at]), ".3g") if inside else NOTHING)
        cells += _comparison(compare(signal.forward[:, one], signal.forward_law[:, one]))
        cells += _comparison(compare(signal.backward[:, one], signal.backward_law[:, one]))
        rows.append(cells)
    return table(header, rows)


def _comparison(result: Comparison) -> list[str]:
    ratio = number(result.ratio, ".3f")
    if not math.isnan(result.error):
        ratio += f" ± {result.error:.3f}"
    return [number(result.measured, ".3g"), number(result.predicted, ".3g"), ratio]


def zeros_sentence(signals: Mapping[str, Signal]) -> str:
    """Say where gradients are exactly 0, or nothing."""
    parts = []
    for name, signal in signals.items():
        counts = (signal.gradient_norm == 0).sum(0).tolist()
        seeds = len(signal.gradient_norm)
        runs = [
            tr("{layers} in {n} of {seeds} seeds", layers=where, n=count, seeds=seeds)
            for where, count in layer_runs(counts)
            if count
        ]
        if runs:
            parts.append(f"{name}: {tr(', ').join(runs)}")
    if not parts:
        return ""
    return tr(
        "Weight gradients that are exactly 0 are left out of the mean. {where}.",
        where=tr("; ").join(parts),
    )
