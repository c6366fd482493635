"""The cards of the gallery: each run in miniature, its diagnosis, its cure and the wrong fix."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import streamlit as st

from nndl_core.base.i18n import mark, percent, tr
from nndl_core.course.gallery import EXHIBITS, Exhibit, ExhibitRun, Visit
from nndl_core.diagnosis.remedy_words import change_in_words
from nndl_core.diagnosis.words import NAMES
from pages.ui.gallery.miniature import miniature
from pages.ui.lesson.controls import lab_address
from pages.ui.link.locks import hidden
from pages.ui.link.messages import escape
from pages.ui.live.diagnosis_panel import COLORS
from pages.ui.server.shares import SHARES
from pages.ui.widgets.clock import tick_every

TICK_SECONDS, SLICE_SECONDS = 0.5, 0.25
COLUMNS = 2
PARTS: dict[str, Callable[[Exhibit], bool]] = {
    mark("Eight diseases"): lambda e: e.shows not in ("healthy", "none_of_these"),
    mark("Looks alarming, and is fine"): lambda e: e.shows == "healthy",
    mark("None of these"): lambda e: e.shows == "none_of_these",
}


@st.cache_resource(show_spinner=False)
def _finished() -> dict[str, Visit]:
    """The runs that somebody has watched to their end; equal configs give equal runs."""
    return {}


class Tour:
    """The exhibits of one tab, trained one after another."""

    def __init__(self) -> None:
        self.visits: dict[str, Visit] = {}
        self.waiting = [e for e in EXHIBITS if e.name not in _finished()]

    @property
    def running(self) -> bool:
        """Whether exhibits are still to be trained."""
        return bool(self.waiting)

    def advance(self, seconds: float) -> None:
        """Train for about this long."""
        start = perf_counter()
        while self.waiting and perf_counter() - start < seconds:
            exhibit = self.waiting[0]
            visit = self.visits.setdefault(exhibit.name, Visit(exhibit))
            visit.advance(seconds - (perf_counter() - start))
            if visit.finished:
                _finished()[exhibit.name] = visit
                self.waiting.pop(0)

    def visit(self, exhibit: Exhibit) -> Visit | None:
        """Return the run of an exhibit as far as it is, None before it begins."""
        return _finished().get(exhibit.name) or self.visits.get(exhibit.name)


def gallery() -> None:
    """Draw all cards; they train when the page is opened, and only they rerun meanwhile."""
    tour = st.session_state.setdefault("gallery", Tour())

    @st.fragment(key="gallery")
    def panel() -> None:
        tick_every(TICK_SECONDS if tour.running else None, _tick, tour)

    panel()


def _tick(tour: Tour) -> None:
    was_running = tour.running
    tour.advance(SHARES.shortened(SLICE_SECONDS))
    if was_running and not tour.running:
        st.rerun()  # stops the clock
    done = len(EXHIBITS) - len(tour.waiting)
    if tour.running:
        st.progress(
            done / len(EXHIBITS),
            text=tr("Trained cards: {done} of {count}", done=done, count=len(EXHIBITS)),
        )
    for title, belongs in PARTS.items():
        st.subheader(tr(title), divider="gray")
        exhibits = [exhibit for exhibit in EXHIBITS if belongs(exhibit)]
        columns = st.columns(COLUMNS)
        for at, exhibit in enumerate(exhibits):
            with columns[at % COLUMNS], st.container(border=True, key=f"card_{exhibit.name}"):
                _card(exhibit, tour.visit(exhibit))


def _card(exhibit: Exhibit, visit: Visit | None) -> None:
    tells = not hidden("diagnosis")
    found = visit.findings() if visit is not None and tells else []
    badge = f"{COLORS[found[0].severity]}-badge[{tr(NAMES[found[0].disease])}]" if found else ""
    st.markdown(f"**{escape(tr(exhibit.title))}**" + (f" :{badge}" if badge else ""))
    st.markdown(escape(tr(exhibit.look)))
    if visit is None:
        st.caption(tr("Waits for its turn."))
        return
    records = visit.sick.runner.records
    st.html(miniature(records, exhibit.config.epochs, records.constant_loss))
    lines = [tr("Test accuracy **{percent}**.", percent=_percent(visit.sick))]
    links = [tr("[Open in the lab]({lab_address})", lab_address=lab_address(exhibit.config))]
    if tells:
        st.markdown(f":small[{escape(visit.words())}]")
        lines += _fixes(exhibit, visit)
        if visit.cure is not None and visit.cure.change is not None:
            cured = visit.cure.change.applied(exhibit.config)
            links.append(tr("[the cured run]({lab_address})", lab_address=lab_address(cured)))
    st.markdown("  \n".join(lines))
    st.markdown(" · ".join(links))


def _fixes(exhibit: Exhibit, visit: Visit) -> list[str]:
    """Return a line on the cure, and one on the fix that many try first."""
    lines = []
    if visit.cure is not None:
        lines.append(_tried(tr("Cure"), visit.cure, exhibit))
    if visit.tempting is not None and visit.tempting.change is not None:
        name = tr("Why not {name}?", name=tr(visit.tempting.change.name))
        lines.append(_tried(name, visit.tempting, exhibit))
    return lines


def _tried(title: str, run: ExhibitRun, exhibit: Exhibit) -> str:
    assert run.change is not None
    words = change_in_words(exhibit.config, run.change.change)
    result = f"**{_percent(run)}**" if run.runner.finished else tr("trains …")
    reason = tr("({change}) {why}", change=words, why=tr(run.change.why))
    return f"{escape(title)} {result} :small[{escape(reason)}]"


def _percent(run: ExhibitRun) -> str:
    if not run.runner.finished:
        return "…"
    return percent(run.accuracy)
