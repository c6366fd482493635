"""Properties of outcomes as bytes: every bit comes back, and no damage goes unnoticed."""

from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nndl_core.base.config import RunConfig
from nndl_core.engine.batch import Outcome
from nndl_core.engine.records import SCALARS, EpochRecord, LayerStats
from nndl_core.studies.sweep.outcome_file import OutcomeError, decode, encode

DOUBLES, COUNTS = st.floats(), st.integers(0, 64)
SINGLES = st.floats(width=32)
SCORES = st.tuples(DOUBLES, DOUBLES)
STATS = st.builds(
    LayerStats,
    **dict.fromkeys(("weight_grad_norm", "bias_grad_norm", "weight_norm"), DOUBLES),
    **dict.fromkeys(("update_ratio", "changed_share", "saturated_share"), DOUBLES),
    **dict.fromkeys(("activation_mean", "activation_std", "example_std"), DOUBLES),
    **dict.fromkeys(("dead_units", "distinct_units", "units"), COUNTS),
)
CONFIGS = st.builds(
    RunConfig,
    bias=st.floats(-10, 10),
    hidden=st.lists(st.integers(1, 64), max_size=12).map(tuple),
    epochs=st.integers(1, 100_000),
)


@st.composite
def outcomes(draw: st.DrawFn) -> Outcome:
    layers = draw(st.integers(1, 4))
    record = st.builds(
        EpochRecord,
        epoch=st.integers(0, 100_000),
        **dict.fromkeys(SCALARS, DOUBLES),
        layers=st.tuples(*[STATS] * layers),
    )
    curve = arrays.arrays(np.float32, st.integers(0, 5), elements=SINGLES)
    return Outcome(
        config=draw(CONFIGS),
        first=draw(record),
        last=draw(record),
        epochs=draw(st.integers(0, 100_000)),
        best_epoch=draw(st.integers(0, 100_000)),
        dev_best=draw(DOUBLES),
        test_last=draw(SCORES),
        test_best=draw(SCORES),
        diverged_at=draw(st.none() | st.integers(0, 100_000)),
        movement=draw(arrays.arrays(np.float64, (layers, 2), elements=DOUBLES)),
        curves={name: draw(curve) for name in ("epoch", *SCALARS)},
    )


def bits(value: Any) -> Any:
    """Turn every number into its type and its bytes, so that NaN and -0.0 are told apart."""
    if isinstance(value, dict):
        return [(name, bits(item)) for name, item in value.items()]
    if isinstance(value, list | tuple):
        return [bits(item) for item in value]
    if isinstance(value, np.ndarray):
        return (str(value.dtype), value.shape, value.tobytes())
    return (type(value), np.float64(value).tobytes() if isinstance(value, float) else value)


@settings(max_examples=40)
@given(outcomes())
def test_every_bit_comes_back(outcome: Outcome) -> None:
    found = decode(encode(outcome), outcome.config)
    assert found.config == outcome.config
    assert bits(astuple(found)) == bits(astuple(outcome))


@settings(max_examples=40)
@given(outcomes(), st.data())
def test_no_damage_goes_unnoticed(outcome: Outcome, data: st.DataObject) -> None:
    good = encode(outcome)
    at = data.draw(st.integers(0, len(good) - 1))
    flip = data.draw(st.integers(1, 255))
    for bad in (
        good[:at],
        good[:at] + bytes([good[at] ^ flip]) + good[at + 1 :],
        good + b"\0" * (1 + at),
        good[at:],
    ):
        if bad != good:
            with pytest.raises(OutcomeError):
                decode(bad, outcome.config)


@settings(max_examples=20)
@given(outcomes(), CONFIGS)
def test_an_outcome_belongs_to_its_config(outcome: Outcome, other: RunConfig) -> None:
    if other != outcome.config:
        with pytest.raises(OutcomeError, match="not the outcome of this configuration"):
            decode(encode(outcome), other)
