"""The history page and what the lab gives to it, without a browser."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from time import sleep
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import LANGUAGES, in_mine, speaking, tenths
from nndl_core.diagnosis.words import sentence
from nndl_core.engine.runner import Runner
from nndl_core.engine.snapshot import evaluate_test
from nndl_core.engine.version import ENGINE_VERSION
from nndl_core.reports.export.history import table_csv
from nndl_core.store.errors import UnavailableError
from nndl_core.store.history import History
from nndl_core.store.runs import MOST_POINTS, KeptRun
from pages.ui.history.cards import lab_link
from pages.ui.history.cards import scores as scores_words
from pages.ui.history.chosen import json_bytes
from pages.ui.history.table import row as table_row
from pages.ui.history.table import table_key
from pages.ui.live import run_keeper
from pages.ui.live.run_keeper import KEPT
from pages.ui.live.session import LabSession
from pages.ui.server.history_access import history_keeper
from pages.ui.server.owner import owner_of

PAGES = Path(__file__).resolve().parents[2] / "pages"
ME, OTHER = owner_of("me"), owner_of("other")

pytestmark = pytest.mark.usefixtures("time_to_train", "own_database")


@pytest.fixture
def own_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the pages of this test keep runs in a file of its own."""
    monkeypatch.setenv("NNDL_DATA", str(tmp_path / "data"))
    history_keeper.cache_clear()
    yield
    history_keeper.cache_clear()


def opened(page: str, owner: str = ME, **parameters: str) -> AppTest:
    """Open a page as a tab of a browser."""
    at = AppTest.from_file(PAGES / page, default_timeout=60)
    at.session_state["owner"] = owner
    for name, value in parameters.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def trained(owner: str = ME, **settings: str) -> AppTest:
    """Train a run of two epochs in the lab to its end, unless the settings say more."""
    at = opened("lab.py", owner, **{"epochs": "2", **settings})
    held = at.session_state["lab"]
    assert isinstance(held, LabSession)
    while not held.finished:
        held.advance(10_000, 60.0)
    at.run()
    return at


def kept(owner: str = ME) -> list[KeptRun]:
    return history_keeper().do(lambda history: history.runs(owner))


def ticked(at: AppTest, *rows: int) -> AppTest:
    """Tick rows of the table, as the browser says it."""
    ids = [run.id for run in kept()]
    key = table_key(ids)
    assert key in at.session_state
    at.session_state["history_chosen"] = [ids[row] for row in rows]
    at.session_state[key] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    return at.run()


def test_a_finished_run_is_kept_once_with_what_the_lab_showed() -> None:
    at = trained(epochs="1500", activation="tanh")
    assert KEPT.replace(".", "\\.") in [caption.value for caption in at.caption]
    at.run()
    (run,) = kept()
    session = at.session_state["lab"]
    assert RunConfig.from_json(run.config) == session.config
    assert (run.engine, run.epochs, run.diverged_at) == (ENGINE_VERSION, 1500, None)
    found, _ = session.run.diagnosis()
    assert [said.disease for said in run.findings] == [finding.disease for finding in found]
    facts = session.run.diagnosis()[1]
    for spoken in LANGUAGES:
        with speaking(spoken):
            expected = [sentence(facts, finding) for finding in found]
            assert [in_mine(said.sentence) for said in run.findings] == expected
    alone = Runner.from_config(session.config)
    alone.advance(1500)
    record, test = alone.measure()[0], evaluate_test(alone)
    assert test is not None
    scores = run.scores
    assert (scores.train_loss, scores.train_accuracy) == (record.train_loss, record.train_accuracy)
    assert (scores.dev_loss, scores.dev_accuracy) == (record.dev_loss, record.dev_accuracy)
    assert (scores.test_loss, scores.test_accuracy) == (test.last_loss, test.last_score)
    assert (scores.best_epoch, scores.best_test_accuracy) == (test.best_epoch, test.best_score)
    curves = history_keeper().do(lambda history: history.curves(ME, [run.id]))[run.id]
    assert len(curves.epoch) == MOST_POINTS
    assert (curves.epoch[0], curves.epoch[-1]) == (0, 1500)
    losses = [*alone.train_loss, record.train_loss]
    assert curves.train_loss == pytest.approx([losses[epoch] for epoch in curves.epoch], rel=1e-6)


@pytest.mark.parametrize("ended", [False, True])
def test_a_remedy_is_kept_like_any_run_and_the_run_beside_it_once(ended: bool) -> None:
    settings = {"activation": "relu", "bias": "-8", "hidden": "5-5", "epochs": "60"}
    at = trained(**settings) if ended else opened("lab.py", **settings)
    if not ended:
        at.button(key="step").click().run()
        at.button(key="step").click().run()
    assert len(kept()) == int(ended)
    at.button(key="lab_0_cure_1").click().run()
    twin = at.session_state["lab_twin"]
    twin.advance(100, 60.0)
    at.run()
    at.run()
    assert not at.exception
    configs = [RunConfig.from_json(run.config) for run in kept()]
    assert sorted(config.bias for config in configs) == [-8, 0]
    assert KEPT.replace(".", "\\.") in [caption.value for caption in at.caption]


def test_a_diverged_run_is_kept() -> None:
    trained(dataset="xor", activation="relu", init="he_normal", learning_rate="1000", epochs="200")
    (run,) = kept()
    assert run.diverged_at is not None
    assert run.findings[0].disease == "exploding_gradient"


def test_a_run_that_has_not_ended_and_one_that_was_only_loaded_are_not_kept() -> None:
    at = opened("lab.py", epochs="3")
    at.button(key="step").click().run()
    session = at.session_state["lab"]
    session.load(trained(OTHER).session_state["lab"].runner.checkpoint())
    at.run()
    assert session.finished
    assert kept() == []


def test_a_run_that_goes_on_and_ends_again_is_another_entry() -> None:
    at = trained(epochs="2")
    at.session_state["lab"].wanted = RunConfig(epochs=4)
    at.run()
    at.session_state["lab"].advance(2, 60.0)
    at.run()
    assert [run.epochs for run in kept()] == [4, 2]


class CutShort(dict[str, object]):
    """The state of a session whose page is ended at the next write, for a click that waits."""

    def __setitem__(self, key: str, value: object) -> None:
        raise InterruptedError


def test_a_page_that_is_cut_short_keeps_its_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    run = opened("lab.py", epochs="2").session_state["lab"].run
    run.runner.advance(2)
    monkeypatch.setattr(run_keeper, "st", SimpleNamespace(session_state=CutShort()))
    monkeypatch.setattr(run_keeper, "owner", lambda: ME)
    for _ in range(3):
        with suppress(InterruptedError):
            run_keeper.keep(run)
    while history_keeper().waiting(ME):
        sleep(0.01)
    assert len(kept()) == 1


def test_a_fresh_browser_is_told_how_a_run_gets_here() -> None:
    at = opened("history.py")
    assert "No run has ended in this browser yet" in at.info[0].value


def test_another_browser_sees_nothing() -> None:
    trained()
    assert len(opened("history.py").dataframe) == 1
    other = opened("history.py", OTHER)
    assert not other.dataframe
    assert other.info


def test_an_owner_in_the_address_is_nobody() -> None:
    trained()
    at = AppTest.from_file(PAGES / "history.py", default_timeout=60)
    at.query_params["owner"] = at.query_params["nndl_browser"] = ME
    at.run()
    assert at.info
    assert not at.dataframe


def test_filters_shorten_the_table() -> None:
    trained(activation="relu")
    trained(activation="tanh", dataset="xor")
    at = opened("history.py")
    assert list(at.dataframe[0].value["activation"]) == ["tanh", "relu"]
    at.selectbox(key="history_activation").select("relu").run()
    assert list(at.dataframe[0].value["activation"]) == ["relu"]
    at.selectbox(key="history_dataset").select("xor").run()
    assert not at.dataframe
    assert at.caption[-1].value == "No run fits these filters."
    at.selectbox(key="history_activation").select("").run()
    at.text_input(key="history_name").input("XOR, 5").run()
    assert list(at.dataframe[0].value["activation"]) == ["tanh"]


def test_table_and_card_write_a_share_with_the_same_digits() -> None:
    trained()
    (run,) = kept()
    for count in (80, 200, 400, 1000):
        for right in range(count + 1):
            shown = replace(run, scores=replace(run.scores, dev_accuracy=right / count))
            cell = table_row(shown, UTC)["dev"]
            assert f"dev {cell:.1f} %" in scores_words(shown).replace("\\", "")
    assert [tenths(share) for share in (0.4625, 0.8125, 0.5715)] == [46.3, 81.3, 57.2]


def test_chosen_runs_can_be_named_and_pinned() -> None:
    trained(activation="relu")
    trained(activation="tanh")
    at = ticked(opened("history.py"), 1)
    (run,) = [run for run in kept() if run.settings["activation"] == "relu"]
    at.text_input(key=f"name_{run.id}").input("=<b>*best*</b>").run()
    at.toggle(key=f"pin_{run.id}").set_value(True).run()
    assert not at.exception
    assert at.dataframe[0].value["name"].iloc[0] == "=<b>*best*</b>"  # pinned: now on top
    assert at.text_input(key=f"name_{run.id}").value == "=<b>*best*</b>"
    assert list(at.dataframe[0].value["pinned"]) == [True, False]
    assert b"'=<b>*best*</b>" in table_csv(kept())
    shown = [*at.markdown, *at.caption]
    assert not any("<b>" in element.value and "\\<b" not in element.value for element in shown)


def test_a_tick_stays_with_its_run_when_the_table_changes() -> None:
    trained(activation="relu")
    at = ticked(opened("history.py"), 0)
    (old,) = kept()
    trained(activation="tanh")  # in another tab: it stands above the ticked one
    at.run()
    assert at.session_state["history_chosen"] == [old.id]
    at.button(key="history_delete_now").click().run()
    assert [run.settings["activation"] for run in kept()] == ["tanh"]


def test_nothing_is_deleted_before_the_question_is_answered() -> None:
    trained()
    at = ticked(opened("history.py"), 0)
    assert len(kept()) == 1
    assert any("for good?" in element.value for element in at.markdown)
    at.button(key="history_delete_now").click().run()
    assert not at.exception
    assert kept() == []


def test_ten_chosen_runs_are_ten_in_the_file_and_eight_in_the_figure() -> None:
    for seed in range(10):
        trained(init_seed=str(seed), learning_rate=str(0.1 + seed / 100))
    at = ticked(opened("history.py"), *range(10))
    assert not at.exception
    assert len([field for field in at.text_input if str(field.key).startswith("name_")]) == 8
    assert any("first 8" in caption.value for caption in at.caption)
    read = json.loads(json_bytes(ME, kept()))
    assert len(read["runs"]) == 10
    assert all(len(run["curves"]["dev_loss"]) == 3 for run in read["runs"])
    assert json_bytes(OTHER, kept()).count(b'"curves": {}') == 10
    rows = list(csv.DictReader(io.StringIO(table_csv(kept()).decode())))
    assert [row["init_seed"] for row in rows] == [str(seed) for seed in range(9, -1, -1)]


def test_the_link_opens_the_same_settings() -> None:
    trained(activation="gelu", hidden="3-2")
    (run,) = kept()
    parameters = dict(part.split("=") for part in lab_link(run).removeprefix("./?").split("&"))
    assert RunConfig.from_url(parameters) == (RunConfig.from_json(run.config), [])


def test_a_database_that_fails_stops_neither_training_nor_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = trained()
    page = ticked(opened("history.py"), 0)

    def fails(*_: object, **__: object) -> None:
        raise UnavailableError("It is away.")

    for name in ("add", "runs", "curves", "rename", "pin", "delete"):
        monkeypatch.setattr(History, name, fails)
    at.session_state["lab"].reset()
    at.session_state["lab"].advance(2, 60.0)
    at.run()
    assert not at.exception
    page.run()
    assert not page.exception
    assert [warning.value for warning in page.warning] == ["It is away\\."]


def test_a_history_that_will_not_last_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("NNDL_DATA", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    trained()
    at = opened("history.py")
    assert "lasts only until the server stops" in at.warning[0].value
    assert len(at.dataframe) == 1
