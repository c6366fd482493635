"""Which lesson is shown and with which settings: the address, the sidebar, the links to the lab."""

from __future__ import annotations

from typing import Any

import streamlit as st

from nndl_core.base.config import KNOBS, MAX_DEPTH, ConfigError, RunConfig, url_value
from nndl_core.base.i18n import tr
from nndl_core.course.lessons import common_settings, lessons_of, with_knobs
from nndl_core.course.lessons.lesson import Lesson
from nndl_core.studies.study import Arms
from pages.ui.link import address
from pages.ui.link.locks import hidden, locked
from pages.ui.link.messages import escape
from pages.ui.widgets.knob import draw_knob

STEPS = {"noise": 0.01, "slope": 0.01, "bias": 0.1}
NUMBERS = {"init_scale"}


def choose_lesson(topic: str) -> Lesson:
    """Draw the choice among a topic's lessons; the address may name one."""
    lessons = {lesson.name: lesson for lesson in lessons_of(topic)}
    key, known = f"{topic}_lesson", list(lessons)
    asked = st.query_params.get("lesson")
    if asked is not None and asked not in lessons and f"{topic}_refused" not in st.session_state:
        st.session_state[f"{topic}_refused"] = True
        names = ", ".join(known)
        st.warning(
            escape(
                tr(
                    "lesson: {asked!r:.40} is not known here; choose one of {names}.",
                    asked=asked,
                    names=names,
                )
            )
        )
    kept = st.session_state.get(f"{topic}_kept", known[0])
    st.session_state.setdefault(key, asked if asked in lessons else kept)
    if len(lessons) > 1:
        st.segmented_control(
            tr("Lesson"),
            known,
            key=key,
            format_func=lambda name: tr(lessons[name].title),
            required=True,
            label_visibility="collapsed",
        )
    chosen = st.session_state[key]
    st.session_state[f"{topic}_kept"] = chosen
    return lessons[chosen]


def choose_settings(lesson: Lesson) -> Arms:
    """Draw the lesson's knobs in the sidebar and return its arms at these settings."""
    settings = _settings(lesson)
    with st.sidebar:
        st.subheader(tr("Settings of all runs"), divider="gray")
        for name in lesson.knobs:
            _draw(lesson, name, settings)
        st.button(
            tr("Back to the lesson's settings"), on_click=_forget, args=(lesson,), key="restore"
        )
    _write_url(lesson, settings)
    return with_knobs(lesson, settings)


def draw_lab_links(arms: Arms) -> None:
    """Draw one link per run that opens it in the lab."""
    links = [f"[{escape(tr(name))}]({lab_address(config)})" for name, config in arms.items()]
    st.markdown(tr("Open in the lab: ") + " · ".join(links))


def lab_address(config: RunConfig) -> str:
    """Return the address of the lab at a config, relative to a page beside it."""
    return "./?" + address.with_frame(config.to_url())


def _settings(lesson: Lesson) -> dict[str, Any]:
    """Return the settings of this tab; the first time, those of the address."""
    key = f"{lesson.name}_settings"
    if key not in st.session_state:
        st.session_state[key] = _from_address(lesson)
    settings: dict[str, Any] = st.session_state[key]
    return settings


def _from_address(lesson: Lesson) -> dict[str, Any]:
    asked = {n: v for n, v in st.query_params.to_dict().items() if n in lesson.knobs}
    config, refused = RunConfig.from_url(asked)
    for sentence in refused:
        st.warning(escape(sentence), icon=":material/info:")
    bad = {sentence.partition(":")[0] for sentence in refused}
    if config.hidden == ():
        st.warning(tr("hidden: this lesson needs a hidden layer."), icon=":material/info:")
        bad.add("hidden")
    settings = {name: getattr(config, name) for name in asked if name not in bad}
    try:
        with_knobs(lesson, settings)
    except ConfigError as error:
        st.warning(escape(str(error)), icon=":material/info:")
        return {}
    return settings


def _draw(lesson: Lesson, name: str, settings: dict[str, Any]) -> None:
    """Draw one knob; a knob in which the runs differ cannot be set for all of them."""
    usual = common_settings(lesson)
    if name not in usual:
        return
    key, value = f"{lesson.name}_{name}", settings.get(name, usual[name])
    if name == "hidden":
        value = _draw_depth(key, value)
    else:
        st.session_state.setdefault(key, value)
        value = draw_knob(name, key, step=STEPS.get(name, 1.0), as_number=name in NUMBERS)
    if value == usual[name]:
        settings.pop(name, None)
    else:
        settings[name] = value


def _draw_depth(key: str, widths: tuple[int, ...]) -> tuple[int, ...]:
    """Draw how many hidden layers of one width there are."""
    st.session_state.setdefault(key, len(widths))
    if hidden("hidden"):
        return widths
    fixed = locked("hidden")
    depth = st.slider(tr(KNOBS["hidden"].label), 1, MAX_DEPTH, key=key, disabled=fixed)
    return widths if depth == len(widths) else (widths[0],) * int(depth)


def _forget(lesson: Lesson) -> None:
    settings = st.session_state[f"{lesson.name}_settings"]
    for name in (n for n in lesson.knobs if not locked(n)):
        settings.pop(name, None)
        st.session_state.pop(f"{lesson.name}_{name}", None)


def _write_url(lesson: Lesson, settings: dict[str, Any]) -> None:
    """Keep the address equal to what is shown, so that it can be copied at any time."""
    wanted = {"lesson": lesson.name, **{n: url_value(v) for n, v in settings.items()}}
    address.write(wanted)
