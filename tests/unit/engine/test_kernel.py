"""The training kernel: runs in a batch, mini-batches, blocks, and what a block records."""

from typing import Any

import pytest
import torch
from torch import Tensor

from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import dataset_of
from nndl_core.engine.batch import Member
from nndl_core.engine.batch import kernel_of as member_kernel
from nndl_core.engine.kernel import MAX_SLOTS, Kernel, Problem, Windows
from nndl_core.engine.telemetry import Telemetry
from nndl_core.network.gradients import by_hand
from nndl_core.network.losses import output_units, targets
from nndl_core.network.model import MLP, pack
from nndl_core.network.optimizers import Optimizer

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
            assert torch.equal(many[r], one[0])


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
                assert torch.equal(many[r], one[0])


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


@pytest.mark.parametrize("size", [1, 10, 33, 63])
def test_batches_are_the_steps_of_the_gradient_by_hand(size: int) -> None:
    """Every example once per epoch in a new order; the last batch may be smaller."""
    config = settings(batch_size=size, hidden=[3])
    kernel, data = kernel_of(config, [0]), dataset_of(config)
    n = len(data.train.x)
    x, y = data.train.x.double(), targets(data.train.y, 1, torch.float64).T
    orders = torch.from_numpy(kernel._orders(2))[:, 0]
    assert orders.sort().values.tolist() == [list(range(n))] * 2
    assert orders[0].tolist() != orders[1].tolist()
    model = MLP.from_config(config, 2, 2)
    for order in orders:
        for batch in order.split(size):
            gradients = by_hand(model, x[batch], y[batch], "bce")
            with torch.no_grad():
                for layer, g in zip(model.layers, gradients, strict=True):
                    layer.weight.sub_(g.weight, alpha=config.learning_rate)
                    layer.bias.sub_(g.bias, alpha=config.learning_rate)
    trained(kernel, 2)
    for found, expected in zip(kernel.parameters, pack(model), strict=True):
        torch.testing.assert_close(found.clone(), expected, rtol=1e-10, atol=1e-13)
    assert kernel.state.steps == 2 * -(-n // size)


@pytest.mark.parametrize("values", CONFIGS, ids=[str(values) for values in CONFIGS])
def test_autograd_trains_the_same(values: dict[str, Any]) -> None:
    """Another derivation, another update code: PyTorch's own."""
    config = settings(**values)
    by_code, by_torch = kernel_of(config, [0, 1]), kernel_of(config, [0, 1])
    by_torch.by_autograd = True
    for kernel in (by_code, by_torch):
        trained(kernel, 5)
    assert by_code.state.steps == by_torch.state.steps
    for a, b in zip(by_code.parameters, by_torch.parameters, strict=True):
        torch.testing.assert_close(a.clone(), b.clone(), rtol=1e-9, atol=1e-11)


def test_runs_may_differ_in_rate_decay_and_slope() -> None:
    for rule in ("sgd", "momentum", "nesterov", "adam"):
        configs = [
            settings(activation="elu", optimizer=rule, learning_rate=lr, weight_decay=d, slope=p)
            for lr, d, p in ((0.01, 0.0, 0.1), (0.02, 0.01, 0.5), (0.03, 0.1, 1.0))
        ]
        members = [Member(i, c, dataset_of(c)) for i, c in enumerate(configs)]
        together = trained(member_kernel(members), 8)
        for r, member in enumerate(members):
            alone = trained(member_kernel([member]), 8)
            for many, one in zip(together.parameters, alone.parameters, strict=True):
                assert torch.equal(many[r], one[0])


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_numbers_below_the_normal_ones_are_zero_while_training(activation: str) -> None:
    """They are a hundred times slower; afterwards this thread computes with them as before."""
    config = settings(activation=activation, hidden=[3] * 12, dtype="float32")
    kernel = kernel_of(config, [0])
    kernel.parameters = [1e-4 * w for w in kernel.parameters]
    gradients = kernel.run(20).gradients.clone()
    tiny = torch.finfo(torch.float32).tiny
    assert ((gradients == 0) | (gradients.abs() >= tiny)).all()
    assert (gradients == 0).any()
    assert torch.tensor(1e-40).item() > 0
    assert (torch.tensor(1e-38) / 10).item() > 0


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
    for w, g, new in zip(start, seen[0], kernel.windows.of(kernel.p[1]), strict=True):
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
