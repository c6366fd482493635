"""A run that is paused, saved, loaded or measured anywhere goes on as a straight one."""

from typing import Any, get_args

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nndl_core.base.config import ActivationName, OptimizerName, RunConfig
from nndl_core.engine.checkpoint import Checkpoint
from nndl_core.engine.runner import Runner

RUNS = st.fixed_dictionaries(
    {
        "optimizer": st.sampled_from(get_args(OptimizerName)),
        "activation": st.sampled_from(get_args(ActivationName)),
        "hidden": st.lists(st.integers(1, 9), max_size=3),
        "batch_size": st.sampled_from([0, 0, 5, 16, 31, 200]),
        "points": st.integers(20, 120),
        "dtype": st.sampled_from(["float32", "float64"]),
        "learning_rate": st.sampled_from([0.001, 0.1]),
        "weight_decay": st.sampled_from([0.0, 0.01]),
        "init_seed": st.integers(0, 99),
        "dataset": st.sampled_from(["moons", "xor"]),
        "loss": st.sampled_from(["bce", "mse", "cross_entropy"]),
    }
)
CHUNKS = st.lists(st.integers(1, 40), min_size=1, max_size=6)


def runner_of(values: dict[str, Any], epochs: int) -> Runner:
    return Runner.from_config(RunConfig.from_dict({**values, "epochs": epochs}))


def assert_same_end(first: Runner, second: Runner) -> None:
    assert first.epoch == second.epoch
    pairs = zip(first.model.parameters(), second.model.parameters(), strict=True)
    assert all(a.tolist() == b.tolist() for a, b in pairs)
    memory = (r.checkpoint() for r in (first, second))
    a, b = ({n: t.tolist() for n, t in c.tensors.items()} | {"steps": c.steps} for c in memory)
    assert a == b


@settings(max_examples=60)
@given(RUNS, CHUNKS, st.booleans(), st.booleans(), st.sampled_from([1, 7, 512]))
def test_any_pauses_give_a_straight_run_bit_for_bit(
    values: dict[str, Any], chunks: list[int], measured: bool, released: bool, block: int
) -> None:
    epochs = sum(chunks)
    straight, paused = runner_of(values, epochs), runner_of(values, epochs)
    straight.advance(epochs)
    assume(straight.diverged is None)
    assert straight.epoch == epochs
    paused.block_epochs = block
    for chunk in chunks:
        assert paused.advance(chunk) == chunk
        if measured:
            paused.measure()
        if released:
            paused.release()
    assert list(paused.records) == list(straight.records)
    assert_same_end(paused, straight)


@settings(max_examples=60)
@given(RUNS, st.integers(0, 30), st.integers(1, 30), st.integers(0, 12))
def test_saving_and_loading_in_the_middle_gives_a_straight_run(
    values: dict[str, Any], before: int, after: int, elsewhere: int
) -> None:
    """The runner that loads may be new, or in the middle of another run of its own."""
    epochs = before + after
    straight, saved, loaded = (runner_of(values, epochs) for _ in range(3))
    straight.advance(epochs)
    assume(straight.diverged is None)
    saved.advance(before)
    content = saved.checkpoint().to_bytes()
    loaded.advance(min(elsewhere, epochs))
    loaded.restore(Checkpoint.from_bytes(content))
    assert loaded.advance(epochs) == after
    assert list(loaded.records) == list(straight.records)[before:]
    assert_same_end(loaded, straight)


@settings(max_examples=30)
@given(RUNS, CHUNKS)
def test_the_best_epoch_is_the_first_of_the_best_whatever_the_chunks(
    values: dict[str, Any], chunks: list[int]
) -> None:
    runner = runner_of(values, sum(chunks))
    for chunk in chunks:
        runner.advance(chunk)
    assert runner.best is not None
    scores = runner.dev_scores
    assert (runner.best.epoch, runner.best.score) == (scores.index(max(scores)), max(scores))
