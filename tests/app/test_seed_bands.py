"""The band of further seeds in a session: what is sent, and when the clock ticks for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from nndl_core.base.config import RunConfig
from pages.ui.live.pair import PANELS, PairSession
from pages.ui.live.panel import TICK_SECONDS, interval
from pages.ui.live.session import LabSession

CONFIG = RunConfig(points=100, epochs=50)


def header(content: bytes) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(content[4 : 4 + int.from_bytes(content[:4], "little")])
    return read


def arrays(content: bytes) -> set[str]:
    return {a["name"] for a in header(content)["arrays"] if a["name"].startswith("band_")}


def banded(seeds: int = 10) -> LabSession:
    session = LabSession(CONFIG)
    session.set_seeds(seeds)
    return session


def finish(session: LabSession) -> None:
    for _ in range(1000):
        session.tick(1)
        if not session.banding:
            return
    pytest.fail("the band never ends")


def test_without_the_switch_there_is_no_band() -> None:
    session = LabSession(CONFIG)
    content = session.frame()
    assert header(content)["band"] is None
    assert arrays(content) == set()
    assert not session.busy


def test_a_band_grows_while_the_run_is_paused_and_the_clock_ticks_only_for_it() -> None:
    session = banded()
    assert interval(session) == TICK_SECONDS
    assert not session.ended
    finish(session)
    assert session.ended
    content = session.frame()
    assert header(content)["band"] == {"seeds": 10, "done": 10, "diverged": 0}
    assert session.runner.epoch == 0
    assert interval(session) is None
    assert not session.ended


def test_a_band_is_sent_a_few_times_and_with_every_full_frame() -> None:
    session = banded()
    finish(session)
    sent = [bool(arrays(session.frame())) for _ in range(8)]
    assert sent == [True] * 4 + [False] * 4
    session.ask_full()
    names = {f"band_{part}_{kind}" for part in ("train", "dev") for kind in ("loss", "accuracy")}
    assert arrays(session.frame()) == {"band_epoch", *names}


@pytest.mark.parametrize("change", [{"learning_rate": 1.0}, {"epochs": 60}, {"hidden": (3,)}])
def test_a_changed_setting_begins_the_band_anew(change: dict[str, Any]) -> None:
    session = banded()
    finish(session)
    before = session.run.band
    session.apply(replace(CONFIG, **change))
    assert session.run.band is not before
    assert session.banding
    assert header(session.frame())["band"]["done"] == 0


def test_switching_off_lets_go_of_the_band() -> None:
    session = banded()
    finish(session)
    session.set_seeds(0)
    assert header(session.frame())["band"] is None
    assert session.run.band is None


def test_the_button_is_renewed_when_the_run_ends_before_its_band() -> None:
    session = banded(200)
    session.toggle_play()
    session.button_says_pause = True
    assert interval(session) == TICK_SECONDS
    session.advance(CONFIG.epochs, 60.0)
    session.playing = not session.finished
    assert session.banding
    assert session.ended


def test_both_runs_of_a_pair_get_their_band_and_common_axes_hold_it() -> None:
    session = PairSession({"zeros": replace(CONFIG, init="zeros"), "N(0, 1)": CONFIG})
    session.set_seeds(10)
    while session.banding:
        session.tick(1)
    contents = [header(content) for content in session.frames(PANELS)]
    assert [content["band"]["done"] for content in contents] == [10, 10]
    band = session.runs["N(0, 1)"].band
    assert band is not None
    highest = float(band.band.values["train_loss"].max())
    assert all(content["ranges"]["loss"][1] >= highest for content in contents)


def test_the_switch_stands_above_the_charts(open_lab: Callable[..., AppTest]) -> None:
    at = open_lab(points="60", epochs="20")
    at.selectbox(key="seeds").set_value("+ 10 seeds").run()
    assert not at.exception
    session = at.session_state["lab"]
    assert session.run.seeds == 10
    at.selectbox(key="seeds").set_value("one seed").run()
    assert session.run.band is None
