"""Runs side by side: one clock, equal epochs, common axes; and the panel through AppTest."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from nndl_core.base.config import RunConfig
from nndl_core.engine.runner import Runner
from pages.ui.live.pair import PANELS, Configs, PairSession, pair_session
from pages.ui.live.panel import AS_FAST_AS_IT_GOES

CURED = RunConfig(points=100, epochs=50)
SICK = replace(CURED, init="zeros")
BOTH = {"all zeros": SICK, "N(0, 1)": CURED}
DIVERGING = replace(CURED, activation="relu", learning_rate=1000)
ONE_DIVERGES = {"too fast": DIVERGING, "N(0, 1)": CURED}
IMPOSSIBLE = replace(CURED, dataset="blobs3")

pytestmark = pytest.mark.usefixtures("time_to_train")


def headers(session: PairSession, panels: tuple[str, ...] = PANELS) -> list[dict[str, Any]]:
    frames = session.frames(panels)
    return [json.loads(each[4 : 4 + int.from_bytes(each[:4], "little")]) for each in frames]


def epochs(session: PairSession) -> list[int]:
    return [run.runner.epoch for run in session.runs.values()]


def straight(config: RunConfig, count: int) -> Runner:
    runner = Runner.from_config(config)
    runner.advance(count)
    return runner


def played(configs: Configs, *ticks: int) -> PairSession:
    session = PairSession(configs)
    session.toggle_play()
    session.clocked = session.button_says_pause = True  # as the panel does when it is drawn
    for each in ticks:
        session.tick(each)
    return session


def test_equal_seeds_give_equal_points_and_equal_weights() -> None:
    other = replace(CURED, activation="tanh")
    one, two = (run.runner for run in PairSession({"one": CURED, "two": other}).runs.values())
    assert one.dataset is not None
    assert two.dataset is not None
    assert one.dataset.train.x.equal(two.dataset.train.x)
    assert one.dataset.train.y.equal(two.dataset.train.y)
    assert [p.tolist() for p in one.model.parameters()] == [
        p.tolist() for p in two.model.parameters()
    ]


@pytest.mark.parametrize("ticks", [(7,), (1, 5, 1), (3, 40, 20, 20), (AS_FAST_AS_IT_GOES,)])
def test_each_run_has_the_numbers_of_the_same_run_alone(ticks: tuple[int, ...]) -> None:
    session = played(BOTH, *ticks)
    first, second = epochs(session)
    assert first == second == min(sum(ticks), CURED.epochs)
    for name, config in BOTH.items():
        runner = session.runs[name].runner
        assert runner.measure()[0] == straight(config, first).measure()[0]


def test_however_short_a_slice_is_both_runs_get_on_and_keep_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pages.ui.live.player.SLICE_SECONDS", 1e-9)
    session = played(BOTH, *(AS_FAST_AS_IT_GOES,) * 8)
    assert epochs(session) == [27, 27]  # 20 at once, too slow, then one by one
    runner = session.runs["N(0, 1)"].runner
    assert runner.measure()[0] == straight(CURED, 27).measure()[0]


def test_a_slow_run_holds_the_fast_one_to_its_own_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.ui.live.player.SLICE_SECONDS", 0.04)
    long = replace(CURED, epochs=100_000)
    slow = replace(long, points=5000, hidden=(64,) * 6)
    session = PairSession({"fast": long, "slow": slow})
    session.toggle_play()
    for _ in range(3):
        session.tick(AS_FAST_AS_IT_GOES)
        first, second = epochs(session)
        assert 0 < first == second < 1000
    assert session.playing


def test_a_step_is_one_epoch_of_every_run_and_reset_gives_equal_numbers() -> None:
    session = PairSession(BOTH)
    first = [each["merit"] for each in headers(session)]
    session.toggle_play()
    session.tick(8)
    session.step()
    assert epochs(session) == [9, 9]
    assert not session.playing
    assert [run.status(session.playing) for run in session.runs.values()] == ["paused", "paused"]
    assert [each["merit"] for each in headers(session)] != first
    session.reset()
    assert epochs(session) == [0, 0]
    assert [each["merit"] for each in headers(session)] == first
    session.toggle_play()  # a paused clock does not forget how to go on
    session.tick(8)
    assert epochs(session) == [8, 8]


def test_a_diverged_run_waits_while_the_other_goes_on() -> None:
    session = played(ONE_DIVERGES, 20)
    too_fast, sound = headers(session)
    assert (too_fast["status"], sound["status"]) == ("diverged", "playing")
    assert not too_fast["ended"]
    assert sound["message"] == ""
    assert too_fast["messages"] == sound["messages"] == [too_fast["message"]]
    waiting = epochs(session)[0]
    session.tick(20)
    assert epochs(session) == [waiting, 40]
    session.step()
    assert epochs(session) == [waiting, 41]
    session.toggle_play()
    session.tick(20)
    assert not session.playing
    assert [each["ended"] for each in headers(session)] == [True, True]
    assert [each["status"] for each in headers(session)] == ["diverged", "finished"]


def test_a_shorter_run_waits_for_the_longer_and_play_starts_both_again() -> None:
    session = played({"short": replace(CURED, epochs=5), "long": CURED}, 20)
    assert epochs(session) == [5, 20]
    assert session.playing
    session.tick(100)
    assert epochs(session) == [5, 50]
    assert not session.playing
    session.toggle_play()
    session.tick(2)
    assert epochs(session) == [2, 2]


def test_learning_rate_and_epochs_change_live_everything_else_restarts_all() -> None:
    session = played(BOTH, 10)
    ids = [run.run_id for run in session.runs.values()]
    live = {n: replace(c, learning_rate=0.5, epochs=60) for n, c in BOTH.items()}
    session.apply(live)
    assert [run.run_id for run in session.runs.values()] == ids
    assert [run.runner.num_epochs for run in session.runs.values()] == [60, 60]
    assert [run.runner.optimizer.learning_rate for run in session.runs.values()] == [0.5, 0.5]
    session.apply(live | {"all zeros": replace(live["all zeros"], init="constant")})
    assert epochs(session) == [0, 0]
    assert not set(ids) & {run.run_id for run in session.runs.values()}
    assert session.playing
    session.tick(4)
    session.apply({"another name": CURED})
    assert list(session.runs) == ["another name"]
    assert epochs(session) == [0]


def test_a_config_that_cannot_be_built_leaves_all_runs_and_says_why() -> None:
    session = played(BOTH, 10)
    session.apply(BOTH | {"N(0, 1)": IMPOSSIBLE})
    assert epochs(session) == [10, 10]
    (sentence,) = session.take_messages()
    assert "bce" in sentence
    with pytest.raises(ValueError, match="bce"):
        PairSession({"one": IMPOSSIBLE})


@pytest.mark.parametrize("count", [0, 4])
def test_one_to_three_runs_fit_a_page(count: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 3 runs; {count} were asked for"):
        PairSession({str(i): CURED for i in range(count)})
    assert len(PairSession({str(i): CURED for i in range(3)}).runs) == 3


def losses(config: RunConfig, count: int) -> list[float]:
    runner = straight(config, count)
    record, _ = runner.measure()
    return [*runner.train_loss, *runner.dev_loss, record.train_loss, record.dev_loss]


def test_equal_charts_share_the_range_of_all_that_any_run_has_shown() -> None:
    session = PairSession(BOTH)
    session.toggle_play()
    norms: list[float] = []
    for _ in range(6):  # beyond the frames that carry the whole curve
        session.tick(5)
        shown = headers(session)
        for layer in (layer for each in shown for layer in each["layers"]):
            norms += [layer["weight_grad_norm"], layer["bias_grad_norm"]]
    one, two = (each["ranges"] for each in shown)
    assert one == two
    both = losses(SICK, 30) + losses(CURED, 30)
    assert one["loss"] == pytest.approx([min(both), max(both)], rel=1e-6)  # sent as float32
    positive = [norm for norm in norms if norm > 0]
    assert one["gradients"] == [min(positive), max(positive)]
    assert one["epoch"] == [30, 50]
    limits = [each["histogram_range"] for each in shown]
    assert one["activations"] == [min(low for low, _ in limits), max(high for _, high in limits)]


def test_an_exploding_run_does_not_spoil_the_axes_of_the_others() -> None:
    too_fast, sound = (each["ranges"] for each in headers(played(ONE_DIVERGES, 20)))
    alone = losses(CURED, 20)
    assert sound["loss"] == pytest.approx([min(alone), max(alone)], rel=1e-6)
    assert too_fast["loss"][1] > 1000 * sound["loss"][1]
    assert sound["epoch"] == too_fast["epoch"] == [20, 50]


def test_a_loss_that_is_only_high_shares_its_axis() -> None:
    # dying ReLU: 4.07 against ln 2 is a contrast to see, not one to hide by two scales
    high = replace(CURED, activation="relu", init_scale=0.01, bias=-8.0)
    one, two = (each["ranges"] for each in headers(PairSession({"b = -8": high, "zeros": SICK})))
    assert one["loss"] == two["loss"] == pytest.approx([losses(SICK, 0)[0], losses(high, 0)[0]])


def test_ranges_of_a_run_are_forgotten_at_reset() -> None:
    session = PairSession(BOTH)
    first = headers(session)[0]["ranges"]
    session.toggle_play()
    session.tick(30)
    assert headers(session)[0]["ranges"] != first
    session.reset()
    assert headers(session)[0]["ranges"] == first


def names(header: dict[str, Any]) -> set[str]:
    return {array["name"] for array in header["arrays"]}


def test_a_frame_carries_only_what_its_panels_draw() -> None:
    session = PairSession(BOTH)
    header, _ = headers(session, ("loss", "units"))
    assert (header["name"], header["panels"]) == ("all zeros", ["loss", "units"])
    assert not names(header) & {"boundary", "points_x", "points_label", "histogram"}
    header, _ = headers(session, ("boundary",))
    assert header["full"]  # another choice of charts
    assert names(header) >= {"boundary", "points_x", "points_y", "points_label", "points_part"}
    header, _ = headers(session, ("boundary",))
    assert not header["full"]
    header, _ = headers(session, ("boundary", "activations"))
    assert names(header) >= {"boundary", "histogram"}


def page() -> None:
    from dataclasses import replace

    import streamlit as st

    from nndl_core.base.config import RunConfig
    from pages.ui.link.messages import show_messages
    from pages.ui.live.pair import pair_panel, pair_session

    cured, _ = RunConfig.from_url({"points": "100", "epochs": "50"} | st.query_params.to_dict())
    configs = {"all zeros": replace(cured, init="zeros"), "N(0, 1)": cured}
    session = pair_session("page", configs, fallback={"moons": RunConfig(points=100)})
    show_messages(session.take_messages())

    def after(_: object) -> None:
        epochs = [run.runner.epoch for run in session.runs.values()]
        st.text(f"measured at {epochs}")
        st.session_state["calls"] = st.session_state.get("calls", 0) + 1

    pair_panel(session, after=after)


@pytest.fixture
def open_pair() -> Callable[..., AppTest]:
    """Open a page with two runs as a fresh browser tab would."""

    def opened(**parameters: str) -> AppTest:
        at = AppTest.from_function(page, default_timeout=60)
        for name, value in parameters.items():
            at.query_params[name] = value
        return at.run()

    return opened


def press(at: AppTest, key: str) -> list[int]:
    at.button(key=key).click().run()
    assert not at.exception
    session = at.session_state["page"]
    assert isinstance(session, PairSession)
    return epochs(session)


def test_the_buttons_drive_all_runs(open_pair: Callable[..., AppTest]) -> None:
    at = open_pair()
    assert not at.exception
    assert at.button(key="play").label == "Play"
    assert press(at, "step") == [1, 1]
    assert press(at, "play") == [21, 21]
    assert at.button(key="play").label == "Pause"
    at.selectbox(key="speed").set_value("5 epochs / frame").run()
    assert epochs(at.session_state["page"]) == [26, 26]
    assert press(at, "play") == [26, 26]
    assert press(at, "reset") == [0, 0]
    press(at, "play")
    for _ in range(10):
        at.run()
    assert epochs(at.session_state["page"]) == [50, 50]
    assert at.run().button(key="play").label == "Play"


def test_what_was_measured_is_drawn_once_in_every_run_of_the_panel(
    open_pair: Callable[..., AppTest],
) -> None:
    at = open_pair()
    assert [text.value for text in at.text] == ["measured at [0, 0]"]
    press(at, "step")
    assert [text.value for text in at.text] == ["measured at [1, 1]"]
    assert at.session_state["calls"] == 2


def test_configs_that_cannot_start_get_a_sentence_and_the_fallback(
    open_pair: Callable[..., AppTest],
) -> None:
    at = open_pair(dataset="blobs3")
    assert not at.exception
    (warning,) = at.warning
    assert "bce" in warning.value
    assert list(at.session_state["page"].runs) == ["moons"]


def test_without_a_fallback_the_sentence_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit.session_state", {})
    with pytest.raises(ValueError, match="bce"):
        pair_session("page", {"one": IMPOSSIBLE})
