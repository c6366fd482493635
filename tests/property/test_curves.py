"""The increments of the curves put together are the curves, whatever was sent when."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nndl_core.base.config import RunConfig
from nndl_core.engine.runner import Runner
from nndl_core.engine.snapshot import CURVE_POINTS, Array, Curves, curves

NAMES = ("epoch", "train_loss", "dev_loss", "train_accuracy", "dev_accuracy")


def put_together(shown: dict[str, Array] | None, new: Curves) -> dict[str, Array]:
    """Do what the page does: keep the points before ``start``, then take the new ones."""
    rows = {name: getattr(new, name) for name in NAMES}
    if shown is None:
        assert new.start == 0
        return rows
    return {name: np.concatenate([shown[name][: new.start], rows[name]]) for name in NAMES}


@settings(max_examples=40)
@given(st.lists(st.integers(0, 350), min_size=1, max_size=12))
def test_increments_are_the_full_curves(chunks: list[int]) -> None:
    runner = Runner.from_config(RunConfig(points=20, hidden=(1,), epochs=5000))
    shown: dict[str, Array] | None = None
    sent: Curves | None = None
    for chunk in chunks:
        runner.advance(chunk)
        now = runner.measure()[0]
        new = curves(runner, now, sent)
        same_stride = sent is not None and sent.stride == new.stride
        shown = put_together(shown if same_stride else None, new)
        full = curves(runner, now, None)
        assert full.start == 0
        for name in NAMES:
            assert np.array_equal(shown[name], getattr(full, name))
        sent = new
    assert_full(runner, full)


def assert_full(runner: Runner, full: Curves) -> None:
    """Check the full curves against the records themselves."""
    count, now = len(runner.records), runner.measure()[0]
    assert full.stride in (1, 2, 4, 8, 16)
    assert len(full.epoch) <= CURVE_POINTS + 1
    assert count <= CURVE_POINTS * full.stride
    assert full.stride == 1 or count > CURVE_POINTS * full.stride // 2
    expected = [*runner.records[:: full.stride], now]
    for name in NAMES:
        values = np.array([getattr(record, name) for record in expected], dtype=np.float32)
        assert np.array_equal(getattr(full, name), values)
    assert full.epoch[-1] == runner.epoch
