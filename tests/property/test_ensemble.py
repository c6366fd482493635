"""Properties of the ensemble: any mixture of runs gives what each run gives alone."""

import platform
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nndl_core.base.config import RunConfig
from nndl_core.engine.ensemble import Ensemble, Outcome
from nndl_core.engine.records import SCALARS
from nndl_core.engine.runner import Runner

EXACT = platform.machine() in ("x86_64", "AMD64")

SHAPES = st.sampled_from([(), (1,), (5,), (4, 3)])
ARMS = st.builds(
    RunConfig,
    points=st.sampled_from([20, 61, 100]),
    hidden=SHAPES,
    activation=st.sampled_from(["sigmoid", "tanh", "relu", "leaky_relu", "gelu"]),
    slope=st.sampled_from([0.01, 0.5]),
    data_seed=st.integers(0, 3),
    init_seed=st.integers(0, 3),
    init=st.sampled_from(["normal", "zeros", "he_normal"]),
    bias=st.sampled_from([0.0, 1.0]),
    learning_rate=st.sampled_from([0.01, 0.2, 1.0]),
    weight_decay=st.sampled_from([0.0, 0.1]),
    loss=st.sampled_from(["bce", "mse"]),
    optimizer=st.sampled_from(["sgd", "momentum", "adam"]),
    batch_size=st.sampled_from([0, 0, 0, 9, 32]),
    epochs=st.sampled_from([1, 7, 20]),
    dtype=st.just("float64"),
)


def ended(config: RunConfig) -> list[float]:
    runner = Runner.from_config(config)
    runner.advance(config.epochs)
    record = runner.measure()[0]
    assert runner.best is not None
    scalars = [getattr(record, name) for name in SCALARS]
    weights = [layer.weight_norm for layer in record.layers]
    return [runner.best.epoch, runner.best.score, *scalars, *weights]


def figures(outcome: Outcome | None) -> list[float]:
    assert outcome is not None
    scalars = [getattr(outcome.last, name) for name in SCALARS]
    weights = [layer.weight_norm for layer in outcome.last.layers]
    return [outcome.best_epoch, outcome.dev_best, *scalars, *weights]


@settings(max_examples=60)
@given(st.lists(ARMS, min_size=1, max_size=8))
def test_any_mixture_gives_each_run_as_it_is_alone(configs: list[RunConfig]) -> None:
    ensemble = Ensemble(configs)
    assert ensemble.advance() == len(configs)
    for config, outcome in zip(configs, ensemble.outcomes, strict=True):
        slack = 0.0 if EXACT else 1e-9
        np.testing.assert_allclose(figures(outcome), ended(config), rtol=slack, atol=slack)


@settings(max_examples=20)
@given(ARMS, st.integers(2, 40))
def test_neither_number_nor_order_of_the_runs_matters(config: RunConfig, count: int) -> None:
    company = [replace(config, init_seed=seed) for seed in range(count)]
    few, many = Ensemble(company[:2]), Ensemble(company[::-1])
    few.advance()
    many.advance()
    for a, b in zip(few.outcomes, many.outcomes[::-1], strict=False):
        assert figures(a) == figures(b)
