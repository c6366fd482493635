"""A study: the arms of a claim trained over many seeds, every measure with its error."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Literal

from nndl_core.base.config import ConfigError, RunConfig
from nndl_core.base.i18n import tr
from nndl_core.engine.ensemble import Ensemble, Outcome

MAX_SEEDS = 200
CONFIDENCE_T = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}
"""Student's t for a two-sided interval of 95 %, by number of values."""

Arms = dict[str, RunConfig]
Outcomes = Mapping[str, Outcome]
Fields = tuple[tuple[str, object], ...]
"""What fills the {fields} of a text, as pairs."""
Relation = Literal["above", "below", "within", "equals"]
State = Literal["met", "refuted", "open"]
Verdict = Literal["holds", "conditional", "false", "undecided"]


@dataclass(frozen=True)
class Measure:
    """One number of each seed, computed from the outcomes of all arms.

    geometric: the mean is taken of the logarithm, as it should be for norms and ratios.
    paired: it is the difference between two arms of one seed.
    share: it lies from 0 to 1, and so does the interval around its mean.
    """

    name: str
    text: str
    value: Callable[[Outcomes], float] | None = None
    unit: str = ""
    geometric: bool = False
    paired: bool = False
    fields: Fields = ()
    share: bool = False

    @property
    def words(self) -> str:
        """The text in the reader's language."""
        return tr(self.text, **_said(self.fields))


def _said(fields: Fields) -> dict[str, object]:
    """Translate the names of arms that stand in a text; numbers stay as they are."""
    return {name: tr(value) if isinstance(value, str) else value for name, value in fields}


@dataclass(frozen=True)
class Estimate:
    """A measure over n seeds: mean, standard error and interval of 95 % around the mean.

    Of a geometric measure mean, low and high are values; the standard error is in decades.
    """

    n: int
    mean: float
    standard_error: float
    low: float
    high: float
    values: tuple[float, ...]


@dataclass(frozen=True)
class Condition:
    """What a claim states about a measure, in words and as a relation to a limit.

    within: the distance from ``target`` is at most the limit; equals: every value is the limit.
    """

    text: str
    measure: str
    relation: Relation
    limit: float
    target: float = 0.0
    fields: Fields = ()

    @property
    def words(self) -> str:
        """The text in the reader's language."""
        return tr(self.text, **_said(self.fields))

    def state(self, found: Estimate) -> State:
        """Tell whether the interval lies on one side of the limit."""
        if self.relation == "equals":
            return _state(all(v == self.limit for v in found.values), found.n > 0)
        if self.relation == "within":
            low, high = self.target - self.limit, self.target + self.limit
            outside = found.high < low or found.low > high
            return _state(low <= found.low and found.high <= high, outside)
        above, below = found.low > self.limit, found.high < self.limit
        return _state(above, below) if self.relation == "above" else _state(below, above)


def _state(met: bool, refuted: bool) -> State:
    return "met" if met else "refuted" if refuted else "open"


@dataclass(frozen=True)
class Claim:
    """A statement of the chapter (or of ours) that can be tested by training.

    Seed s of every arm has the data and the weights of seed s, but for the fields in ``fixed``.
    trial, where it is given, measures one seed by other means than training an ensemble.
    """

    name: str
    topic: str
    experiment: str
    text: str
    arms: Arms
    measures: tuple[Measure, ...]
    conditions: tuple[Condition, ...]
    verdict: Verdict
    truth: str
    seeds: int = 20
    fixed: tuple[str, ...] = ()
    trial: Callable[[Arms], dict[str, float]] | None = None


def seeded(claim: Claim, seed: int) -> Arms:
    """Return the arms of a claim at one seed."""
    return {name: _at_seed(config, seed, claim.fixed) for name, config in claim.arms.items()}


def _at_seed(config: RunConfig, seed: int, fixed: tuple[str, ...]) -> RunConfig:
    data_seed = config.data_seed if "data_seed" in fixed else seed
    init_seed = config.init_seed if "init_seed" in fixed else seed
    return replace(config, data_seed=data_seed, init_seed=init_seed)


class Study:
    """Trains a claim's arms over seeds 0 to n - 1 in slices of time, paired seed by seed."""

    def __init__(self, claim: Claim, seeds: int) -> None:
        if not 1 <= seeds <= MAX_SEEDS:
            raise ConfigError(
                tr(
                    "seeds: {seeds} is out of range; allowed is from 1 to {max_seeds}.",
                    seeds=seeds,
                    max_seeds=MAX_SEEDS,
                )
            )
        self.claim, self.seeds = claim, seeds
        self.values: dict[str, list[float]] = {m.name: [] for m in claim.measures}
        self.seconds = 0.0
        self.outcomes: list[Outcomes] = []
        self._arms = [seeded(claim, seed) for seed in range(seeds)]
        configs = [config for arms in self._arms for config in arms.values()]
        self._ensemble = None if claim.trial else Ensemble(configs)
        self._next = 0
        self._lock = Lock()

    @property
    def share(self) -> float:
        """How much of the training is done, from 0 to 1."""
        return self._ensemble.share if self._ensemble else self._next / self.seeds

    @property
    def done(self) -> int:
        """How many seeds have been measured."""
        return self._next

    @property
    def finished(self) -> bool:
        """Whether every seed has been measured."""
        return self._next == self.seeds

    def advance(self, seconds: float = math.inf) -> int:
        """Train for about this long; return how many seeds were measured anew."""
        start, before = time.perf_counter(), self._next
        if self._ensemble is not None:
            self._ensemble.advance(seconds)
            with self._lock:  # two threads would measure a seed twice
                self._collect()
        while self._ensemble is None and not self.finished:
            self._try(self._arms[self._next])
            if time.perf_counter() - start >= seconds:
                break
        self.seconds += time.perf_counter() - start
        return self._next - before

    def _try(self, arms: Arms) -> None:
        assert self.claim.trial is not None
        measured = self.claim.trial(arms)
        for name, values in self.values.items():
            values.append(measured[name])
        self._next += 1

    def _collect(self) -> None:
        """Measure the seeds, in their order, of which every arm has been trained."""
        assert self._ensemble is not None
        width = len(self.claim.arms)
        while self._next < self.seeds:
            at = self._next * width
            found = self._ensemble.outcomes[at : at + width]
            if any(outcome is None for outcome in found):
                return
            done = [outcome for outcome in found if outcome is not None]
            by_arm = dict(zip(self.claim.arms, done, strict=True))
            self.outcomes.append(by_arm)
            for measure in self.claim.measures:
                assert measure.value is not None
                self.values[measure.name].append(measure.value(by_arm))
            self._next += 1

    def estimates(self) -> dict[str, Estimate]:
        """Return every measure over the seeds so far; nothing before the first."""
        if self._next == 0:
            return {}
        return {
            m.name: estimate(self.values[m.name], geometric=m.geometric, share=m.share)
            for m in self.claim.measures
        }

    def states(self) -> list[tuple[Condition, State]]:
        """Return each condition of the claim with what the seeds so far say of it."""
        found = self.estimates()
        return [(c, c.state(found[c.measure]) if found else "open") for c in self.claim.conditions]

    def verdict(self) -> Verdict:
        """Judge the claim: all conditions met, some, or none; undecided while one is open."""
        states = {state for _, state in self.states()}
        if "open" in states:
            return "undecided"
        return "conditional" if len(states) == 2 else "holds" if states == {"met"} else "false"

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per seed with every measure, for a table."""
        return [
            {"seed": seed, **{name: values[seed] for name, values in self.values.items()}}
            for seed in range(self._next)
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return claim, verdict, figures and config pair as plain JSON values."""
        found = self.estimates()
        return {
            "claim": self.claim.name,
            "experiment": self.claim.experiment,
            "text": tr(self.claim.text),
            "verdict": self.verdict(),
            "seeds": self._next,
            "seconds": round(self.seconds, 3),
            "conditions": [
                {"text": c.words, "measure": c.measure, c.relation: c.limit, "state": state}
                for c, state in self.states()
            ],
            "figures": {m.name: _figure(m, found[m.name]) for m in self.claim.measures},
            "configs": {name: dict(vars(c)) for name, c in self.claim.arms.items()},
        }


def _figure(measure: Measure, found: Estimate) -> dict[str, Any]:
    figure: dict[str, Any] = {"text": measure.words, "n": found.n, "unit": measure.unit}
    for name in ("mean", "standard_error", "low", "high"):
        value = getattr(found, name)
        figure[name] = value if math.isfinite(value) else None
    if measure.geometric:
        figure["scale"] = tr("geometric mean; the standard error is in decades")
    return figure


def estimate(values: list[float], *, geometric: bool = False, share: bool = False) -> Estimate:
    """Estimate the mean of values with its standard error and Student's 95 % interval.

    The mean of shares lies from 0 to 1, so their interval is cut there: it covers as often.
    """
    scaled = [_log10(v) for v in values] if geometric else values
    n = len(scaled)
    mean = math.fsum(scaled) / n
    if not math.isfinite(mean):
        error = half = math.nan
    elif n == 1:
        error, half = math.nan, math.inf
    else:
        error = math.sqrt(math.fsum((v - mean) ** 2 for v in scaled) / (n - 1) / n)
        half = student_t(n) * error
    low, high = mean - half, mean + half
    if geometric:
        mean, low, high = 10**mean, 10**low, 10 ** min(high, 308.0)
    if share:
        low, high = max(low, 0.0), min(high, 1.0)
    return Estimate(n, mean, error, low, high, tuple(values))


def student_t(n: int) -> float:
    """Return Student's t of a two-sided 95 % interval for n values (table, then its expansion)."""
    return CONFIDENCE_T.get(n) or 1.96 + 2.372 / (n - 1) + 2.82 / (n - 1) ** 2


def _log10(value: float) -> float:
    return math.log10(value) if value > 0 else -math.inf if value == 0 else math.nan
