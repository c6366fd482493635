"""The training kernel: runs in a batch, mini-batches, blocks, and what a block records."""

from typing import Any

import pytest
import torch
from torch import Tensor

from nndl_core.config import RunConfig
from nndl_core.datasets import dataset_of
from nndl_core.gradients import by_hand
from nndl_core.kernel import MAX_SLOTS, Kernel, Problem, Windows
from nndl_core.losses import output_units, targets
from nndl_core.model import MLP, pack
from nndl_core.optimizers import Optimizer
from nndl_core.telemetry import Telemetry

CONFIGS: list[dict[str, Any]] = [
    {},
    {"activation": "relu", "optimizer": "momentum"},
    {"activation": "gelu", "optimizer": "adam", "learning_rate": 0.01, "hidden": [8, 4]},
    {"activation": "tanh", "optimizer": "nesterov", "batch_size": 7},
    {"activation": "elu", "optimizer": "adam", "learning_rate": 0.01, "batch_size": 32},
    {"activation": "identity", "loss": "mse", "hidden": []},
    {"activation": "silu", "loss": "cross_entropy", "dataset": "blobs3", "weight_decay": 0.01},
    {"activation": "leaky_relu", "dataset": "iris", "loss": "mse", "batch_size": 100},
    {"activation": "softplus", "hidden": [3] * 12},
]


def settings(**values: Any) -> RunConfig:
    return RunConfig.from_dict({"points": 100, "dtype": "float64", "bias": 0.1} | values)


def problem_of(config: RunConfig) -> Problem:
    data = dataset_of(config)
    outputs = output_units(config.loss, len(data.classes))
    x = torch.cat([data.train.x, data.dev.x]).to(getattr(torch, config.dtype)).T[None]
    y = targets(torch.cat([data.train.y, data.dev.y]), outputs, x.dtype)[None]
    sizes = (len(data.features), *config.hidden, outputs)
    return Problem(sizes, config.activation, config.slope, config.loss, x, y, len(data.train.x))


def weights(config: RunConfig, seed: int) -> list[Tensor]:
    data = dataset_of(config)
    model = MLP.from_config(config, len(data.features), len(data.classes))
    model.init_weights(RunConfig(init_seed=seed, bias=0.1))
    return pack(model)


def kernel_of(config: RunConfig, seeds: list[int], problem: Problem | None = None) -> Kernel:
    stacks = zip(*(weights(config, seed) for seed in seeds), strict=True)
    parameters = [torch.cat(windows) for windows in stacks]
    optimizer = Optimizer.from_config((), config)
    return Kernel(problem or problem_of(config), parameters, optimizer, config.batch_size, 3)


def trained(kernel: Kernel, epochs: int) -> Kernel:
    while kernel.epoch < epochs:
        kernel.keep(kernel.run(epochs - kernel.epoch).gradients.shape[0])
    return kernel


@pytest.mark.parametrize("values", CONFIGS, ids=[str(values) for values in CONFIGS])
def test_runs_in_a_batch_are_the_runs_alone(values: dict[str, Any]) -> None:
    config = settings(**values)
    together = trained(kernel_of(config, [0, 1, 2, 3, 4]), 30)
    for r in range(5):
        alone = trained(kernel_of(config, [r]), 30)
        for many, one in zip(together.parameters, alone.parameters, strict=True):
            torch.testing.assert_close(many[r], one[0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("values", CONFIGS, ids=[str(values) for values in CONFIGS])
def test_telemetry_of_a_batch_is_that_of_the_runs_alone(values: dict[str, Any]) -> None:
    config = settings(**values)
    together = kernel_of(config, [0, 1, 2])
    columns = Telemetry(together.problem, together.windows).measure(together.run(5), 0)
    for r in range(3):
        alone = kernel_of(config, [r])
        expected = Telemetry(alone.problem, alone.windows).measure(alone.run(5), 0)
        for name, column in columns.items():
            found = torch.from_numpy(column[:, r].copy())
            wanted = torch.from_numpy(expected[name][:, 0].copy())
            torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-11, equal_nan=True)


def test_runs_may_have_data_of_their_own() -> None:
    configs = [settings(data_seed=seed) for seed in range(3)]
    problems = [problem_of(config) for config in configs]
    first = problems[0]
    x, y = torch.cat([p.x for p in problems]), torch.cat([p.target for p in problems])
    shared = Problem(first.sizes, first.activation, first.slope, "bce", x, y, first.n_train)
    for batch_size in (0, 7):
        config = settings(batch_size=batch_size)
        together = trained(kernel_of(config, [0, 1, 2], shared), 10)
        for r, problem in enumerate(problems):
            alone = trained(kernel_of(config, [r], problem), 10)
            for many, one in zip(together.parameters, alone.parameters, strict=True):
                torch.testing.assert_close(many[r], one[0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("batch_size", [0, 9])
def test_a_block_records_the_state_before_each_update(batch_size: int) -> None:
    config = settings(batch_size=batch_size, hidden=[4, 3])
    kernel = kernel_of(config, [0])
    model = MLP.from_config(config, 2, 2)
    block = kernel.run(6)
    data = dataset_of(config)
    x, y = data.train.x.double(), targets(data.train.y, 1, torch.float64).T
    everything = torch.cat([data.train.x, data.dev.x]).double()
    for s in range(6):
        with torch.no_grad():
            for layer, w in zip(model.layers, kernel.windows.of(block.parameters[s]), strict=True):
                layer.weight.copy_(w[0, :, :-1])
                layer.bias.copy_(w[0, :, -1])
        logits = block.logits[s, 0].clone().T
        torch.testing.assert_close(logits, model.logits(everything), rtol=1e-12, atol=1e-13)
        for i, a in enumerate(block.activations):
            assert a[s].shape == (1, config.hidden[i], 64)
            torch.testing.assert_close(
                a[s, 0].clone().T, torch.sigmoid(model.pre_activations[i][:64]).detach()
            )
        windows = kernel.windows.of(block.gradients[s])
        for g, w in zip(by_hand(model, x, y, "bce"), windows, strict=True):
            torch.testing.assert_close(w[0, :, :-1].clone(), g.weight, rtol=1e-11, atol=1e-14)
            torch.testing.assert_close(w[0, :, -1].clone(), g.bias, rtol=1e-11, atol=1e-14)


def test_every_example_is_used_once_per_epoch_and_the_last_batch_counts_right() -> None:
    """One step per batch of the mean gradient of that batch, in a new order each epoch."""
    config = settings(batch_size=10, hidden=[])
    kernel, p = kernel_of(config, [0]), problem_of(config)
    seen: list[list[int]] = []
    known = {tuple(p.x[0, :, i].tolist()): i for i in range(p.n_train)}
    forward = kernel._batch

    def spy(count: int) -> Any:
        batch = forward(count)
        inner = batch.forward

        def watched(s: int, w: list[Tensor]) -> None:
            columns = batch.input[0, :-1, : batch.n].T.tolist()
            seen.append([known[tuple(row)] for row in columns])
            inner(s, w)

        return _Proxy(batch, watched)

    kernel._batch = spy  # type: ignore[method-assign]
    trained(kernel, 2)
    assert [len(rows) for rows in seen] == [10, 10, 10, 10, 10, 10, 4] * 2
    epochs = [[i for rows in part for i in rows] for part in (seen[:7], seen[7:])]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(64))
    assert epochs[0] != epochs[1]
    assert kernel.state.steps == 14


class _Proxy:
    """A Pass whose forward is watched; all else is the Pass's own."""

    def __init__(self, batch: Any, forward: Any) -> None:
        object.__setattr__(self, "_batch", batch)
        object.__setattr__(self, "forward", forward)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._batch, name, value)


@pytest.mark.parametrize("batch_size", [64, 65, 5000])
def test_a_batch_as_large_as_the_training_set_is_the_full_batch(batch_size: int) -> None:
    full = trained(kernel_of(settings(), [0]), 10)
    large = trained(kernel_of(settings(batch_size=batch_size), [0]), 10)
    for a, b in zip(full.parameters, large.parameters, strict=True):
        assert torch.equal(a, b)


def test_measuring_changes_nothing() -> None:
    kernel = trained(kernel_of(settings(optimizer="adam"), [0, 1]), 5)
    before = [w.clone() for w in kernel.parameters]
    memory = [v.clone() for v in kernel.state.vectors]
    block = kernel.measure()
    assert torch.equal(block.parameters[0], block.parameters[1])
    assert all(torch.equal(a, b) for a, b in zip(before, kernel.parameters, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(memory, kernel.state.vectors, strict=True))
    assert (kernel.epoch, kernel.state.steps) == (5, 5)


def test_the_hook_receives_the_gradient_before_the_update() -> None:
    kernel = kernel_of(settings(), [0])
    start, seen = [w.clone() for w in kernel.parameters], []

    def hook(gradients: list[Tensor]) -> None:
        assert all(torch.equal(a, b) for a, b in zip(start, kernel.parameters, strict=True))
        seen.append([g.clone() for g in gradients])

    kernel.run(1, hook)
    for w, g, new in zip(start, seen[0], kernel.w[1], strict=True):
        torch.testing.assert_close(w - 0.2 * g, new.clone())


def test_a_block_is_bounded_in_memory_but_holds_at_least_four_epochs() -> None:
    large = settings(points=5000, hidden=[64] * 12)
    kernel = kernel_of(large, [0])
    assert kernel.max_slots == 4
    assert kernel_of(settings(), [0]).max_slots == MAX_SLOTS
    assert kernel.run(10).gradients.shape[0] == 4


def test_windows_cut_a_flat_vector_without_gap_or_overlap() -> None:
    windows = Windows((2, 5, 3), 4)
    flat = torch.arange(windows.total)
    cut = windows.of(flat)
    assert [tuple(w.shape) for w in cut] == [(4, 5, 3), (4, 3, 6)]
    assert torch.equal(torch.cat([w.flatten() for w in cut]), flat)
    cut[1][3, 2, 5] = -1
    assert flat[-1] == -1


def test_a_loss_that_overflows_is_found_without_training() -> None:
    kernel = kernel_of(settings(dtype="float32", activation="identity"), [0])
    assert kernel.loss_is_finite()
    kernel.parameters = [w * 1e30 for w in kernel.parameters]
    assert not kernel.loss_is_finite()
