"""What the lessons on vanishing gradients have of their own: norms, causes, and lost updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import get_args

import streamlit as st

import nndl_core.theory.gradient_forms as forms
import nndl_core.theory.gradient_law as law
from nndl_core.base.config import MAX_DEPTH, ActivationName, RunConfig
from nndl_core.base.i18n import tr
from nndl_core.charts import gradient_law as charts
from nndl_core.charts.style.parts import Figure
from nndl_core.engine.records import EpochRecord
from nndl_core.theory.gradient_law import Flow, Ratio, Steps
from pages.ui.lesson.vanishing import tables, words
from pages.ui.link.linked import linked
from pages.ui.link.messages import escape
from pages.ui.widgets.figure import draw_figure
from pages.ui.widgets.log_slider import log_slider, seeds_input, start_at

_flow = st.cache_data(max_entries=200, show_spinner=False)(law.measure_flow)
_flows = st.cache_data(max_entries=50, show_spinner=False)(law.flows_by_scale)
_ratio = st.cache_data(max_entries=200, show_spinner=False)(law.measured_ratio)
_update = st.cache_data(max_entries=200, show_spinner=False)(law.first_update)

NAMES: tuple[ActivationName, ...] = get_args(ActivationName)
SHOWN: tuple[ActivationName, ...] = ("sigmoid", "tanh", "relu")
SANE: dict[ActivationName, RunConfig] = {
    "sigmoid": RunConfig(init="xavier_normal"),
    "tanh": RunConfig(init="xavier_normal"),
    "relu": RunConfig(init="he_normal"),
}
LOW_STD, HIGH_STD = 1e-3, 3.0
SCALES = [10 ** (k / 3 - 3) for k in range(11)] + [HIGH_STD]
CURVE_SEEDS = 6
RATIO_FORMULA = (
    r"\frac{\lVert\nabla_{W_l}\rVert_{B}}{\lVert\nabla_{W_l}\rVert_{A}} \approx "
    r"\left(\frac{\varphi_B'(b)}{\varphi_A'(b)}\right)^{\!L-l}\cdot"
    r"\begin{cases}1 & l = 1\\ \varphi_B(b)/\varphi_A(b) & l > 1\end{cases}"
)
STEP_FORMULA = (
    r"\frac{\lVert\nabla_{W_l}\rVert}{\lVert\nabla_{W_{l+1}}\rVert} = "
    r"\underbrace{\frac{\lVert W_{l+1}^{\top}\delta_{l+1}\rVert}{\lVert\delta_{l+1}\rVert}}"
    r"_{\text{weights}} \cdot "
    r"\underbrace{\frac{\lVert\delta_l\rVert}{\lVert W_{l+1}^{\top}\delta_{l+1}\rVert}}"
    r"_{\text{slope}} \cdot \text{inputs}"
)


def _step_formula() -> str:
    formula = STEP_FORMULA
    for part in ("weights", "slope", "inputs"):
        formula = formula.replace(rf"\text{{{part}}}", rf"\text{{{tr(part)}}}")
    return formula


@st.fragment
def norms_section(config: RunConfig) -> None:
    """Compare the norms of two activations layer by layer, with the closed form of their ratio."""
    st.subheader(tr("Decades lost, layer by layer"), anchor="norms")
    columns = st.columns(3)
    first = columns[0].selectbox(
        tr("First activation"), NAMES, 0, key=linked("norms_first", NAMES[0], NAMES)
    )
    second = columns[1].selectbox(
        tr("Second activation"), NAMES, 2, key=linked("norms_second", NAMES[2], NAMES)
    )
    with columns[2]:
        seeds = seeds_input("norms_seeds", law.most_seeds(config))
    configs = [replace(config, activation=name) for name in (first, second)]
    flows: list[Flow] = [_flow(c, seeds) for c in configs]
    ratio: Ratio = _ratio(configs[0], second, seeds)
    expected = forms.expected_ratio(configs[0], second).tolist()
    left, right = st.columns([1, 2])
    with left:
        norms = {str(c.activation): f.gradient_norm[0] for c, f in zip(configs, flows, strict=True)}
        alt = tr("Gradient norm of each layer")
        draw_figure(charts.norm_bars(norms), key="norms_bars", alt=alt, height=_height(norms))
    with right:
        st.html(tables.ratio_table((first, second), flows, ratio, expected))
        st.html(tables.lost_table(configs, flows))
    st.markdown(escape(words.ratio_sentences(configs, flows, ratio, expected)))
    _ratio_formula()


def _height(series: Mapping[str, Sequence[float]]) -> int:
    """Give every bar the height that its number needs."""
    bars = sum(map(len, series.values()))
    return max(400, 100 + 20 * bars)


def _ratio_formula() -> None:
    with st.expander(tr("Where the closed form comes from")):
        st.markdown(
            tr(
                "With small weights every hidden pre-activation is about the "
                "bias b. On the way back "
                "from layer L to layer l the gradient meets L − l hidden "  # noqa: RUF001
                "layers, and each multiplies "
                "it by φ'(b). Equal weights cancel in the ratio of B to A. From fc2 on the layer's "
                "inputs are φ(b), which gives one more ratio; the inputs of fc1 are the data."
            )
        )
        st.latex(RATIO_FORMULA)


@st.fragment
def causes_section(config: RunConfig, std: float, key: str) -> None:
    """Split the lost decades into what the weights, the slope and the inputs take."""
    st.subheader(tr("Who takes the decades: the weights or the activation?"), anchor="causes")
    base, std, seeds = _causes_controls(config, std, key)
    networks = _networks(base, std)
    flows: dict[str, Flow] = {name: _flow(c, seeds) for name, c in networks.items()}
    steps = {name: law.decades_lost(flow) for name, flow in flows.items()}
    left, right = st.columns(2)
    with left:
        st.markdown(tr("**Decades lost, by cause**"))
        alt = tr("Decades lost by cause")
        draw_figure(charts.part_bars(steps), key=f"{key}_bars", alt=alt, height=420)
    with right:
        few = max(1, min(CURVE_SEEDS, law.most_seeds(base) // len(SCALES)))
        text = tr(
            "by the std of the weights, mean of {seeds_text}", seeds_text=tables.seeds_text(few)
        )
        st.markdown(tr("**Decades lost, {text}**", text=text))
        figure = _scale_figure(base, std, few)
        draw_figure(
            figure, key=f"{key}_std_lines", alt=tr("Decades lost, {text}", text=text), height=420
        )
    st.html(tables.causes_table(networks, flows, steps))
    st.caption(
        tr(
            "Weights, slope and inputs add up to the decades lost; below 0 is a gain. For small "
            "weights: the closed form from std, layer widths and φ'(b)."
        )
    )
    sentences = words.causes_sentences(steps, std, base.bias)
    st.markdown("\n".join(f"- {escape(sentence)}" for sentence in sentences if sentence))
    _steps_part(networks, steps, f"{key}_network")


def _causes_controls(config: RunConfig, std: float, key: str) -> tuple[RunConfig, float, int]:
    """Return the network with the chosen depth and bias, the std, and the number of seeds."""
    start_at(f"{key}_depth", len(config.hidden), low=1, high=MAX_DEPTH)
    start_at(f"{key}_bias", config.bias, low=-10, high=10)
    columns = st.columns(4)
    with columns[0]:
        std = log_slider(tr("Std of the weights"), LOW_STD, HIGH_STD, std, key=f"{key}_std")
    depth = columns[1].slider(tr("Hidden layers"), 1, MAX_DEPTH, key=f"{key}_depth")
    bias = columns[2].slider(tr("Bias"), -10.0, 10.0, step=0.1, key=f"{key}_bias")
    base = replace(config, hidden=(config.hidden[0],) * depth, bias=bias)
    with columns[3]:
        seeds = seeds_input(f"{key}_seeds", law.most_seeds(base))
    return base, std, seeds


def _networks(base: RunConfig, std: float) -> dict[str, RunConfig]:
    """Return each activation at the chosen std, then each with the scale made for it."""
    found = {
        f"{name}, std {std:g}": replace(base, activation=name, init="normal", init_scale=std)
        for name in SHOWN
    }
    for name, sane in SANE.items():
        label = f"{name}, {'He' if sane.init == 'he_normal' else 'Xavier'}"
        found[label] = replace(base, activation=name, init=sane.init, init_scale=1.0)
    return found


def _scale_figure(base: RunConfig, std: float, seeds: int) -> Figure:
    normal = replace(base, init="normal", init_scale=1.0)
    rows = {
        str(name): [
            law.decades_lost(flow)
            for flow in _flows(replace(normal, activation=name), SCALES, seeds)
        ]
        for name in SHOWN
    }
    return charts.decades_by_scale(SCALES, rows, std)


def _steps_part(networks: Mapping[str, RunConfig], steps: Mapping[str, Steps], key: str) -> None:
    """Show the factors of every step beside the prediction from std and slope."""
    with st.expander(tr("Step by step, with the formula")):
        st.markdown(
            tr(
                "One step back, from layer l + 1 to layer l, with δ = dL/dz over all units and "
                "examples. The factors are exact; the inputs' factor is what is left, because a "
                "gradient is δ times the layer's input."
            )
        )
        st.latex(_step_formula())
        st.markdown(
            tr(
                "Predicted for small weights: a matrix with n columns of N(0, std) weights "
                "stretches δ by std · χₙ on average, and the slope is φ'(b) for every unit and "
                "example."
            )
        )
        name = st.selectbox(
            tr("Network"), list(networks), key=linked(key, next(iter(networks)), networks)
        )
        st.html(tables.steps_table(steps[name], forms.expected_decades(networks[name])))


@st.fragment
def updates_section(config: RunConfig) -> None:
    """Show how large the first step is for the weights, and which of them it moves at all."""
    st.subheader(tr("Does a weight move at all?"), anchor="updates")
    left, right = st.columns(2)
    with left:
        rate = log_slider(tr("Learning rate"), 1e-4, 100, config.learning_rate, key="updates_rate")
    with right:
        start = config.init_scale
        std = log_slider(tr("Std of the weights"), LOW_STD, HIGH_STD, start, key="updates_std")
    networks = _networks(replace(config, learning_rate=rate), std)
    shown = {name: c for name, c in networks.items() if c.activation != "tanh"}
    single: dict[str, EpochRecord] = {
        n: _update(replace(c, dtype="float32")) for n, c in shown.items()
    }
    double: dict[str, EpochRecord] = {
        n: _update(replace(c, dtype="float64")) for n, c in shown.items()
    }
    left, right = st.columns(2)
    with left:
        ratios = {n: [fc.update_ratio for fc in r.layers] for n, r in double.items()}
        alt = tr("Update / weight of each layer")
        draw_figure(charts.ratio_bars(ratios), key="updates_ratio", alt=alt, height=_height(ratios))
    with right:
        shares = {n: [fc.changed_share for fc in r.layers] for n, r in single.items()}
        alt = tr("Share of each layer that changed in float32")
        figure = charts.changed_bars(shares)
        draw_figure(figure, key="updates_share", alt=alt, height=_height(shares))
    st.html(tables.changed_table(single, double))
    st.markdown(escape(words.changed_sentences(single, double, next(iter(shown.values())))))
    if sentence := words.unmoved_sentence(double):
        st.markdown(escape(sentence))
