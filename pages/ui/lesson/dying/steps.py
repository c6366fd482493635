"""What the lesson on large steps has of its own: one death update by update, and their rates."""

from __future__ import annotations

from functools import partial

import streamlit as st

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import tr
from nndl_core.charts import gradient_law as charts
from nndl_core.studies.large_steps import DeathCount, Deaths, large_steps
from pages.ui.lesson.dying import step_tables as tables
from pages.ui.lesson.seeds import Task, draw_panel
from pages.ui.link.linked import linked
from pages.ui.link.messages import escape
from pages.ui.widgets.figure import draw_figure
from pages.ui.widgets.log_slider import log_slider

_deaths = st.cache_data(max_entries=200, show_spinner=False)(large_steps)

EPOCHS = 20
RATES = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0]


@st.fragment
def steps_section(config: RunConfig, rate: float) -> None:
    """Follow the units of every layer through large steps, of ``rate`` at first, and small ones."""
    st.subheader(tr("Which layer dies after which update?"), anchor="steps")
    left, right = st.columns(2)
    with left:
        rate = log_slider(tr("Learning rate of the large steps"), 0.1, 1e3, rate, key="steps_rate")
    large = right.slider(
        tr("Large steps"), 1, EPOCHS, 15, key=linked("steps_large", 15, low=1, high=EPOCHS)
    )
    deaths: Deaths = _deaths(config, rate, large, EPOCHS)
    parts = {
        "units": (tr("Dead units"), charts.death_lines),
        "pre-activation": (tr("Largest pre-activation"), charts.death_heights),
        "loss": (tr("Train loss"), charts.death_loss),
    }
    for column, (key, (name, draw)) in zip(st.columns(3), parts.items(), strict=True):
        with column:
            st.markdown(f"**{name}**")
            figure, alt = draw(deaths, large), tr("{name} after each update", name=name)
            draw_figure(figure, key=f"steps_{key}", alt=alt, height=340)
    st.markdown(escape(tables.deaths_sentence(deaths, config, rate, large)))
    st.caption(
        tr(
            "z is w·a + b of a unit for one training point; drawn is the largest of a layer. A "
            "layer whose largest z is not above 0 is dead. The axis ends at twice the size of "
            "the start."
        )
    )
    with st.expander(tr("Update by update")):
        st.html(tables.deaths_table(deaths, config))


def rates_section(config: RunConfig) -> None:
    """Count over seeds how often units and whole layers die, by learning rate."""
    st.subheader(tr("How often does it happen?"), anchor="rates")
    _rates_part(config)


@st.fragment
def _rates_part(config: RunConfig) -> None:
    steps = st.slider(tr("Steps"), 1, EPOCHS, 3, key=linked("rates_steps", 3, low=1, high=EPOCHS))
    make = partial(DeathCount, config, RATES, steps)
    idle = tr(
        "Not counted yet. Each seed takes {steps} large steps with each of {count} rates.",
        steps=steps,
        count=len(RATES),
    )
    draw = partial(_draw_rates, steps)
    draw_panel(Task("rates", (config, steps), make, draw, tr("Count deaths"), idle, 50))


def _draw_rates(steps: int, count: DeathCount) -> None:
    rows = count.rows()
    done, every = sum(row.n for row in rows), count.seeds * len(count.rates)
    st.progress(count.share, text=tr("Runs done: {done} of {every}", done=done, every=every))
    if not rows:
        return
    left, right = st.columns(2)
    with left:
        figure = charts.death_rates(rows)
        draw_figure(figure, key="rates_lines", alt=tr("Deaths by learning rate"), height=360)
    with right:
        st.html(tables.rates_table(rows))
    if count.finished:
        st.markdown(escape(tables.rates_sentence(rows, steps)))
