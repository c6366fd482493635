"""One tab's session: what restarts a run, what it takes over live, and what it sends."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from nndl_core.base.config import KNOBS, RunConfig
from nndl_core.data.table.reading import Table
from nndl_core.engine.checkpoint import Checkpoint, CheckpointError
from nndl_core.engine.runner import Runner
from pages.ui.live.component import live_text
from pages.ui.live.run import LIVE_SETTINGS, divergence_sentence
from pages.ui.live.session import LabSession, first_session

CONFIG = RunConfig(points=100, epochs=50)
OTHER: dict[str, Any] = {
    "dataset": "xor",
    "points": 120,
    "noise": 0.1,
    "label_noise": 0.1,
    "data_seed": 4,
    "hidden": (3, 2),
    "activation": "tanh",
    "slope": 0.2,
    "init": "zeros",
    "init_scale": 0.5,
    "bias": 1.0,
    "init_seed": 3,
    "loss": "mse",
    "optimizer": "adam",
    "learning_rate": 0.5,
    "momentum": 0.5,
    "weight_decay": 0.1,
    "batch_size": 10,
    "epochs": 60,
    "dtype": "float64",
    "scale": "off",
}
DIVERGING = RunConfig(points=100, activation="relu", learning_rate=1000)

pytestmark = pytest.mark.usefixtures("time_to_train")


def header(session: LabSession) -> dict[str, Any]:
    content = session.frame()
    length = int.from_bytes(content[:4], "little")
    read: dict[str, Any] = json.loads(content[4 : 4 + length])
    return read


def test_every_setting_has_another_value_here() -> None:
    assert OTHER.keys() == KNOBS.keys()


@pytest.mark.parametrize("name", KNOBS)
def test_a_changed_setting_restarts_unless_it_can_be_taken_over_live(name: str) -> None:
    session = LabSession(CONFIG)
    session.toggle_play()
    session.tick(5)
    run = session.run_id
    changed = replace(CONFIG, **{name: OTHER[name]})
    session.apply(changed)
    assert session.config == changed
    assert session.runner.config == changed
    assert session.playing
    assert (session.run_id == run, session.runner.epoch) == (
        (True, 5) if name in LIVE_SETTINGS else (False, 0)
    )


def test_an_equal_config_changes_nothing() -> None:
    session = LabSession(CONFIG)
    session.step()
    runner = session.runner
    session.apply(replace(CONFIG))
    assert session.runner is runner
    assert runner.epoch == 1


def test_a_live_learning_rate_is_the_one_of_the_next_epoch() -> None:
    session, straight = LabSession(CONFIG), Runner.from_config(CONFIG)
    session.step()
    session.apply(replace(CONFIG, learning_rate=2.0))
    session.step()
    straight.advance(2)
    other = Runner.from_config(CONFIG)
    other.advance(1)
    other.optimizer.learning_rate = 2.0
    other.advance(1)
    assert session.runner.measure()[0] == other.measure()[0]
    assert session.runner.measure()[0] != straight.measure()[0]


def test_fewer_epochs_end_a_run_and_more_epochs_continue_it() -> None:
    session = LabSession(CONFIG)
    session.toggle_play()
    session.tick(20)
    session.apply(replace(CONFIG, epochs=10))
    session.tick(1)
    assert (session.playing, session.runner.epoch) == (False, 20)
    assert session.status == "finished"
    assert header(session)["merit"]["test"] is not None
    session.apply(CONFIG)
    assert header(session)["merit"]["test"] is None
    session.toggle_play()
    session.tick(5)
    assert session.runner.epoch == 25


def test_a_config_that_cannot_be_built_leaves_the_run_and_says_why() -> None:
    session = LabSession(CONFIG)
    session.step()
    run = session.run_id
    session.apply(replace(CONFIG, dataset="blobs3"))
    assert session.run_id == run
    assert session.config == CONFIG
    (sentence,) = session.take_messages()
    assert "bce" in sentence
    assert "cross_entropy" in sentence
    assert session.take_messages() == []


@pytest.mark.parametrize(
    ("config", "started"),
    [
        (
            replace(CONFIG, dataset="blobs3"),
            replace(CONFIG, dataset="blobs3", loss="cross_entropy"),
        ),
        (replace(CONFIG, dataset="csv", init_seed=7), replace(CONFIG, init_seed=7)),
    ],
)
def test_an_address_that_cannot_start_keeps_all_it_can(
    config: RunConfig, started: RunConfig
) -> None:
    session = first_session(config, ["An earlier sentence."])
    assert session.config == started
    earlier, sentence = session.take_messages()
    assert earlier == "An earlier sentence."
    assert sentence.startswith(("loss: 'bce'", "dataset: 'csv'"))


def test_status_names_the_state_of_the_run() -> None:
    session = LabSession(replace(CONFIG, epochs=3))
    assert session.status == "ready"
    session.toggle_play()
    assert session.status == "playing"
    session.toggle_play()
    session.step()
    assert session.status == "paused"
    session.toggle_play()
    session.tick(100)
    assert session.status == "finished"
    assert not session.playing
    session.toggle_play()
    assert (session.status, session.runner.epoch) == ("playing", 0)


def test_a_diverged_run_stops_with_a_sentence_and_finite_figures() -> None:
    session = LabSession(DIVERGING)
    session.toggle_play()
    session.tick(1000)
    diverged = session.runner.diverged
    assert diverged is not None
    assert not session.playing
    shown = header(session)
    assert shown["status"] == "diverged"
    assert f"Diverged at epoch {diverged.epoch}:" in shown["message"]
    assert "learning rate 1000 is probably too large" in shown["message"]
    assert shown["merit"]["train_loss"] is not None
    assert shown["merit"]["dev_loss"] is not None
    assert divergence_sentence(None) == ""


def test_a_click_that_is_called_back_twice_counts_once() -> None:
    session = LabSession(CONFIG)
    for ticket in (session.next_ticket(), session.next_ticket()):
        session.once(ticket, session.step)
        session.once(ticket, session.step)
    assert session.runner.epoch == 2
    session.once(1, session.step)
    assert session.runner.epoch == 2


def test_reset_gives_the_first_frame_again_and_new_weights_the_next_seed() -> None:
    session = LabSession(CONFIG)
    first = header(session)["merit"]
    session.step()
    session.reset()
    assert header(session)["merit"] == first
    assert session.status == "ready"
    session.new_weights()
    assert session.wanted == replace(CONFIG, init_seed=1)
    last = LabSession(replace(CONFIG, init_seed=999_999))
    last.new_weights()
    assert last.wanted == CONFIG


def test_only_the_first_frame_of_a_run_is_full_until_the_browser_asks() -> None:
    session = LabSession(CONFIG)
    frames = [header(session)]
    session.step()
    frames.append(header(session))
    session.ask_full()
    frames.append(header(session))
    session.reset()
    frames.append(header(session))
    assert [each["full"] for each in frames] == [True, False, True, True]
    assert [each["curve"]["from"] for each in frames] == [0, 0, 0, 0]
    assert [each["serial"] for each in frames] == [1, 2, 3, 4]
    assert frames[0]["run"] == frames[2]["run"] != frames[3]["run"]
    text = live_text()
    assert [each.get("text") for each in frames] == [text, None, text, text]
    names = [{array["name"] for array in each["arrays"]} for each in frames]
    assert ["points_x" in each for each in names] == [True, False, True, True]


def test_a_later_frame_carries_only_new_curve_points() -> None:
    session = LabSession(CONFIG)
    session.toggle_play()
    session.tick(30)
    for epoch in (30, 34, 38, 42):
        assert session.runner.epoch == epoch
        # until four frames are out, each carries all points: the browser may have missed one
        assert header(session)["curve"] == {"from": 0, "stride": 1}
        session.tick(4)
    later = header(session)
    (points,) = [a["shape"] for a in later["arrays"] if a["name"] == "train_loss"]
    assert later["curve"] == {"from": 30, "stride": 1}  # where the fourth frame before ended
    assert points == [17]


def test_a_checkpoint_continues_with_its_config_and_its_numbers() -> None:
    saved = LabSession(replace(CONFIG, optimizer="adam", hidden=(4, 3)))
    saved.toggle_play()
    saved.tick(12)
    content = saved.runner.checkpoint().to_bytes()
    session = LabSession(CONFIG)
    session.toggle_play()
    session.load(Checkpoint.from_bytes(content))
    assert not session.playing
    assert session.runner.epoch == 12
    assert session.wanted == session.config == saved.config
    session.step()
    saved.step()
    assert session.runner.measure()[0] == saved.runner.measure()[0]


def test_a_foreign_checkpoint_changes_nothing() -> None:
    session = LabSession(CONFIG)
    session.step()
    before = (session.runner, session.config, session.run_id)
    foreign = LabSession(replace(CONFIG, hidden=(9,))).runner.checkpoint()
    with pytest.raises(CheckpointError, match=r"fc1\.weight"):
        session.load(Checkpoint(foreign.tensors, 3, CONFIG))
    assert (session.runner, session.config, session.run_id) == before
    assert session.wanted is None


def test_a_slice_of_time_ends_a_frame_that_would_last_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pages.ui.live.player.SLICE_SECONDS", 0.04)
    session = LabSession(replace(CONFIG, epochs=100_000, points=5000, hidden=(64,) * 12))
    session.toggle_play()
    session.tick(100_000)
    assert 0 < session.runner.epoch < 100_000
    assert session.playing
    assert session.runner.seconds < 10


def test_an_upload_is_trained_on_and_checkpointed() -> None:
    rows = "\n".join(f"{i + 5},{i % 7},{'ab'[i % 2]}" for i in range(40))
    session = LabSession(CONFIG)
    session.upload = Table.of(f"height,width,kind\n{rows}".encode(), "mine.csv")
    session.new_upload = True
    session.apply(replace(CONFIG, dataset="csv"))
    assert session.dataset is session.upload.dataset()
    shown = header(session)
    assert shown["classes"] == ["a", "b"]
    assert shown["axes"] == ["height", "width"]
    session.step()
    content = session.runner.checkpoint().to_bytes()
    session.load(Checkpoint.from_bytes(content))
    assert session.dataset is session.upload.dataset()
    stranger = LabSession(CONFIG)
    with pytest.raises(ValueError, match="needs an uploaded file"):
        stranger.load(Checkpoint.from_bytes(content))
