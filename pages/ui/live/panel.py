"""The live panel: the buttons, the clock and the charts of one session."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import streamlit as st

from nndl_core.base.i18n import mark, tr
from pages.ui.link import address
from pages.ui.link.linked import linked, refuse
from pages.ui.link.locks import hidden, locked
from pages.ui.live.component import draw_live
from pages.ui.live.diagnosis_panel import diagnosis_panel, verdict_line
from pages.ui.live.player import Player
from pages.ui.live.run_keeper import keep, kept_note, note_seconds
from pages.ui.live.session import LabSession
from pages.ui.widgets.clock import tick_every

Kind = Literal["primary", "secondary"]
Button = tuple[str, str, str, Callable[[], None]]
"""Label, key, icon and what it does."""
AS_FAST_AS_IT_GOES = 1_000_000
TICK_SECONDS, DIAGNOSIS_SECONDS = 0.1, 1.0
SPEEDS = {
    mark("1 epoch / frame"): 1,
    mark("5 epochs / frame"): 5,
    mark("20 epochs / frame"): 20,
    mark("50 epochs / frame"): 50,
    mark("100 epochs / frame"): 100,
    mark("500 epochs / frame"): 500,
    mark("as fast as it goes"): AS_FAST_AS_IT_GOES,
}
DEFAULT_SPEED = "20 epochs / frame"
USUAL_FRAMES = 120
"""Of a long run at the speed that is set before one is chosen: some 10 to 20 seconds."""
ONE_SEED = mark("one seed")
SEEDS = {
    ONE_SEED: 0,
    mark("+ 10 seeds"): 10,
    mark("+ 50 seeds"): 50,
    mark("+ 200 seeds"): 200,
}

COUNTS = {name: str(count) for name, count in SEEDS.items()}


def live_panel(session: LabSession) -> None:
    """Draw the buttons and the charts; only this panel reruns while the run plays."""

    # A tick needs its own fragment: the interval is fixed when a fragment is made, and pressing
    # Play remakes the inner one without running the page again. It is one fragment, playing or
    # not: exchanging it for another would take the charts out of the page.
    @st.fragment(key="live")
    def panel() -> None:
        dice = (tr("New weights"), "new_weights", ":material/casino:", session.new_weights)
        toolbar(session, *([] if locked("init_seed") or hidden("init_seed") else [dice]))
        session.set_seeds(seeds())
        if session.wanted is not None:
            st.rerun()  # the controls stand outside this panel
        runs = {"": session.run}
        tick_every(interval(session, DIAGNOSIS_SECONDS), verdict_line, runs, "lab")
        tick_every(interval(session), _tick, session)
        tick_every(interval(session, DIAGNOSIS_SECONDS), diagnosis_panel, runs, "lab")
        tick_every(note_seconds(session.run), kept_note, session.run)

    panel()


def toolbar(player: Player, *more: Button) -> None:
    """Draw play or pause, one step, reset, more buttons, and the speed."""
    ticket = player.next_ticket()
    player.button_says_pause = player.playing
    names = (
        (tr("Pause"), ":material/pause:")
        if player.playing
        else (tr("Play"), ":material/play_arrow:")
    )
    step = (tr("Step"), "step", ":material/skip_next:", player.step)
    reset = (tr("Reset"), "reset", ":material/replay:", player.reset)
    with st.container(horizontal=True, vertical_alignment="center", key="toolbar"):
        _button(player, ticket, (names[0], "play", names[1], player.toggle_play), "primary")
        for button in (step, reset, *more):
            _button(player, ticket, button, "secondary")
        _choose_speed(player)
        st.selectbox(
            tr("Seeds"),
            list(SEEDS),
            key=linked("seeds", ONE_SEED, names=COUNTS),
            format_func=tr,
            label_visibility="collapsed",
            width=140,
            help=tr(
                "Trains this many more weight seeds on the same data and draws their median and "
                "quartiles into the curves."
            ),
        )


def _button(player: Player, ticket: int, button: Button, kind: Kind) -> None:
    label, key, icon, action = button
    st.button(label, key=key, icon=icon, type=kind, on_click=player.once, args=(ticket, action))


def interval(player: Player, seconds: float = TICK_SECONDS) -> float | None:
    """Return the seconds between two ticks of a clock: None when nothing plays."""
    player.clocked = player.busy
    return seconds if player.clocked else None


def usual_speed(epochs: int) -> str:
    """Return the speed at which a long run takes about USUAL_FRAMES; a short one takes less."""
    least = SPEEDS[DEFAULT_SPEED]
    paces = [name for name, pace in SPEEDS.items() if least <= pace < AS_FAST_AS_IT_GOES]
    wanted = math.log(max(1, epochs) / USUAL_FRAMES)
    return min(paces, key=lambda name: abs(math.log(SPEEDS[name]) - wanted))


def speed(player: Player) -> int:
    """Return the number of epochs for one frame: the chosen one, else the usual one."""
    return SPEEDS[player.chosen_speed or usual_speed(player.epochs)]


def _choose_speed(player: Player) -> None:
    """Draw the speed; what the user has chosen stays, whatever the number of epochs becomes."""
    _take_linked_speed(player)
    shown = player.chosen_speed or usual_speed(player.epochs)
    if st.session_state.get("speed") != shown:
        st.session_state["speed"] = shown
    st.selectbox(
        tr("Speed"),
        list(SPEEDS),
        key="speed",
        format_func=tr,
        label_visibility="collapsed",
        width=190,
        on_change=_keep_speed,
        args=(player,),
    )


def _take_linked_speed(player: Player) -> None:
    """Choose the speed of the link, which names the epochs of a frame, and name the chosen one."""
    text, names = address.viewed("speed"), {pace(name): name for name in SPEEDS}
    if text is not None and not player.chosen_speed:
        if text in names:
            player.chosen_speed = names[text]
        else:
            refuse("speed", text)
    address.view("speed", pace(player.chosen_speed) if player.chosen_speed else None)


def pace(name: str) -> str:
    """Return how a link names a speed."""
    return "most" if SPEEDS[name] == AS_FAST_AS_IT_GOES else str(SPEEDS[name])


def _keep_speed(player: Player) -> None:
    player.chosen_speed = st.session_state["speed"]


def seeds() -> int:
    """Return the chosen number of further seeds."""
    return SEEDS[st.session_state.get("seeds", ONE_SEED)]


def _tick(session: LabSession) -> None:
    session.tick(speed(session))
    keep(session.run)
    draw_live(session.frame(), key="charts", on_full=session.ask_full, on_end=_stop_clock)


def _stop_clock() -> None:
    """Show Play again: the browser has seen the end of the run."""
    st.rerun("live")
