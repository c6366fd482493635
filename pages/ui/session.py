"""What one browser tab holds of the lab: its run, whether it plays, and what was sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import streamlit as st

from nndl_core.checkpoint import Checkpoint
from nndl_core.config import KNOBS, RunConfig
from nndl_core.datasets import Dataset
from nndl_core.runner import Divergence, Runner
from nndl_core.snapshot import Curves, Plane, curves, make_plane, take
from pages.ui import frame
from pages.ui.live_component import TEXT

LIVE_SETTINGS = {"learning_rate", "epochs"}
"""Settings that a run takes over while it goes on; every other change starts it anew."""
SLICE_SECONDS = 0.04
AS_FAST_AS_IT_GOES = 1_000_000
OVERLAP = 4
"""So many frames may be lost before the browser lacks curve points."""

_run_ids = count(1)


class LabSession:
    """A run and its controls; all work happens inside the calls of the page that owns it."""

    def __init__(self, config: RunConfig) -> None:
        self.upload: Dataset | None = None
        self.playing = False
        self.by_autograd = False
        self.messages: list[str] = []
        self.wanted: RunConfig | None = None  # what the controls shall show next
        self.new_upload = False
        self.serial = 0
        self.ticket = self.used_ticket = 0
        self.restart(config)

    def restart(self, config: RunConfig) -> None:
        """Start the run of a config from its seeds; raise ValueError if it cannot be built."""
        data = self.upload if config.dataset == "csv" else None
        self._adopt(Runner.from_config(config, data), config)

    def _adopt(self, runner: Runner, config: RunConfig) -> None:
        assert runner.dataset is not None
        runner.by_autograd = self.by_autograd
        self.runner, self.config = runner, config
        self.dataset: Dataset = runner.dataset
        self.plane: Plane = make_plane(self.dataset)
        self.sent: deque[Curves] = deque(maxlen=OVERLAP)
        self.run_id = next(_run_ids)

    def apply(self, config: RunConfig) -> None:
        """Take over changed settings: live where that is possible, else by starting anew."""
        changed = {n for n in KNOBS if getattr(config, n) != getattr(self.config, n)}
        if changed - LIVE_SETTINGS or self.new_upload:
            self.new_upload = False
            self._try_restart(config)
        elif changed:
            self.runner.optimizer.learning_rate = config.learning_rate
            self.runner.num_epochs = config.epochs
            self.runner.config = self.config = config

    def _try_restart(self, config: RunConfig) -> None:
        try:
            self.restart(config)
        except ValueError as error:
            self.messages.append(str(error))

    def next_ticket(self) -> int:
        """Return a number for the buttons that are drawn now."""
        self.ticket += 1
        return self.ticket

    def once(self, ticket: int, action: Callable[[], None]) -> None:
        """Do what a button asks, one time for each time that it was drawn.

        When the clock ticks in the browser just as a button is pressed, Streamlit sends the click
        with the tick as well and calls back twice.
        """
        if ticket > self.used_ticket:
            self.used_ticket = ticket
            action()

    def toggle_play(self) -> None:
        """Play or pause; a finished run starts again from the same seeds."""
        if not self.playing and self.runner.finished:
            self.restart(self.config)
        self.playing = not self.playing

    def step(self) -> None:
        """Train exactly one epoch and pause."""
        self.playing = False
        self.runner.advance(1)

    def reset(self) -> None:
        """Go back to the first weights: the same seeds give the same weights."""
        self.playing = False
        self.restart(self.config)

    def new_weights(self) -> None:
        """Ask for the next weight seed."""
        high = KNOBS["init_seed"].high
        assert high is not None
        self.wanted = replace(self.config, init_seed=(self.config.init_seed + 1) % int(high + 1))

    def load(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint with its config; raise ValueError if it is foreign."""
        config = checkpoint.config or self.config
        runner = Runner.from_config(config, self.upload if config.dataset == "csv" else None)
        runner.restore(checkpoint)
        self.playing = False
        self._adopt(runner, config)
        self.wanted = config

    def tick(self, epochs: int) -> None:
        """Train one frame's worth: this many epochs, or what a slice of time holds."""
        if self.playing:
            self.runner.advance(epochs, SLICE_SECONDS)
            self.playing = not self.runner.finished

    def take_messages(self) -> list[str]:
        """Return the sentences that wait to be shown, once."""
        messages, self.messages = self.messages, []
        return messages

    def ask_full(self) -> None:
        """Send everything with the next frame: the browser lacks what it builds on."""
        self.sent.clear()

    def _base(self) -> Curves | None:
        """The frame that the next one builds on; None while there is none old enough.

        Of frames that follow each other closely the browser may see only the last.
        """
        return self.sent[0] if len(self.sent) == OVERLAP else None

    @property
    def status(self) -> str:
        """One of ready, playing, paused, finished, diverged."""
        if self.runner.diverged is not None:
            return "diverged"
        if self.runner.finished:
            return "finished"
        if self.playing:
            return "playing"
        return "paused" if self.runner.epoch else "ready"

    def frame(self) -> bytes:
        """Measure the run and pack what the browser does not have yet."""
        snapshot = take(self.runner, self.plane)
        part = curves(self.runner, snapshot.record, self._base())
        header, arrays = frame.contents(snapshot, self.plane, part)
        full = not self.sent
        if full:
            more_header, more_arrays = frame.still_contents(self.plane, self.dataset.classes)
            header |= more_header | {"text": TEXT}
            arrays |= more_arrays
        self.sent.append(part)
        self.serial += 1
        if not self.playing:
            self.runner.release()
        speed = self.runner.epoch / self.runner.seconds if self.runner.seconds else None
        header |= {
            "run": str(self.run_id),
            "full": full,
            "serial": self.serial,
            "epochs": self.runner.num_epochs,
            "status": self.status,
            "message": divergence_sentence(self.runner.diverged),
            "merit": frame.merit(snapshot.record, speed, snapshot.test),
        }
        return frame.encode(header, arrays)


def divergence_sentence(diverged: Divergence | None) -> str:
    """Say at which epoch training left the finite numbers, and the probable reason."""
    if diverged is None:
        return ""
    return (
        f"Diverged at epoch {diverged.epoch}: the loss is no longer a finite number. The last "
        f"finite update changed {diverged.layer} by {diverged.update_ratio:.3g} times the size of "
        f"its weights; the learning rate {diverged.learning_rate:g} is probably too large. "
        "The charts show the last finite state."
    )


def first_session(config: RunConfig, refused: list[str]) -> LabSession:
    """Start the config of an address, or the nearest one that can start, and say what was wrong."""
    try:
        session = LabSession(config)
    except ValueError as error:
        no_file = config.dataset == "csv"
        moons = replace(config, dataset="moons")
        session = LabSession(moons if no_file else replace(config, loss="cross_entropy"))
        refused = [*refused, str(error)]
    session.messages = refused
    return session


def lab_session() -> LabSession:
    """Return this tab's session; the first time, it is made from the page's address."""
    if "lab" not in st.session_state:
        config, refused = RunConfig.from_url(st.query_params.to_dict())
        st.session_state["lab"] = first_session(config, refused)
    session = st.session_state["lab"]
    assert isinstance(session, LabSession)
    return session
