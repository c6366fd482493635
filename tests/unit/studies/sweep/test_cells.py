"""Sweeps: the grid and its order, pausing, executors that fail, and one table whatever the way."""

import itertools
import time
from collections.abc import Callable
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
)
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nndl_core.base.config import MAX_DEPTH, ConfigError, RunConfig
from nndl_core.engine.runner import Runner
from nndl_core.studies.sweep.cells import Cell, Sweep, SweepError, sweep
from nndl_core.studies.sweep.grid import (
    FEWEST_TOGETHER,
    MOST_TOGETHER,
    TASK_SECONDS,
    chunks,
    levels,
    points,
)
from nndl_core.studies.sweep.outcome_file import encode
from nndl_core.studies.sweep.tasks import MOST_TRIES

BASE = RunConfig(hidden=(3,), points=60, epochs=12)
AXES: dict[str, list[Any]] = {"depth": [0, 1, 2, 3, 4], "learning_rate": [0.01, 0.1, 1, 3, 10]}
SEEDS = 2


def contents(cells: list[Cell | None]) -> list[list[bytes]]:
    assert all(cell is not None for cell in cells)
    return [[encode(o) for o in cell.outcomes] for cell in cells if cell is not None]


@pytest.fixture(scope="module")
def straight() -> Sweep:
    done = Sweep(BASE, AXES, SEEDS)
    done.advance()
    return done


def test_every_cell_is_its_config_trained_alone(straight: Sweep) -> None:
    assert straight.shape == (5, 5)
    for at, cell in enumerate(straight.cells):
        assert cell is not None
        assert cell.index == (at // 5, at % 5)
        depth, rate = AXES["depth"][at // 5], AXES["learning_rate"][at % 5]
        assert cell.values == {"depth": depth, "learning_rate": rate}
        assert cell.config == replace(BASE, hidden=(3,) * depth, learning_rate=rate)
        for seed, outcome in enumerate(cell.outcomes):
            config = replace(cell.config, data_seed=seed, init_seed=seed)
            assert outcome.config == config
            runner = Runner.from_config(config)
            runner.advance(config.epochs)
            np.testing.assert_allclose(
                outcome.last.train_loss, runner.measure()[0].train_loss, rtol=1e-5
            )
        assert len(cell.outcomes) == SEEDS


def test_coarse_levels_come_first(straight: Sweep) -> None:
    order = [cell.index for cell in Sweep(BASE, AXES, SEEDS)]
    assert len(set(order)) == len(order) == 25
    for count, step in ((4, 4), (9, 2), (25, 1)):
        grid = {(i, j) for i in range(0, 5, step) for j in range(0, 5, step)}
        assert set(order[:count]) == grid


@given(st.integers(1, 300))
def test_the_positions_up_to_a_level_are_spread_evenly(count: int) -> None:
    found = levels(count)
    assert {0, count - 1} == {i for i, level in enumerate(found) if level == 0}
    for level in range(max(found) + 1):
        taken = [i for i, at in enumerate(found) if at <= level]
        assert len(taken) == min(count, 2**level + 1)
        gaps = np.diff(taken)
        assert gaps.size == 0 or gaps.max() - gaps.min() <= 1


@settings(max_examples=30)
@given(
    depths=st.lists(st.integers(0, MAX_DEPTH), min_size=1, max_size=4, unique=True),
    widths=st.lists(st.integers(1, 64), min_size=1, max_size=3, unique=True),
    seeds=st.integers(1, 25),
    epochs=st.sampled_from([1, 300, 20_000]),
)
def test_chunks_hold_every_run_once(
    depths: list[int], widths: list[int], seeds: int, epochs: int
) -> None:
    cells = points(replace(BASE, epochs=epochs), {"depth": depths, "width": widths}, seeds)
    cut = chunks(cells, seeds)
    runs = [(run.cell, run.seed) for chunk in cut for run in chunk]
    assert sorted(runs) == [(cell, seed) for cell in range(len(cells)) for seed in range(seeds)]
    for chunk in cut:
        kinds = {run.config.hidden for run in chunk}
        work = sum(run.work for run in chunk)
        assert work <= 1.5 * TASK_SECONDS or (
            len(kinds) == 1 and len(chunk) <= max(FEWEST_TOGETHER, 1.5 * seeds)
        )
        assert all(
            sum(run.config.hidden == kind for run in chunk) <= MOST_TOGETHER for kind in kinds
        )


def test_slices_and_pauses_change_nothing(straight: Sweep) -> None:
    sliced = Sweep(BASE, AXES, SEEDS)
    shares, found = [sliced.share], []
    while not sliced.finished:
        found += sliced.advance(0.0)
        shares.append(sliced.share)
    assert [cell.index for cell in found] == [c.index for c in Sweep(BASE, AXES, SEEDS)]
    assert sliced.advance() == []
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    np.testing.assert_array_less(-1e-12, np.diff(shares))
    paused = Sweep(BASE, AXES, SEEDS)
    found = [*itertools.islice(paused, 3), *paused]
    assert len({cell.index for cell in found}) == len(found) == 25
    assert contents(paused.cells) == contents(sliced.cells) == contents(straight.cells)


def test_a_slice_takes_about_the_time_it_is_given() -> None:
    long = Sweep(replace(BASE, epochs=100_000), AXES, SEEDS)
    start = time.perf_counter()
    assert long.advance(0.1) == []
    assert 0.1 <= time.perf_counter() - start < 2.0
    assert 0 < long.share < 0.5


def test_the_function_is_the_class(straight: Sweep) -> None:
    cells = sorted(sweep(BASE, AXES, SEEDS), key=lambda cell: cell.index)
    assert contents([*cells]) == contents(straight.cells)
    with pytest.raises(ConfigError, match="seeds"):
        sweep(BASE, AXES, 0)


def test_axes_are_settings_in_any_number() -> None:
    one = Sweep(BASE, {}, 3)
    assert (one.shape, [c.index for c in one.advance()]) == ((), [()])
    axes: dict[str, list[Any]] = {
        "activation": ["relu", "tanh"],
        "width": [2, 5],
        "epochs": [1, 2],
        "bias": [0],
    }
    many = Sweep(replace(BASE, hidden=(7, 4)), axes, 1)
    many.advance()
    assert many.shape == (2, 2, 2, 1)
    last = many.cells[-1]
    assert last is not None
    assert last.values == {"activation": "tanh", "width": 5, "epochs": 2, "bias": 0.0}
    assert last.config == replace(BASE, hidden=(5, 5), activation="tanh", epochs=2)
    assert last.outcomes[0].epochs == 2


@pytest.mark.parametrize(
    ("axes", "hidden"),
    [
        ({"depth": [2]}, (7, 7)),
        ({"width": [2]}, (2, 2)),
        ({"width": [3], "depth": [4]}, (3, 3, 3, 3)),
        ({"depth": [0], "width": [3]}, ()),
    ],
)
def test_depth_and_width_write_hidden(axes: dict[str, list[Any]], hidden: tuple[int, ...]) -> None:
    (cell,) = points(replace(BASE, hidden=(7, 4)), axes, 1)
    assert cell.config.hidden == hidden


MISTAKES: list[tuple[dict[str, Any], Any, str]] = [
    (
        {"depth": [99]},
        1,
        f"depth: 99 is not possible; allowed is a whole number from 0 to {MAX_DEPTH}.",
    ),
    (
        {"depth": [1.5]},
        1,
        f"depth: 1.5 is not possible; allowed is a whole number from 0 to {MAX_DEPTH}.",
    ),
    ({"width": [True]}, 1, "width: True is not possible; allowed is a whole number from 1 to 64."),
    ({"width": ["8"]}, 1, "width: '8' is not possible; allowed is a whole number from 1 to 64."),
    ({"width": [float("nan")]}, 1, "width: nan is not possible"),
    ({"noise": [0, 3]}, 1, "noise: 3 is out of range; allowed is from 0 to 2."),
    ({"noise": [0, "x"]}, 1, "noise: 'x' is not a number from 0 to 2."),
    ({"noise": []}, 1, "noise: [] is not a list of at least one value."),
    ({"noise": "0.1"}, 1, "noise: '0.1' is not a list of at least one value."),
    ({"noise": 0.1}, 1, "noise: 0.1 is not a list of at least one value."),
    ({"noise": [1, 1.0]}, 1, "noise: 1.0 is in the list twice; once is allowed."),
    ({"init": ["he"]}, 1, "init: 'he' is not known; choose one of zeros, "),
    ({"speed": [1]}, 1, "'speed' cannot be an axis; known are depth, width, dataset, "),
    ({"hidden": [[1]]}, 1, "hidden: this setting cannot be an axis; it is swept by the axes depth"),
    ({"data_seed": [1]}, 1, "data_seed: this setting cannot be an axis; the number of seeds"),
    ({"dataset": ["csv"]}, 1, "dataset: 'csv' cannot be swept; choose a data set of the lab."),
    ({"dataset": ["iris"]}, 1, "loss: 'bce' separates 2 classes and these data have 3"),
    ({"noise": [0.1]}, 0, "seeds: 0 is not a whole number from 1 to 200."),
    ({"noise": [0.1]}, 201, "seeds: 201 is not a whole number from 1 to 200."),
    ({"noise": [0.1]}, True, "seeds: True is not a whole number from 1 to 200."),
    ({"noise": [0.1]}, "4", "seeds: '4' is not a whole number from 1 to 200."),
    ({"bias": [i / 100 for i in range(501)]}, 200, "axes: 100,200 runs are too many; a sweep has"),
]


@pytest.mark.parametrize(("axes", "seeds", "sentence"), MISTAKES)
def test_a_mistake_is_one_sentence(axes: dict[str, Any], seeds: Any, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Sweep(BASE, axes, seeds)
    text = str(caught.value)
    assert text.startswith(sentence)
    assert text.endswith(".")
    assert "\n" not in text


@pytest.mark.parametrize("axis", ["depth", "width"])
def test_without_hidden_layers_depth_and_width_need_each_other(axis: str) -> None:
    with pytest.raises(ConfigError, match=f"{axis}: the base has hidden layers 'none'"):
        Sweep(replace(BASE, hidden=()), {axis: [2, 3]}, 1)
    assert Sweep(replace(BASE, hidden=()), {"depth": [2], "width": [3]}, 1).shape == (1, 1)


class Flaky(Executor):
    """Runs each task at once, and fails as its list of errors says, one for each task."""

    def __init__(self, errors: list[BaseException | None]) -> None:
        self.errors, self.tasks = errors, 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        error = self.errors[self.tasks] if self.tasks < len(self.errors) else None
        self.tasks += 1
        try:
            if error is not None:
                raise error
            future.set_result(fn(*args, **kwargs))
        except BaseException as raised:
            future.set_exception(raised)
        return future


def test_an_executor_gives_the_same_table(straight: Sweep) -> None:
    with ThreadPoolExecutor(2) as threads:
        shared = Sweep(BASE, AXES, SEEDS, executor=threads)
        assert len(list(shared)) == 25
    assert contents(shared.cells) == contents(straight.cells)


def test_what_a_worker_loses_is_trained_again(straight: Sweep) -> None:
    lost = [BrokenExecutor("dead"), None, CancelledError(), OSError("gone"), None]
    flaky = Flaky([*lost])
    found = Sweep(BASE, AXES, SEEDS, executor=flaky)
    order = [cell.index for cell in found]
    assert sorted(order) == [(i, j) for i in range(5) for j in range(5)]
    assert contents(found.cells) == contents(straight.cells)
    assert flaky.tasks == len(chunks(points(BASE, AXES, SEEDS), SEEDS)) + 3


def test_bytes_that_were_damaged_on_their_way_are_not_believed(straight: Sweep) -> None:
    class Damaging(Flaky):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future = super().submit(fn, *args, **kwargs)
            if self.tasks == 1:
                good = future.result()[0]
                future = Future()
                future.set_result([good[:-1] + bytes([good[-1] ^ 1])])
            return future

    found = Sweep(BASE, AXES, SEEDS, executor=Damaging([]))
    found.advance()
    assert contents(found.cells) == contents(straight.cells)


def test_a_chunk_that_is_always_lost_ends_with_a_sentence(tmp_path: Path) -> None:
    flaky = Flaky([OSError("the cable\nis out")] * 1000)
    found = Sweep(BASE, AXES, SEEDS, executor=flaky, cache=tmp_path)
    with pytest.raises(SweepError) as caught:
        found.advance()
    assert str(caught.value) == (
        f"A part of the sweep was lost by its worker {MOST_TRIES} times "
        "(OSError: the cable); what was finished is kept."
    )
    assert not found.finished


def test_a_worker_with_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Older(Flaky):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            with monkeypatch.context() as patch:
                patch.setattr("nndl_core.studies.sweep.tasks.ENGINE_VERSION", "older")
                return super().submit(fn, *args, **kwargs)

    older = Older([])
    with pytest.raises(SweepError, match="A worker has another version"):
        Sweep(BASE, AXES, SEEDS, executor=older).advance()
    assert older.tasks == len(chunks(points(BASE, AXES, SEEDS), SEEDS))


def test_a_shut_executor_is_refused() -> None:
    threads = ThreadPoolExecutor(1)
    threads.shutdown()
    with pytest.raises(SweepError, match=r"takes no more work \(RuntimeError: .*\); what was"):
        Sweep(BASE, AXES, SEEDS, executor=threads).advance()
