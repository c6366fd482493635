"""What one browser tab holds of the lab: its run, whether it plays, and what the controls want."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from nndl_core.base.config import KNOBS, RunConfig
from nndl_core.data.catalog import Dataset
from nndl_core.data.table.reading import Table
from nndl_core.engine.checkpoint import Checkpoint
from nndl_core.engine.runner import Runner
from pages.ui.link import address
from pages.ui.live.player import Player
from pages.ui.live.run import LiveRun, restarts
from pages.ui.live.uploaded import Uploaded


class LabSession(Player):
    """A run and its controls; all work happens inside the calls of the page that owns it."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.uploaded: Uploaded | None = None
        self.upload: Table | None = None
        self.picking = False  # whether the dialog that chooses its columns is open
        self.by_autograd = False
        self.wanted: RunConfig | None = None  # what the controls shall show next
        self.new_upload = False
        self.run = LiveRun(config)

    @property
    def runner(self) -> Runner:
        """The runner of the run on screen."""
        return self.run.runner

    @property
    def config(self) -> RunConfig:
        """The settings of the run on screen."""
        return self.run.config

    @property
    def dataset(self) -> Dataset:
        """The data of the run on screen."""
        return self.run.dataset

    @property
    def run_id(self) -> int:
        """A number that changes with every start."""
        return self.run.run_id

    @property
    def status(self) -> str:
        """One of ready, playing, paused, finished, diverged."""
        return self.run.status(self.playing)

    @property
    def epochs(self) -> int:
        """The epochs of the whole run."""
        return self.runner.num_epochs

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or the run has diverged."""
        return self.runner.finished

    def start_again(self) -> None:
        """Go back to the first weights: the same seeds give the same weights."""
        self.restart(self.config)

    def restart(self, config: RunConfig) -> None:
        """Start the run of a config from its seeds; raise ValueError if it cannot be built."""
        self.run.start(config, self.data_of(config))
        self.runner.by_autograd = self.by_autograd

    def data_of(self, config: RunConfig) -> Dataset | None:
        """Return the uploaded table as a config wants it; None where the config makes its data.

        Raises ValueError with one sentence for a table that cannot be used so.
        """
        if config.dataset != "csv" or self.upload is None:
            return None
        return self.upload.dataset(config.data_seed, config.scale)

    def advance(self, epochs: int, seconds: float) -> None:
        """Train this many epochs, or what the time holds."""
        self.runner.advance(epochs, seconds)

    def set_seeds(self, seeds: int) -> None:
        """Draw a band of this many further seeds around the run; 0 draws none."""
        self.run.set_seeds(seeds)

    @property
    def banding(self) -> bool:
        """Whether seeds of the band are still to be trained."""
        return self.run.banding

    def advance_bands(self, seconds: float) -> None:
        """Train seeds of the band for about this long."""
        self.run.advance_band(seconds)

    def apply(self, config: RunConfig) -> None:
        """Take over changed settings: live where that is possible, else by starting anew."""
        if config.dataset == "csv" and self.upload is None:  # the run goes on until a file is there
            config = replace(config, dataset=self.config.dataset)
        if restarts(self.config, config) or self.new_upload:
            self.new_upload = False
            self._try_restart(config)
        elif config != self.config:
            self.run.take_over(config)

    def _try_restart(self, config: RunConfig) -> None:
        try:
            self.restart(config)
        except ValueError as error:
            self.messages.append(str(error))

    def new_weights(self) -> None:
        """Ask for the next weight seed."""
        high = KNOBS["init_seed"].high
        assert high is not None
        self.wanted = replace(self.config, init_seed=(self.config.init_seed + 1) % int(high + 1))

    def load(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint with its config; raise ValueError if it is foreign."""
        config = checkpoint.config or self.config
        runner = Runner.from_config(config, self.data_of(config))
        runner.restore(checkpoint)
        runner.by_autograd = self.by_autograd
        self.playing = False
        self.run.adopt(runner, config)
        self.run.is_repeatable = False  # even at epoch 0 the weights may not be the seed's
        self.wanted = config

    def ask_full(self) -> None:
        """Send everything with the next frame: the browser lacks what it builds on."""
        self.run.ask_full()

    def frame(self) -> bytes:
        """Measure the run and pack what the browser does not have yet."""
        return self.run.frame(self.playing, {"ended": self.ended})


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
        config, refused = RunConfig.from_url(address.own())
        st.session_state["lab"] = first_session(config, refused)
    session = st.session_state["lab"]
    assert isinstance(session, LabSession)
    return session
