"""Links of a teacher: what they lock, hide and start with, through AppTest."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from nndl_core.base.config import KNOBS, RunConfig
from pages.ui.link.locks import KNOWN, PARTS, Kind, named
from pages.ui.link.messages import escape
from pages.ui.live.session import LabSession
from tests.app.conftest import PAGES

OpenLab = Callable[..., AppTest]
SessionOf = Callable[[AppTest], LabSession]
ROUTER = "_router.py"


def notes(at: AppTest) -> list[str]:
    assert not at.exception
    return [str(toast.value) for toast in at.toast]


@given(st.sampled_from(("lock", "hide")), st.text(max_size=600))
def test_any_list_of_names_is_read_or_named_as_unknown(kind: Kind, text: str) -> None:
    known, unknown = named(kind, text)
    assert set(known) <= set(KNOWN[kind])
    assert not set(unknown) & set(KNOWN[kind])
    assert named(kind, ",".join(known)) == (known, [])


@given(st.sets(st.sampled_from(KNOWN["hide"])))
def test_every_known_name_is_found(names: set[str]) -> None:
    assert set(named("hide", " , ".join(names))[0]) == names


def test_a_locked_control_cannot_be_used_and_says_why(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = open_lab(ROUTER, lock="learning_rate,hidden,dataset,init_seed", learning_rate="0.5")
    assert not at.exception
    slider = at.select_slider(key="learning_rate")
    assert slider.disabled
    assert slider.help.startswith("Locked by the link.")
    assert not at.slider(key="noise").disabled
    assert all(each.disabled for each in at.slider if str(each.key).startswith(("depth", "width")))
    assert all(each.disabled for each in at.text_input)
    assert at.button(key="dataset_xor").disabled
    assert "new_weights" not in {button.key for button in at.button}
    assert session_of(at).config == RunConfig(learning_rate=0.5)


def test_a_hidden_control_is_not_there_and_its_value_holds(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = open_lab(ROUTER, hide="learning_rate,diagnosis,files", learning_rate="0.5")
    assert not at.exception
    assert "learning_rate" not in {slider.key for slider in at.select_slider}
    assert "Diagnosis" not in " ".join(str(each.value) for each in at.markdown)
    assert not at.get("file_uploader")
    at.slider(key="noise").set_value(0.1).run()
    assert session_of(at).config == RunConfig(learning_rate=0.5, noise=0.1)


def test_a_change_by_another_control_leaves_what_is_locked(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = open_lab(ROUTER, lock="loss")
    at.button(key="dataset_blobs3").click().run()
    assert not at.exception
    assert session_of(at).config == RunConfig()
    assert [warning.value for warning in at.warning] == [
        escape("Not changed: the link locks Loss.")
    ]


def test_unknown_names_get_a_sentence_and_leave_the_link(open_lab: OpenLab) -> None:
    at = open_lab(ROUTER, lock="loss,colour", hide="<b>x</b>")
    said = " ".join(notes(at)).replace("\\", "")
    assert "lock: 'colour' is not known here." in said
    assert "hide: '<b>x</b>' is not known here." in said
    assert at.query_params["lock"] == "loss"
    assert "hide" not in at.query_params


@settings(max_examples=25, deadline=None)
@given(
    lock=st.text(max_size=60),
    hide=st.text(max_size=60),
    present=st.text(max_size=4),
    lang=st.text(max_size=8),
)
def test_no_link_breaks_a_page(lock: str, hide: str, present: str, lang: str) -> None:
    at = AppTest.from_file(PAGES / ROUTER, default_timeout=60)
    for name, value in {"lock": lock, "hide": hide, "present": present, "lang": lang}.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    assert ("present" in at.query_params) == (present == "1")


def test_a_lesson_hides_its_answers(open_lab: OpenLab) -> None:
    at = open_lab("networks.py", lesson="depth")
    assert any("What many seeds say" in str(each.value) for each in at.subheader)
    at = AppTest.from_file(PAGES / "networks.py", default_timeout=60)
    at.session_state["frame"] = {"hide": "answers", "lock": "epochs"}
    at.run()
    assert not at.exception
    assert not any("What many seeds say" in str(each.value) for each in at.subheader)
    at.radio(key="depth_answer").set_value(0).run()
    assert not any(str(each.value).startswith(("Yes", "No")) for each in at.info)


@pytest.mark.parametrize("name", [*KNOBS, *PARTS])
def test_the_map_and_the_lab_open_with_every_single_name(open_lab: OpenLab, name: str) -> None:
    for page in ("lab.py", "map.py"):
        at = AppTest.from_file(PAGES / page, default_timeout=60)
        at.session_state["frame"] = {"hide": name, "lock": name}
        assert not at.run().exception


def test_the_dialogs_link_opens_what_it_says(open_lab: OpenLab) -> None:
    at = open_lab(ROUTER, learning_rate="0.5", lang="en")
    at.button(key="share").click().run()
    assert not at.exception
    link = at.code[0].value
    assert parse_qs(urlsplit(link).query) == {"learning_rate": ["0.5"], "lang": ["en"]}


def test_a_cure_that_would_change_a_locked_setting_is_not_offered(open_lab: OpenLab) -> None:
    link = {"activation": "relu", "bias": "-8", "hidden": "5-5", "epochs": "200"}
    at = open_lab(ROUTER, **link)
    at.button(key="step").click().run()
    at.button(key="step").click().run()
    free = [each for each in at.button if "_cure_" in str(each.key)]
    assert free
    assert not any(each.disabled for each in free)
    at = open_lab(ROUTER, lock=",".join(KNOBS), **link)
    at.button(key="step").click().run()
    at.button(key="step").click().run()
    fixed = [each for each in at.button if "_cure_" in str(each.key)]
    assert len(fixed) == len(free)
    assert all(each.disabled and "the link locks" in each.help for each in fixed)


def test_an_uploaded_table_does_not_change_a_locked_loss(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    table = "x,y,label\n" + "".join(f"{i % 7},{i % 5},{'abc'[i % 3]}\n" for i in range(60))
    at = open_lab(ROUTER, lock="loss")
    at.button(key="dataset_csv").click().run()
    at.file_uploader(key="csv").set_value(("t.csv", table.encode(), "text/csv")).run()
    assert not at.exception
    assert session_of(at).config == RunConfig()
    assert escape("Not changed: the link locks Loss.") in [each.value for each in at.warning]


def test_a_map_neither_frees_a_locked_axis_nor_puts_a_locked_setting_on_one() -> None:
    at = AppTest.from_file(PAGES / "map.py", default_timeout=60)
    at.session_state["frame"] = {"lock": "hidden,slope", "hide": "dataset"}
    at.run()
    assert not at.exception
    plan = at.session_state["map"].plan
    axes = {str(each.key).rsplit("_", 1)[0]: each for each in at.selectbox}
    assert "map_dataset" not in axes
    for place in ("x", "y"):
        assert axes[f"map_{place}"].disabled == (getattr(plan, place).name in ("depth", "width"))
    free = next(place for place in ("x", "y") if not axes[f"map_{place}"].disabled)
    axes[f"map_{free}"].set_value("slope").run()
    assert not at.exception
    assert at.session_state["map"].plan == plan
    assert any("the link locks" in str(each.value) for each in at.warning)


def test_a_link_from_a_lesson_to_the_lab_keeps_the_locks() -> None:
    at = AppTest.from_file(PAGES / "networks.py", default_timeout=60)
    at.session_state["frame"] = {"lock": "loss,init", "lang": "en"}
    at.run()
    links = next(str(each.value) for each in at.markdown if "](./?" in str(each.value))
    assert links.count("lock=loss,init") == links.count("](./?") > 0


def test_the_dialog_begins_with_the_locks_of_the_link(open_lab: OpenLab) -> None:
    at = open_lab(ROUTER, lock="init,loss", hide="answers")
    at.button(key="share").click().run()
    assert not at.exception
    query = parse_qs(urlsplit(at.code[0].value).query)
    assert query == {"lock": ["init,loss"], "hide": ["answers"]}


def test_hidden_answers_leave_a_bug_and_a_question_without_theirs() -> None:
    bugs = AppTest.from_file(PAGES / "bugs.py", default_timeout=60)
    assert "show" in [button.key for button in bugs.run().button]
    bugs.session_state["frame"] = {"hide": "answers"}
    assert "show" not in [button.key for button in bugs.run().button]
    autograd = AppTest.from_file(PAGES / "autograd.py", default_timeout=60)
    autograd.session_state["frame"] = {"hide": "answers"}
    autograd.run()
    for key in ("ask_result", "ask_time"):
        question = autograd.radio(key=key)
        question.set_value(question.options[0])
    autograd.run()
    assert not autograd.exception
    assert not autograd.success
    assert not autograd.info


def test_a_hidden_diagnosis_leaves_the_gallery_without_names_and_cures() -> None:
    def words(hide: str) -> str:
        at = AppTest.from_file(PAGES / "gallery.py", default_timeout=60)
        at.session_state["frame"] = {"hide": hide}
        at.run()
        for _ in range(3):
            at.run()
        assert not at.exception
        return " ".join(str(each.value) for each in at.markdown)

    assert "-badge[" in words("")
    hidden = words("diagnosis")
    assert "-badge[" not in hidden
    assert "Cure" not in hidden
    assert "Open in the lab" in hidden
