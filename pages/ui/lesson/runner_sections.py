"""What the lesson on networks has of its own: the Runner's log, and its checkpoints."""

from __future__ import annotations

from html import escape

import streamlit as st

from nndl_core.base.i18n import tr
from nndl_core.course.lessons.runner_log import ReloadedModel, evaluate_kept, training_log
from pages.ui.link.linked import linked
from pages.ui.live.pair import PairSession
from pages.ui.widgets.number_table import number, table

LINES = 20


def runner_section(session: PairSession) -> None:
    """Train each network by the course's own calls; show the log, then save, load, evaluate."""
    st.subheader(tr("The Runner"), anchor=False, divider="gray")
    st.markdown(
        tr(
            "The same networks by the course's calls, `Runner.train`, `evaluate`, `save_model` "
            "and `load_model`. Both checkpoints go through a file into a network that was drawn "
            "from another seed; the test scores are those of the loaded network."
        )
    )
    name = st.radio(
        tr("Network"),
        list(session.runs),
        key=linked("runner_network", next(iter(session.runs)), session.runs),
        horizontal=True,
    )
    config = session.runs[name].config
    st.code(training_log(config, max(1, config.epochs // LINES)), language="text", wrap_lines=True)
    header = [
        tr("checkpoint"),
        tr("epoch"),
        tr("test accuracy"),
        tr("test loss"),
        tr("equals the trained one"),
    ]
    st.html(table(header, [_row(kept) for kept in evaluate_kept(config)]))


def _row(kept: ReloadedModel) -> list[str]:
    same = tr("yes, in every bit") if kept.is_equal else tr("no")
    scores = [number(kept.score, ".4f"), number(kept.loss, ".4f")]
    return [escape(tr(kept.name)), f"{kept.epoch:,}", *scores, same]
