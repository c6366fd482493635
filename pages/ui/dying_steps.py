"""What the lesson on large steps has of its own: one death update by update, and their rates."""

from __future__ import annotations

import streamlit as st

from nndl_core import dead_units as dead
from nndl_core.charts import gradient_law as charts
from nndl_core.config import RunConfig
from nndl_core.dead_units import DeathRate, Deaths
from nndl_core.gradient_law import MAX_SEEDS
from pages.ui import dying_step_tables as tables
from pages.ui.figure import draw_figure
from pages.ui.log_slider import log_slider
from pages.ui.messages import escape

_deaths = st.cache_data(max_entries=200, show_spinner=False)(dead.large_steps)
_rates = st.cache_data(max_entries=20, show_spinner="Training ...")(dead.deaths_by_rate)

EPOCHS = 20
RATES = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0]


@st.fragment
def steps_section(config: RunConfig, rate: float) -> None:
    """Follow the units of every layer through large steps, at first of ``rate``, then small ones."""
    st.subheader("Which layer dies after which update?", anchor="steps")
    left, right = st.columns(2)
    with left:
        rate = log_slider("Learning rate of the large steps", 0.1, 1e3, rate, key="steps_rate")
    large = right.slider("Large steps", 1, EPOCHS, 15, key="steps_large")
    deaths: Deaths = _deaths(config, rate, large, EPOCHS)
    left, right = st.columns(2)
    with left:
        figure = charts.death_lines(deaths, large)
        draw_figure(figure, key="steps_dead", alt="Dead units after each update", height=340)
    with right:
        figure = charts.death_loss(deaths, large)
        draw_figure(figure, key="steps_loss", alt="Train loss after each update", height=340)
    st.markdown(escape(tables.deaths_sentence(deaths, config, rate, large)))
    st.html(tables.deaths_table(deaths, config))


@st.fragment
def rates_section(config: RunConfig) -> None:
    """Count over seeds how often units and whole layers die, by learning rate."""
    st.subheader("How often does it happen?", anchor="rates")
    left, right = st.columns(2)
    steps = left.slider("Steps", 1, EPOCHS, 3, key="rates_steps")
    seeds = int(right.number_input("Seeds", 1, MAX_SEEDS, 50, key="rates_seeds"))
    rows: list[DeathRate] = _rates(config, RATES, steps, seeds)
    left, right = st.columns(2)
    with left:
        figure = charts.death_rates(rows)
        draw_figure(figure, key="rates_lines", alt="Deaths by learning rate", height=360)
    with right:
        st.html(tables.rates_table(rows))
    st.markdown(escape(tables.rates_sentence(rows, steps)))
