"""The gallery: one run for each disease, runs that look alarming and are fine, and one riddle."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import mark
from nndl_core.diagnosis.facts import Disease, Facts, Finding
from nndl_core.diagnosis.remedies import Remedy, remedies_for, tempting_fix
from nndl_core.diagnosis.rules import diagnose
from nndl_core.diagnosis.words import verdict
from nndl_core.engine.runner import Runner

MOONS = RunConfig(
    noise=0.2, hidden=(16, 16), activation="relu", init="he_normal", optimizer="sgd",
    learning_rate=0.1, batch_size=64, epochs=120,
)  # fmt: skip
CIRCLES = RunConfig(
    dataset="circles", noise=0.1, hidden=(16, 16), activation="tanh", init="xavier_normal",
    optimizer="sgd", learning_rate=0.1, batch_size=64, epochs=120,
)  # fmt: skip


@dataclass(frozen=True)
class Exhibit:
    """A run of the gallery: what it must be diagnosed with, and what to look at."""

    name: str
    title: str
    shows: Disease
    look: str
    config: RunConfig


def _exhibit(
    name: str, title: str, shows: Disease, look: str, base: RunConfig, **settings: object
) -> Exhibit:
    config = RunConfig.from_dict({**vars(base), **settings})
    return Exhibit(name, title, shows, look, config)


EXHIBITS: tuple[Exhibit, ...] = (
    _exhibit(
        "symmetric", mark("All weights equal"), "symmetric_weights",
        mark("Sixteen units, one of them sixteen times: a ring cannot be cut out with one line."),
        CIRCLES, hidden=(16,), init="constant", init_scale=0.5, optimizer="adam",
        learning_rate=0.01,
    ),
    _exhibit(
        "vanishing", mark("Six layers of sigmoid, small weights"), "vanishing_gradient",
        mark("Every layer keeps a tenth of the difference between two points. Six keep nothing."),
        MOONS, hidden=(16,) * 6, activation="sigmoid", init="normal", init_scale=0.1, epochs=150,
    ),
    _exhibit(
        "exploding", mark("Weights of size 1 in eight layers"), "exploding_gradient",
        mark("Each layer of 32 units multiplies the signal by four."),
        MOONS, hidden=(32,) * 8, init="normal", init_scale=1.0, epochs=60,
    ),
    _exhibit(
        "dying", mark("ReLU with bias -4"), "dying_relu",
        mark("Every unit is silent on every point. The loss still falls a little: the last bias "
"moves."),
        CIRCLES, activation="relu", init="he_normal", bias=-4.0,
    ),
    _exhibit(
        "saturated", mark("tanh with weights of size 8"), "saturation",
        mark("Outputs are +1 or -1 almost everywhere, where tanh is flat."),
        CIRCLES, hidden=(16, 16, 16), init="normal", init_scale=8.0, learning_rate=0.05,
    ),
    _exhibit(
        "slow", mark("Learning rate 0.0001"), "slow_convergence",
        mark("Everything is right but the length of the steps."),
        MOONS, learning_rate=0.0001, epochs=100,
    ),
    _exhibit(
        "oscillating", mark("Momentum 0.95 and long steps"), "oscillating_loss",
        mark("The loss has been low more than once and never stays there."),
        MOONS, dataset="xor", noise=0.3, activation="tanh", init="xavier_normal",
        optimizer="momentum", momentum=0.95, learning_rate=0.8, batch_size=8, epochs=80,
    ),
    _exhibit(
        "overfitted", mark("51 points and 4400 parameters"), "overfitting",
        mark("The training loss goes to 0, the dev loss turns and rises."),
        MOONS, points=80, noise=0.35, hidden=(64, 64), optimizer="adam", learning_rate=0.01,
        batch_size=16, epochs=300,
    ),
    _exhibit(
        "half-dead", mark("Half of the units dead"), "healthy",
        mark("Bias -1 silences many units of fc1. Those that live are enough."),
        MOONS, hidden=(32, 32), bias=-1.0, optimizer="adam", learning_rate=0.01, epochs=150,
    ),
    _exhibit(
        "deep-sigmoid", mark("Sigmoid in four layers with adam"), "healthy",
        mark("At the start the first gradient is a hundredth of the last, yet adam steps alike."),
        MOONS, hidden=(16,) * 4, activation="sigmoid", init="xavier_normal", optimizer="adam",
        learning_rate=0.02, batch_size=32, epochs=150,
    ),
    _exhibit(
        "plateau", mark("A plateau at ln 2"), "healthy",
        mark("At first nothing seems to happen. Then the units part, and the four corners appear."),
        MOONS, dataset="xor", noise=0.1, hidden=(6,), activation="sigmoid", init="normal",
        init_scale=0.3, learning_rate=1.0, batch_size=0, epochs=3000,
    ),
    _exhibit(
        "wiggle", mark("Batches of eight"), "healthy",
        mark("The loss trembles because eight points are few. It converges all the same."),
        MOONS, batch_size=8, epochs=100,
    ),
    _exhibit(
        "noise-limit", mark("Stuck at 80 %"), "healthy",
        mark("The moons overlap: no network does better than the noise lets it."),
        MOONS, noise=0.5, optimizer="adam", learning_rate=0.003, epochs=100,
    ),
    _exhibit(
        "wide-sigmoid", mark("Sigmoid with weights of size 2"), "healthy",
        mark("A part of the outputs is flat from the start, the rest carries the gradient."),
        CIRCLES, activation="sigmoid", init="normal", init_scale=2.0, optimizer="adam",
        learning_rate=0.01, epochs=150,
    ),
    _exhibit(
        "reckless", mark("Learning rate 0.5 with momentum"), "healthy",
        mark("It looks reckless and ends at the top."),
        CIRCLES, optimizer="momentum", learning_rate=0.5, batch_size=32, epochs=100,
    ),
    _exhibit(
        "no-answer", mark("Labels by the toss of a coin"), "none_of_these",
        mark("The signal passes, the units live, the steps are right. There is nothing to learn."),
        MOONS, label_noise=0.5, hidden=(4,), activation="tanh", init="xavier_normal",
        optimizer="adam", learning_rate=0.01, epochs=60,
    ),
)  # fmt: skip


@dataclass
class ExhibitRun:
    """A run of an exhibit: its runner, and the test accuracy that it ends with."""

    runner: Runner
    change: Remedy | None = None
    accuracy: float = field(default=float("nan"))

    def advance(self, seconds: float) -> bool:
        """Train for about this long; return whether the run is over."""
        self.runner.advance(self.runner.num_epochs, seconds)
        if self.runner.finished:
            assert self.runner.dataset is not None
            self.accuracy = self.runner.evaluate(self.runner.dataset.test)[0]
        return self.runner.finished


class Visit:
    """An exhibit while it trains: the run itself, then its first remedy, then the tempting fix."""

    def __init__(self, exhibit: Exhibit) -> None:
        self.exhibit = exhibit
        self.sick = ExhibitRun(Runner.from_config(exhibit.config))
        self.cure: ExhibitRun | None = None
        self.tempting: ExhibitRun | None = None
        self.finished = False

    @property
    def config(self) -> RunConfig:
        """The settings of the exhibit."""
        return self.exhibit.config

    def findings(self) -> list[Finding]:
        """Return the diagnosis of the run so far."""
        return diagnose(self.config, self.sick.runner.records)

    def words(self) -> str:
        """Say what the run shows so far."""
        found = self.findings()
        facts = Facts.of(self.config, self.sick.runner.records)
        return verdict(facts, found) if found else ""

    def advance(self, seconds: float) -> None:
        """Train for about this long what is next of the runs."""
        start = time.perf_counter()
        while not self.finished:
            left = seconds - (time.perf_counter() - start)
            if left <= 0:
                return
            run = self._next()
            if run is None:
                self.finished = True
            elif not run.advance(left):
                return

    def _next(self) -> ExhibitRun | None:
        if not self.sick.runner.finished:
            return self.sick
        if self.cure is None and self.tempting is None:
            self._choose()
        for run in (self.cure, self.tempting):
            if run is not None and not run.runner.finished:
                return run
        return None

    def _choose(self) -> None:
        first = self.findings()[0]
        remedies = remedies_for(self.config, first)
        tempting = tempting_fix(self.config, first)
        if remedies:
            self.cure = _tried(self.config, remedies[0])
        if tempting is not None and tempting.applied(self.config) != self.config:
            self.tempting = _tried(self.config, tempting)


def _tried(config: RunConfig, remedy: Remedy) -> ExhibitRun:
    return ExhibitRun(Runner.from_config(remedy.applied(config)), remedy)
