"""The path of a lesson: claim, question, live runs, what was measured, many seeds, the code."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from nndl_core.base.i18n import tr
from nndl_core.course.lessons import TOPICS, claims_of
from nndl_core.course.lessons.lesson import Lesson
from nndl_core.course.lessons.measured import Measurement, readings
from nndl_core.reports.lesson import lesson_report
from pages.ui.lesson.code import draw_code
from pages.ui.lesson.controls import choose_lesson, choose_settings, draw_lab_links
from pages.ui.lesson.report_button import report_button, studies_of
from pages.ui.lesson.study import escape_html, seeds_panel
from pages.ui.link.locks import hidden
from pages.ui.link.messages import escape, show_messages
from pages.ui.live import cure
from pages.ui.live.pair import PairSession, pair_panel, pair_session
from pages.ui.widgets.number_table import marked, number, table

Section = Callable[[PairSession], None]


def lesson_page(topic: str, sections: Mapping[str, Section]) -> None:
    """Draw a topic's page; a section is what only one lesson has, drawn after its seeds."""
    st.header(tr(TOPICS[topic].title), anchor=False)
    lesson = choose_lesson(topic)
    arms = choose_settings(lesson)
    found = cure.chosen(lesson.name, arms)
    session = pair_session(f"{lesson.name}_pair", cure.beside(arms, found), lesson.arms)
    _draw_question(lesson)
    _heading(2, tr("Run it"))
    show_messages(session.take_messages())
    if found is not None:
        session.playing = session.playing or found.new
        found.new = False
        cure.draw_note(lesson.name, found)
    pair_panel(
        session,
        panels=lesson.panels,
        key=f"{lesson.name}_live",
        after=_draw_measured,
        page=lesson.name,
    )
    draw_lab_links({name: run.config for name, run in session.runs.items()})
    if hidden("answers"):
        st.info(tr("The link that you opened hides what many seeds say."), icon=":material/lock:")
    else:
        _heading(3, tr("What many seeds say"))
        for claim in claims_of(lesson):
            seeds_panel(claim)
        if lesson.name in sections:
            sections[lesson.name](session)
    _heading(4, tr("The code"))
    draw_code(lesson.code)
    _heading(5, tr("Your report"))
    studies = studies_of(claims_of(lesson))
    answer = st.session_state.get(f"{lesson.name}_answer")

    def report(date: str) -> bytes:
        runs = {name: run.runner for name, run in session.runs.items()}
        return lesson_report(lesson, runs, studies(), date=date, answer=answer)

    report_button(lesson.name, report)


def _heading(number: int, text: str) -> None:
    st.subheader(f"{number} · {text}", anchor=False, divider="gray")


def _draw_question(lesson: Lesson) -> None:
    """Ask before anything runs; the answer is told once one has been chosen."""
    title = tr("{title} ({experiment})", title=tr(lesson.title), experiment=lesson.experiment)
    _heading(1, title)
    st.caption(
        tr("E1 to E11 number the experiments of the course chapter, here and at the claims.")
    )
    st.markdown(escape(tr(lesson.story)))
    question = lesson.question
    chosen = st.radio(
        f"**{escape(tr(question.text))}**",
        range(len(question.options)),
        index=None,
        key=f"{lesson.name}_answer",
        format_func=lambda at: escape(tr(question.options[at])),
    )
    if chosen is not None and not hidden("answers"):
        right = chosen == question.answer
        opening = (
            tr("Yes.")
            if right
            else tr(
                "Not right. The answer is: {answer}.", answer=tr(question.options[question.answer])
            )
        )
        st.info(
            escape(
                tr(
                    "{opening} {because} Now see whether the runs agree.",
                    opening=opening,
                    because=tr(question.because),
                )
            )
        )


def _draw_measured(session: PairSession) -> None:
    """Print what the runs have reached, side by side."""
    columns = [readings(run.runner) for run in session.runs.values()]
    rows = [
        [escape_html(tr(row[0].name)), *(_cell(reading) for reading in row)]
        for row in zip(*columns, strict=True)
    ]
    st.html(table([tr("Measured in this run"), *map(tr, session.runs)], rows))


def _cell(reading: Measurement) -> str:
    write = marked if "gradient" in reading.name else number
    return f"{write(reading.value, reading.form)} {escape_html(reading.note)}".strip()
