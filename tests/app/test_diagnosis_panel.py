"""The diagnosis on the pages: quiet before there is evidence, then verdict, numbers, remedies."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from nndl_core.base.config import KNOBS, RunConfig
from nndl_core.diagnosis.facts import Evidence, Finding
from nndl_core.diagnosis.remedies import remedies_for
from nndl_core.engine.records import Records
from nndl_core.engine.runner import Runner
from pages.ui.gallery.miniature import miniature
from pages.ui.live.cure import Cure
from pages.ui.live.diagnosis_panel import SILENT
from pages.ui.live.evidence import evidence_curve
from pages.ui.live.pair import PairSession
from pages.ui.live.run import LiveRun
from pages.ui.live.session import LabSession

Open = Callable[..., AppTest]
DEAD = {"activation": "relu", "bias": "-8", "hidden": "5-5", "epochs": "200"}


def words(at: AppTest) -> str:
    parts = [*at.markdown, *at.caption, *at.warning]
    html = [node.proto.body for node in at.get("html")]
    return "\n".join([*(part.value for part in parts), *html])


def stepped(at: AppTest, steps: int) -> AppTest:
    for _ in range(steps):
        at.button(key="step").click().run()
    assert not at.exception
    return at


def test_it_keeps_quiet_before_the_first_epoch_and_speaks_with_the_evidence(
    open_lab: Open,
) -> None:
    at = open_lab(**DEAD)
    assert SILENT in words(at)
    assert "Dying ReLU" not in words(at)
    stepped(at, 2)
    text = words(at)
    assert "red-badge[Dying ReLU]" in text
    assert "5 of 5 units of fc1 are flat on every training example" in text.replace("\\", "")
    assert "first said at epoch 1" in text
    assert "exactly 0" in text
    assert SILENT not in text


def test_after_one_step_it_is_too_early_to_tell(open_lab: Open) -> None:
    at = stepped(open_lab(), 1)
    assert "Too early to tell" in words(at)
    assert "Healthy" not in words(at)


def test_a_larger_network_tells_whether_a_table_could_be_learned_better(
    open_lab: Open, session_of: Callable[[AppTest], LabSession]
) -> None:
    at = open_lab(
        dataset="iris", loss="cross_entropy", hidden="1", activation="relu", init="he_normal",
        optimizer="adam", learning_rate="0.05", epochs="60", init_seed="3",
    )  # fmt: skip
    assert "lab_0_rival" not in {button.key for button in at.button}
    session_of(at).runner.advance(60)
    at.run()
    assert "nobody can tell whether this is the limit of the data" in words(at)
    at.button(key="lab_0_rival").click().run()
    assert "orange-badge[Standing still]" in words(at)
    assert "a larger network gets" in words(at)
    assert "lab_0_rival" not in {button.key for button in at.button}


def test_a_remedy_runs_beside_the_sick_run_from_the_same_seeds(open_lab: Open) -> None:
    at = stepped(open_lab(**DEAD), 2)
    at.button(key="lab_0_cure_0").click().run()
    twin = at.session_state["lab_twin"]
    assert isinstance(twin, PairSession)
    sick, cured = twin.runs.values()
    assert twin.playing
    assert (cured.config.bias, cured.config.init) == (0.0, "he_normal")
    for name in ("data_seed", "init_seed", "points", "noise"):
        assert getattr(sick.config, name) == getattr(cured.config, name)
    for _ in range(60):
        if not twin.playing:
            break
        at.run()
    at.run()
    assert "the run learns" in words(at)
    assert "green-badge[Healthy]" in words(at)
    at.button(key="lab_cure_away").click().run()
    assert not at.exception
    assert "lab_twin" not in at.session_state


def test_every_remedy_names_beside_its_button_what_it_changes_and_one_changes_one_setting(
    open_lab: Open,
) -> None:
    at = stepped(open_lab(**DEAD), 2)
    assert [at.button(key=f"lab_0_cure_{i}").label for i in range(2)] == [
        "A start that keeps the signal", "Only bias 0",
    ]  # fmt: skip
    small = [m.value for m in at.markdown if m.value.startswith(":small[") and "→" in m.value]
    assert small[1] == ":small[Bias value \\-8 → 0]"
    assert small[0].startswith(":small[Initialization normal → he\\_normal, Bias value \\-8 → 0")
    twin = remedies_for(
        at.session_state["lab"].config, Finding("dying_relu", "fatal", 1, born=True)
    )
    assert small[0].count("→") == len(twin[0].change)
    assert "slope" not in small[-1].lower()  # of Leaky ReLU it stays .01
    assert len(small) == 4
    run = at.session_state["lab"].run
    for text in small:
        assert any(knob.label in text for knob in KNOBS.values())
    assert run.config.bias == -8


def test_too_little_to_tell_is_said_so_beside_a_young_remedy(open_lab: Open) -> None:
    at = stepped(open_lab(**(DEAD | {"epochs": "1000"})), 2)
    at.button(key="lab_0_cure_0").click().run()
    twin = at.session_state["lab_twin"]
    twin.playing = False
    twin.start_again()
    for run in twin.runs.values():
        run.runner.advance(3)
    at.run()
    text = words(at)
    assert "too early to tell" in text
    assert "not cured" not in text
    assert "Healthy" not in text


def test_another_start_is_a_remedy_that_a_link_may_ask_for(open_lab: Open) -> None:
    at = open_lab(**DEAD, **{"view.lab_cure": "1,init_seed:1"})
    assert not at.exception
    assert not at.toast
    sick, cured = at.session_state["lab_twin"].runs.values()
    assert (sick.config.init_seed, cured.config.init_seed) == (0, 1)
    assert "Only another start" in words(at)
    assert "Same data." in words(at)
    assert "Same seeds." not in words(at)


def test_a_changed_setting_takes_the_remedy_away(open_lab: Open) -> None:
    at = stepped(open_lab(**DEAD), 2)
    at.button(key="lab_0_tempting").click().run()
    assert "just Leaky ReLU" in at.session_state["lab_twin"].runs
    at.number_input(key="data_seed").set_value(3).run()
    assert not at.exception
    assert "lab_twin" not in at.session_state
    assert at.session_state["lab"].config.data_seed == 3


def test_a_lesson_gets_its_remedy_as_one_more_run(open_lab: Open) -> None:
    at = open_lab("dying.py", lesson="dying", epochs="60")
    stepped(at, 2)
    at.button(key="dying_0_cure_0").click().run()
    assert not at.exception
    chosen = at.session_state["dying_cure"]
    assert isinstance(chosen, Cure)
    assert not chosen.new
    session = at.session_state["dying_pair"]
    assert list(session.runs) == ["b = -8", "Leaky ReLU with a fresh start", "b = 0.1, He"]
    assert session.playing
    at.button(key="dying_cure_away").click().run()
    assert list(at.session_state["dying_pair"].runs) == ["b = -8", "b = 0.1, He"]


def test_an_uploaded_table_is_in_both_runs_of_a_remedy(open_lab: Open) -> None:
    rows = "\n".join(f"{i % 7},{(i * 3) % 5},{'ab'[i % 2]}" for i in range(60))
    at = open_lab(**DEAD)
    at.button(key="dataset_csv").click().run()
    at.file_uploader(key="csv").upload("t.csv", f"u,v,label\n{rows}".encode()).run()
    session = at.session_state["lab"]
    assert session.config.dataset == "csv"
    stepped(at, 2)
    at.button(key="lab_0_cure_0").click().run()
    assert not at.exception
    datasets = [run.dataset for run in at.session_state["lab_twin"].runs.values()]
    assert datasets == [session.dataset] * 2


def test_pictures_of_runs_without_or_with_one_epoch_can_be_drawn() -> None:
    assert "<img" in miniature(Records(0.69), 10, 0.69)
    run = LiveRun(RunConfig(epochs=1))
    run.runner.advance(1)
    shown = Evidence("learned of what there is to learn", 0.1, 0.25, "below")
    assert evidence_curve(run.diagnosis()[1], Finding("healthy", "fine", 0, (shown,))) == ""
    wild = Runner.from_config(RunConfig(hidden=(32,) * 8, activation="relu", epochs=30))
    wild.advance(30)
    assert "<img" in miniature(wild.records, 30, wild.records.constant_loss)


def test_a_remedy_is_in_the_link_and_the_link_shows_it_to_others(open_lab: Open) -> None:
    at = stepped(open_lab(**DEAD), 2)
    at.button(key="lab_0_cure_0").click().run()
    link = at.query_params["view.lab_cure"]
    assert link.startswith("1,")
    assert "init:he_normal" in link.split(",")
    other = open_lab(**DEAD, **{"view.lab_cure": link})
    assert not other.exception
    assert not other.toast
    mine, theirs = (each.session_state["lab_twin"].runs for each in (at, other))
    assert {n: run.config for n, run in mine.items()} == {n: r.config for n, r in theirs.items()}
    assert not other.session_state["lab_twin"].playing  # who opens a link presses Play
    other.button(key="lab_cure_away").click().run()
    assert "view.lab_cure" not in other.query_params
    assert "lab_twin" not in other.session_state


def test_another_link_in_the_same_tab_shows_its_own_remedy(open_lab: Open) -> None:
    at = open_lab("_router.py", **DEAD, **{"view.lab_cure": "1,bias:0"})
    at.query_params["view.lab_cure"] = "1,hidden:8-8"
    at.run()
    assert not at.exception
    _, cured = at.session_state["lab_twin"].runs.values()
    assert (cured.config.hidden, cured.config.bias) == ((8, 8), -8)
    assert "Changed settings" in words(at)


def test_a_link_shows_a_remedy_beside_any_run_of_a_lesson(open_lab: Open) -> None:
    at = open_lab("dying.py", lesson="dying", **{"view.dying_cure": "2,activation:tanh"})
    assert not at.exception
    session = at.session_state["dying_pair"]
    assert list(session.runs) == ["b = 0.1, He", "Changed settings", "b = -8"]
    assert not session.playing
    assert at.query_params["view.dying_cure"] == "2,activation:tanh"


@pytest.mark.parametrize(
    "link",
    [
        "",
        "1",
        "0,bias:0",
        "2,bias:0",
        "9" * 5000,
        "1,bias:-8",  # as it is
        "1,bias:nine",
        "1,bias:1e999",
        "1,colour:red",
        "1,dataset:iris",
        "1,data_seed:1",  # "Same seeds." or "Same data." stands beside it
        "1,bias:0,init_seed:1",
        "1,hidden:9999999",
        "1,<b>:0",
        "1," + "bias:0," * 500,
    ],
)
def test_a_link_that_names_no_possible_remedy_gets_a_sentence(open_lab: Open, link: str) -> None:
    at = open_lab(**DEAD, **{"view.lab_cure": link})
    assert not at.exception
    (toast,) = at.toast
    assert "view.lab_cure" in toast.value.replace("\\", "")
    assert "view.lab_cure" not in at.query_params
    assert "lab_twin" not in at.session_state


def test_a_link_cannot_change_by_a_remedy_what_it_locks(open_lab: Open) -> None:
    at = open_lab("_router.py", **DEAD, lock="bias", **{"view.lab_cure": "1,bias:0"})
    assert not at.exception
    assert "lab_twin" not in at.session_state


def test_what_cannot_be_built_beside_a_run_is_said_and_the_run_stays(open_lab: Open) -> None:
    at = open_lab(dataset="iris", loss="cross_entropy", **{"view.lab_cure": "1,loss:bce"})
    assert not at.exception
    (warning,) = at.warning
    assert "separates 2 classes" in warning.value
    assert "view.lab_cure" not in at.query_params
    assert at.session_state["lab"].config.loss == "cross_entropy"
