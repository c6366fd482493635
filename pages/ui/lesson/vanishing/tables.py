"""Tables of the lessons on vanishing gradients: numbers in, HTML out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import nndl_core.theory.gradient_forms as forms
import nndl_core.theory.gradient_law as law
from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import tr, trn
from nndl_core.engine.records import EpochRecord
from nndl_core.theory.gradient_law import Flow, Ratio, Steps
from pages.ui.widgets.number_table import marked, number, table

FACTOR = 10
PARTS = ("weights", "slope", "inputs", "total")


def plain(value: float, form: str) -> str:
    """Write a number; what is infinite or undefined gets a sign."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"  # noqa: RUF001
    return number(value, form)


def share(value: float) -> str:
    """Write a share in percent; only all is 100 % and only none is 0 %."""
    if value in (0, 1):
        return f"{value:.0%}"
    return plain(value, ".1%")


def seeds_text(count: int) -> str:
    """Count seeds in words."""
    return trn("{n} seed", "{n} seeds", count)


def away(ratio: Ratio, expected: Sequence[float], layer: int) -> float:
    """Return how far the mean ratio of a layer is from its closed form; NaN without either."""
    mean, law_says = float(ratio.mean[layer]), float(expected[layer])
    return mean / law_says - 1 if 0 < law_says < math.inf else math.nan


def away_text(off: float, form: str) -> str:
    """Write how far something is away: in percent, or as a factor where that is more than 10."""
    return tr("a factor of {off:.1e}", off=1 + off) if off > FACTOR - 1 else plain(off, form)


def ratio_table(
    names: Sequence[str], flows: Sequence[Flow], ratio: Ratio, expected: Sequence[float]
) -> str:
    """Show the norms of two activations in the first seed, and the ratio beside its closed form."""
    one, two = names
    header = [
        tr("layer"),
        one,
        two,
        f"{two} / {one}",
        tr("mean of {seeds_text}", seeds_text=seeds_text(ratio.n)),
    ]
    header += [tr("closed form"), tr("away")]
    rows = []
    for at in range(len(expected)):
        cells = [f"fc{at + 1}", *(marked(float(flow.gradient_norm[0, at])) for flow in flows)]
        cells += [plain(float(ratio.first[at]), ".4g"), _mean_ratio(ratio, at)]
        cells += [plain(float(expected[at]), ".4g"), away_text(away(ratio, expected, at), "+.2%")]
        rows.append(cells)
    return table(header, rows, tr("Gradient norms with equal weights, and their ratio"))


def _mean_ratio(ratio: Ratio, layer: int) -> str:
    return plain(float(ratio.mean[layer]), ".4g") + _error(float(ratio.error[layer]), ".2%")


def _error(error: float, form: str) -> str:
    return "" if math.isnan(error) else f" ± {error:{form}}"


def lost_table(configs: Sequence[RunConfig], flows: Sequence[Flow]) -> str:
    """Show the decades lost up to each layer, mean over the seeds, beside the closed form."""
    header = [tr("layer")]
    for config, flow in zip(configs, flows, strict=True):
        count = len(flow.gradient_norm) - law.zero_seeds(flow)
        header += [f"{config.activation}, {seeds_text(count)}", tr("closed form")]
    columns = [column for pair in zip(configs, flows, strict=True) for column in _lost(*pair)]
    layers = len(configs[0].hidden) + 1
    rows = [[f"fc{at + 1}", *(column[at] for column in columns)] for at in range(layers)]
    return table(header, rows, tr("Decades lost on the way back from fc{layers}", layers=layers))


def _lost(config: RunConfig, flow: Flow) -> tuple[list[str], list[str]]:
    means, errors = law.decades_to_layer(flow)
    pairs = zip(means.tolist(), errors.tolist(), strict=True)
    measured = [plain(m, ".2f") + _error(e if m else math.nan, ".2f") for m, e in pairs]
    expected = forms.expected_decades(config).to_layer.tolist()
    return measured, [plain(value, ".2f") for value in expected]


def causes_table(
    networks: Mapping[str, RunConfig], flows: Mapping[str, Flow], steps: Mapping[str, Steps]
) -> str:
    """Show for each network who takes how many decades."""
    header = [
        tr("network"),
        tr("weights"),
        tr("slope"),
        tr("inputs"),
        tr("decades lost"),
        tr("first / last"),
    ]
    header += [tr("for small weights"), tr("seeds with an exact 0")]
    rows = []
    for name, found in steps.items():
        lost = float(found.to_layer[0])
        cells = [escape(name), *(plain(v, ".2f") for v in found.parts.values())]
        cells += [plain(lost, ".2f"), plain(10**-lost, ".2g")]
        cells.append(plain(float(forms.expected_decades(networks[name]).to_layer[0]), ".2f"))
        flow = flows[name]
        rows.append(
            [*cells, tr("{n} of {all}", n=law.zero_seeds(flow), all=len(flow.gradient_norm))]
        )
    return table(
        header, rows, tr("Decades lost from the last layer to the first, mean over the seeds")
    )


def steps_table(found: Steps, expected: Steps) -> str:
    """Show the factors of every step beside the predicted ones."""
    header = [
        tr("step"),
        tr("weights"),
        tr("predicted"),
        tr("slope"),
        tr("predicted"),
        tr("inputs"),
        tr("predicted"),
    ]
    header += [tr("product"), tr("predicted")]
    rows = []
    for at in reversed(range(len(found.slope))):
        cells = [f"fc{at + 2} → fc{at + 1}"]
        for part in PARTS:
            pair = (getattr(steps, part)[at] for steps in (found, expected))
            cells += [plain(10 ** -float(decades), ".3g") for decades in pair]
        rows.append(cells)
    return table(header, rows, tr("Factors, geometric mean over the seeds"))


def changed_table(single: Mapping[str, EpochRecord], double: Mapping[str, EpochRecord]) -> str:
    """Show how large a first step is, and which share of each layer it changed in float32."""
    layers = [f"fc{at + 1}" for at in range(len(next(iter(single.values())).layers))]
    rows = []
    for name in single:
        sizes = [plain(fc.update_ratio, ".2g") for fc in double[name].layers]
        rows.append([escape(name), tr("update / weight"), *sizes])
        for kind, record in (("float32", single[name]), ("float64", double[name])):
            shares = [share(fc.changed_share) for fc in record.layers]
            rows.append(["", tr("changed in {kind}", kind=kind), *shares])
    caption = tr("Size of the first step, and the share of weights and biases that it changes")
    return table([tr("network"), tr("first step"), *layers], rows, caption, names=2)
