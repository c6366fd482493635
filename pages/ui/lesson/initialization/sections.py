"""The parts of the initialization page that no other page has: tables, figures and formulas."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from nndl_core.base.i18n import mark, sentences, tr, trn
from nndl_core.charts.initial_state import (
    draw_histograms,
    layer_signals,
    trace_accuracy,
    trace_loss,
)
from nndl_core.engine.telemetry import SAME_UNIT
from nndl_core.theory.initial_signal import Signal, signals
from nndl_core.theory.initial_state import Ending, EpochParameters, parameter_trace, zero_endings
from nndl_core.theory.weight_laws import DRAWS, LIMIT, draw_weights, scale_of_equal_spread
from pages.ui.lesson.initialization import controls, tables
from pages.ui.lesson.initialization.controls import STARTS, ScaledInitializer
from pages.ui.link.linked import linked
from pages.ui.link.messages import escape
from pages.ui.widgets.figure import draw_figure

_trace = st.cache_data(max_entries=200, show_spinner=False)(parameter_trace)
_endings = st.cache_data(max_entries=50, show_spinner=False)(zero_endings)
_signals = st.cache_data(max_entries=200, show_spinner=False)(signals)

FORWARD = (
    (
        mark(
            "**Forward.** A pre-activation z is a sum over the inputs a of its layer. "
            "Independent weights of mean 0 make the mean squares add up:"
        ),
        r"\mathbb{E}[z_l^2] = n_{\mathrm{in}}\,\mathrm{Var}(w)\;\mathbb{E}[a_{l-1}^2] + b^2",
    ),
    (
        mark(
            r"ReLU sets the negative half to 0, so $\mathbb{E}[a^2] = \tfrac12\,\mathbb{E}[z^2]$. "
            "With b = 0, the size stays if the weights make up for that (He):"
        ),
        r"\tfrac12\,n_{\mathrm{in}}\,\mathrm{Var}(w) = 1 \;\Rightarrow\; "
        r"\mathrm{Var}(w) = \frac{2}{n_{\mathrm{in}}}",
    ),
)
BACKWARD = (
    (
        mark(
            "**Backward.** The error δ of a unit is a sum over the units that it feeds, times "
            "its own slope:"
        ),
        r"\mathbb{E}[\delta_{l-1}^2] = n_{\mathrm{out}}\,\mathrm{Var}(w)\;"
        r"\mathbb{E}[\varphi'(z_{l-1})^2]\;\mathbb{E}[\delta_l^2]",
    ),
    (
        mark(
            "Where the slope is 1, as for tanh near 0, forward asks for "
            r"$n_{\mathrm{in}}\,\mathrm{Var}(w) = 1$ and backward for "
            r"$n_{\mathrm{out}}\,\mathrm{Var}(w) = 1$. Xavier takes the middle:"
        ),
        r"\mathrm{Var}(w) = \frac{2}{n_{\mathrm{in}} + n_{\mathrm{out}}}",
    ),
)


@st.fragment
def trace_section() -> None:
    """Show every parameter after each of the first updates, equal neurons marked."""
    st.subheader(tr("Every weight after each update"), anchor="trace")
    try:
        config, epochs = controls.trace()
        trace: list[EpochParameters] = _trace(config, epochs)
    except ValueError as error:
        st.warning(escape(str(error)))
        return
    if len(trace) <= epochs:
        st.warning(
            trn(
                "The run diverged after {n} update.",
                "The run diverged after {n} updates.",
                len(trace) - 1,
            )
        )
    state = trace[_update_slider(len(trace) - 1)]
    _scores(state)
    for at, layer in enumerate(state.layers):
        st.html(tables.parameter_table(layer, "a" if at else "x"))
    st.caption(
        sentences(
            tables.trace_sentence(state),
            tr(
                "Rows with the same letter are equal: they differ by at most "
                "{same_unit:.2%} of their norm, bias included; a last digit may be rounding.",
                same_unit=SAME_UNIT,
            ),
        )
    )
    left, right = st.columns(2)
    with left:
        draw_figure(
            trace_loss(trace), key="trace_loss", alt=tr("Loss after each update"), height=230
        )
    with right:
        figure = trace_accuracy(trace)
        draw_figure(figure, key="trace_accuracy", alt=tr("Accuracy after each update"), height=230)


def _update_slider(last: int) -> int:
    if last < 1:
        return 0
    key = linked("trace_update", last, low=0, high=last)
    # the widget refuses a value beyond its end, which a shorter trace would leave it at
    st.session_state[key] = min(st.session_state.get(key, last), last)
    return int(st.slider(tr("After this many updates"), 0, last, key=key))


def _scores(state: EpochParameters) -> None:
    with st.container(horizontal=True, key="trace_scores"):
        st.metric(tr("Train loss"), f"{state.train_loss:.5f}", width=150)
        st.metric(tr("Train accuracy"), f"{state.train_accuracy:.4f}", width=150)
        st.metric(tr("Dev loss"), f"{state.dev_loss:.5f}", width=150)
        st.metric(tr("Dev accuracy"), f"{state.dev_accuracy:.4f}", width=150)


@st.fragment
def endings_section() -> None:
    """Train from zero to the end, by activation and by balance of the classes."""
    st.subheader(tr("How zero initialization ends"), anchor="endings")
    base, epochs = controls.endings()
    with st.spinner(tr("Training from zero ...")):
        endings: list[Ending] = _endings(base, epochs)
    st.html(tables.endings_table(endings))
    st.markdown("\n".join(f"- {escape(tables.ending_sentence(end))}" for end in endings))


@st.fragment
def draws_section() -> None:
    """Compare draws of two initializers, at equal scale and at equal spread."""
    st.subheader(tr("Gaussian and uniform weights"), anchor="draws")
    first, second, fans, seed = controls.draws()
    given, equal = st.columns(2)
    with given:
        st.markdown(tr("**At the scales given**"))
        _compare_draws("given", first, second, fans, seed)
    with equal:
        st.markdown(tr("**At equal spread**"))
        scale = scale_of_equal_spread(first.init, second.init, first.scale, *fans)
        if scale is None or first.scale == 0:
            st.info(tr("Values that are all equal have no spread to match."))
        else:
            _compare_draws("equal", first, ScaledInitializer(second.init, scale), fans, seed)


def _compare_draws(
    key: str, first: ScaledInitializer, second: ScaledInitializer, fans: tuple[int, int], seed: int
) -> None:
    draws = {
        tr(
            "{name}: {init}, scale {scale:.4g}", name=name, init=choice.init, scale=choice.scale
        ): draw_weights(choice.init, choice.scale, *fans, seed)
        for name, choice in (("A", first), ("B", second))
    }
    words = tr(
        "Histograms of {draws} draws each: {names}", draws=DRAWS, names=tr(" and ").join(draws)
    )
    draw_figure(draw_histograms(draws), key=f"draws_{key}", alt=words, height=340)
    st.html(tables.moments_table(draws, LIMIT))


@st.fragment
def signal_section() -> None:
    """Follow activations and gradients through a deep network before training."""
    st.subheader(tr("What passes a deep network before training"), anchor="signal")
    config, chosen, seeds = controls.signal()
    if not chosen:
        st.info(tr("Choose at least one initializer."))
        return
    found: list[Signal] = _signals(config, [STARTS[name] for name in chosen], seeds)
    named = dict(zip(chosen, found, strict=True))
    forward, backward = st.columns(2)
    with forward:
        label = tr("Spread of the activations over")
        shown = controls.quantity(label, controls.FORWARD, "signal_spread")
        figure = layer_signals(named, shown)
        draw_figure(figure, key="signal_forward", alt=tr("Activations of each layer"), height=380)
    with backward:
        shown = controls.quantity(tr("What flows back"), controls.BACKWARD, "signal_back")
        figure = layer_signals(named, shown)
        draw_figure(figure, key="signal_backward", alt=tr("Gradient of each layer"), height=380)
    st.caption(
        sentences(
            tr(
                "The gradient of a weight is the δ of its unit times the activation that it "
                "receives: where activations shrink forward as fast as δ shrinks backward, all "
                "layers get the same. Geometric mean over {seeds} weight seeds; the band is one "
                "standard deviation of a seed.",
                seeds=seeds,
            ),
            escape(tables.zeros_sentence(named)),
        )
    )
    _constants(named)


def _constants(named: Mapping[str, Signal]) -> None:
    """State the variance arithmetic, and set what was measured beside it."""
    st.markdown(tr("#### Why Xavier and He have their constants"))
    for column, steps in zip(st.columns(2), (FORWARD, BACKWARD), strict=True):
        with column:
            for words, formula in steps:
                st.markdown(tr(words))
                st.latex(formula)
    st.html(tables.factors_table(named))
    st.caption(
        tr(
            "Forward: mean square of z divided by that of the layer before. Backward: mean "
            "square of δ divided by that of the layer after, kept where n Var(w) is 1 / "
            r"E\[φ'²\]. Predicted by the two formulas above from these networks; ± is one "
            "standard error over the seeds."
        )
    )
    chosen = st.selectbox(
        tr("Layer by layer"), list(named), key=linked("signal_layers", next(iter(named)), named)
    )
    st.html(tables.layers_table(named[chosen]))
