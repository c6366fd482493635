"""One run that is drawn live: its runner, its config, and what the browser has of it."""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import Any

from nndl_core.base.config import KNOBS, RunConfig
from nndl_core.base.i18n import language, tr
from nndl_core.data.catalog import Dataset
from nndl_core.diagnosis.facts import Facts, Finding
from nndl_core.diagnosis.rules import diagnose
from nndl_core.engine.kernel import MAX_SLOTS
from nndl_core.engine.records import DataFacts
from nndl_core.engine.runner import Divergence, Runner
from nndl_core.engine.snapshot import Curves, Plane, Snapshot, curves, make_plane, take
from nndl_core.studies.seed_band import SeedBand
from pages.ui.live import frame
from pages.ui.live.component import live_text
from pages.ui.live.ranges import Ranges, seen_in, seen_in_band, union
from pages.ui.server.shares import FEW, SHARES

PANELS = ("loss", "accuracy", "boundary", "gradients", "activations", "units")
"""Every chart that can be drawn, in the order of the lab."""
LIVE_SETTINGS = {"learning_rate", "epochs"}
"""Settings that a run takes over while it goes on; every other change starts it anew."""
OVERLAP = 4
"""So many frames may be lost before the browser lacks curve points."""

SHORT_BLOCK = 128
"""So many epochs a crowd of tabs computes at once: a quarter of the memory, 1.05 times the time."""

_run_ids = count(1)
Diagnosed = tuple[int, int | None, DataFacts | None, RunConfig]
"""What a diagnosis depends on: epochs, divergence, settings."""


class LiveRun:
    """A run and its frames; a frame carries only what the browser lacks.

    Raises ValueError with one sentence if the config cannot be built.
    """

    def __init__(self, config: RunConfig, data: Dataset | None = None, name: str = "") -> None:
        self.name = name
        self.panels: tuple[str, ...] = PANELS
        self.serial = 0
        self.seeds = 0
        self.start(config, data)

    def start(self, config: RunConfig, data: Dataset | None = None) -> None:
        """Start the run of a config from its seeds; raise ValueError if it cannot be built."""
        self.adopt(Runner.from_config(config, data), config)

    def adopt(self, runner: Runner, config: RunConfig) -> None:
        """Draw this runner from now on."""
        assert runner.dataset is not None
        self.runner, self.config = runner, config
        self.is_repeatable = runner.epoch == 0  # by a program that begins with the seeds
        self.dataset: Dataset = runner.dataset
        self.plane: Plane = make_plane(self.dataset)
        self.sent: deque[Curves] = deque(maxlen=OVERLAP)
        self.language, self._words_due = language(), 0
        self.run_id = next(_run_ids)
        self.ranges: Ranges = {}
        self._measured: tuple[tuple[int, bool], Snapshot] | None = None
        self._diagnosed: tuple[Diagnosed, list[Finding]] | None = None
        self._start_band()

    def set_seeds(self, seeds: int) -> None:
        """Draw a band of this many further weight seeds; 0 draws none."""
        if seeds != self.seeds:
            self.seeds = seeds
            self._start_band()

    def _start_band(self) -> None:
        data = self.dataset
        self.band = SeedBand(self.config, self.seeds, data) if self.seeds else None
        self._band_due = OVERLAP

    @property
    def banding(self) -> bool:
        """Whether seeds of the band are still to be trained."""
        return self.band is not None and not self.band.finished

    def advance_band(self, seconds: float) -> None:
        """Train seeds of the band for about this long."""
        if self.band is not None and self.banding:
            before = self.band.band
            self.band.advance(seconds)
            if self.band.band is not before:
                self._band_due = OVERLAP

    def take_over(self, config: RunConfig) -> None:
        """Go on with another learning rate or number of epochs."""
        if self.runner.epoch and config.learning_rate != self.config.learning_rate:
            self.is_repeatable = False
        self.runner.optimizer.learning_rate = config.learning_rate
        self.runner.num_epochs = config.epochs
        self.runner.config = self.config = config
        self._start_band()

    def show(self, panels: tuple[str, ...]) -> None:
        """Choose the charts that are drawn."""
        if panels != self.panels:
            self.panels = panels
            self.ask_full()

    def ask_full(self) -> None:
        """Send everything with the next frame: the browser lacks what it builds on."""
        self.sent.clear()

    def status(self, playing: bool) -> str:
        """Return one of ready, playing, paused, finished, diverged."""
        if self.runner.diverged is not None:
            return "diverged"
        if self.runner.finished:
            return "finished"
        if playing:
            return "playing"
        return "paused" if self.runner.epoch else "ready"

    @property
    def message(self) -> str:
        """One sentence on why the run diverged; empty when it did not."""
        return divergence_sentence(self.runner.diverged)

    def measure(self) -> Snapshot:
        """Measure the run; what has not moved on since is not measured again."""
        state = (self.runner.epoch, self.runner.finished)
        if self._measured is None or self._measured[0] != state:
            self._measured = (state, take(self.runner, self.plane))
        return self._measured[1]

    def diagnosis(self) -> tuple[list[Finding], Facts]:
        """Diagnose the run; what has not moved on since is not diagnosed again."""
        records = self.runner.records
        state = (len(records), records.diverged_at, records.data, self.config)
        if self._diagnosed is None or self._diagnosed[0] != state:
            self._diagnosed = (state, diagnose(self.config, records))
        # read anew: of a long run they are as large as a fifth of its records
        return self._diagnosed[1], Facts.of(self.config, records)

    def measure_ranges(self) -> Ranges:
        """Return what the axes of the charts must hold, since the run began."""
        snapshot = self.measure()
        part = curves(self.runner, snapshot.record, self._base())
        self.ranges = union([self.ranges, seen_in(snapshot, part)])
        in_band = [] if self.band is None else [seen_in_band(self.band.band)]
        return union([self.ranges, *in_band]) | {"activations": snapshot.histogram_range}

    def _base(self) -> Curves | None:
        """The frame that the next one builds on; None while there is none old enough.

        Of frames that follow each other closely the browser may see only the last.
        """
        return self.sent[0] if len(self.sent) == OVERLAP else None

    def frame(self, playing: bool, more: dict[str, Any]) -> bytes:
        """Measure the run and pack what the browser does not have yet, with more header fields."""
        if self.language != (now := language()):
            self.language, self._words_due = now, OVERLAP
        snapshot = self.measure()
        part = curves(self.runner, snapshot.record, self._base())
        header, arrays = frame.contents(snapshot, self.plane, part)
        full = not self.sent
        if full:
            more_header, more_arrays = frame.still_contents(self.plane, self.dataset.classes)
            header |= more_header | {"panels": self.panels}
            arrays |= more_arrays
        if full or self._words_due:  # of a new language, too, they come in several frames
            header |= {"text": live_text(), "name": tr(self.name)}
            self._words_due = max(0, self._words_due - 1)
        if full or self._band_due:  # a band comes in several frames, for some may be lost
            arrays |= frame.band_arrays(self.band)
            self._band_due = max(0, self._band_due - 1)
        self.sent.append(part)
        self.serial += 1
        crowded = SHARES.count() > FEW
        self.runner.block_epochs = SHORT_BLOCK if crowded else MAX_SLOTS
        if not playing or self.runner.finished or crowded:
            self.runner.release()
        header |= {"full": full, **self._figures(snapshot, playing), **more}
        return frame.encode(header, frame.shown(arrays, self.panels))

    def _figures(self, snapshot: Snapshot, playing: bool) -> dict[str, Any]:
        runner = self.runner
        speed = runner.epoch / runner.seconds if runner.seconds else None
        return {
            "run": str(self.run_id),
            "serial": self.serial,
            "epochs": runner.num_epochs,
            "status": self.status(playing),
            "message": self.message,
            "merit": frame.merit(snapshot.record, speed, snapshot.test),
            "band": frame.band_header(self.band),
        }


def restarts(before: RunConfig, after: RunConfig) -> bool:
    """Return whether a run of one config must start anew to become one of the other."""
    changed = {n for n in KNOBS if getattr(before, n) != getattr(after, n)}
    return bool(changed - LIVE_SETTINGS)


def divergence_sentence(diverged: Divergence | None) -> str:
    """Say at which epoch training left the finite numbers, and the probable reason."""
    if diverged is None:
        return ""
    return tr(
        "Diverged at epoch {epoch}: the loss is no longer a finite number. The last finite "
        "update changed {layer} by {update_ratio:.3g} times the size of its weights; the "
        "learning rate {learning_rate:g} is probably too large. The charts show the last "
        "finite state.",
        epoch=diverged.epoch,
        layer=diverged.layer,
        update_ratio=diverged.update_ratio,
        learning_rate=diverged.learning_rate,
    )
