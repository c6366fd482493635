"""The printed and pinned numbers of the course, through the API that the page uses.

Printed: the official notebooks, repository nndl/practice-in-paddle, commit 3404b94. Pinned: one
plain PyTorch computation in float64 with data seed 0 and weight seed 0. The rest is closed form.
"""

import itertools
import math
from typing import Any

import pytest
import torch

from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import dataset_of
from nndl_core.engine.kernel import Kernel, Problem
from nndl_core.engine.records import Column, EpochRecord
from nndl_core.engine.runner import Runner
from nndl_core.engine.telemetry import Telemetry
from nndl_core.network.gradients import by_hand
from nndl_core.network.initializers import INITIALIZERS
from nndl_core.network.losses import accuracy, targets
from nndl_core.network.model import MLP
from nndl_core.network.optimizers import Optimizer

FIVE = {"hidden": [3, 3, 3, 3], "init_scale": 0.01, "learning_rate": 0.01, "dtype": "float64"}


def run(epochs: int, /, **values: Any) -> Runner:
    runner = Runner.from_config(RunConfig.from_dict(values))
    assert runner.advance(epochs) == epochs
    return runner


def first_epoch(**values: Any) -> EpochRecord:
    return run(1, **FIVE, **values).records[0]


def weight_norms(record: EpochRecord) -> list[float]:
    return [layer.weight_grad_norm for layer in record.layers]


def ensemble(activation: str, bias: float, runs: int, **data: Any) -> dict[str, Column]:
    """Measure the five-layer network at its first epoch for many weight seeds at once."""
    config = RunConfig.from_dict({**FIVE, **data, "activation": activation})
    split = dataset_of(config).train
    draw, sizes, windows = INITIALIZERS["normal"], (2, 3, 3, 3, 3, 1), []
    generators = [torch.Generator().manual_seed(seed) for seed in range(runs)]
    for fan_in, fan_out in itertools.pairwise(sizes):
        weights = torch.stack([draw(fan_out, fan_in, g, 0.01) for g in generators])
        bias_column = torch.full((runs, fan_out, 1), bias)
        windows.append(torch.cat([weights, bias_column], 2).double())
    x, y = split.x.double().T[None], targets(split.y, 1, torch.float64)[None]
    problem = Problem(sizes, config.activation, config.slope, "bce", x, y, len(split.x))
    kernel = Kernel(problem, windows, Optimizer((), learning_rate=0.01))
    return Telemetry(problem, kernel.windows).measure(kernel.run(1), 0)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 1e-6)])
def test_the_first_experiment_is_pinned(dtype: str, tolerance: float) -> None:
    losses = run(1000, dtype=dtype).train_loss
    expected = [0.7898926948553002, 0.6025886573977498, 0.4594168043591438, 0.4164672222778215]
    assert [losses[e] for e in (0, 50, 200, 999)] == pytest.approx(expected, abs=tolerance, rel=0)


RECTIFIED = [
    1.2429798345180729e-08,
    8.772009220837611e-07,
    8.828496842661961e-05,
    0.009125947760529824,
    0.39282077873651094,
]
VANISHING = {
    "sigmoid": [
        1.8653872360129656e-11,
        4.909082070536678e-09,
        2.519045527040774e-06,
        0.0013179687886327636,
        0.289623729974073,
    ],
    "relu": RECTIFIED,
    "leaky_relu": RECTIFIED,
    "elu": RECTIFIED,
    "tanh": [
        3.925930719123643e-10,
        5.022162510487312e-08,
        1.2070950778085221e-05,
        0.0029688514312472725,
        0.3011691850666557,
    ],
}


@pytest.mark.parametrize("activation", list(VANISHING))
def test_the_vanishing_gradient_is_pinned(activation: str) -> None:
    norms = weight_norms(first_epoch(activation=activation, bias=1))
    assert norms == pytest.approx(VANISHING[activation], rel=1e-6, abs=0)


def test_relu_to_sigmoid_has_its_closed_form() -> None:
    """(1/sigma'(1))^k for fc1..fc4; the last layer's weights see activations 1 and sigma(1)."""
    slope = math.exp(-1) / (1 + math.exp(-1)) ** 2
    sigma = 1 / (1 + math.exp(-1))
    norms = {a: ensemble(a, 1.0, 200)["weight_grad_norm"][0] for a in ("relu", "sigmoid")}
    ratio = torch.tensor(norms["relu"] / norms["sigmoid"]).log().mean(0).exp().tolist()
    listed = [669.2070474044679, 179.9774945197753, 35.385723137491226, 6.957255435, 1.3678794411]
    # one factor 1/sigma'(1) for each activation behind a layer, 1/sigma(1) for its input
    forms = [slope**-4, *(slope ** -(4 - k) / sigma for k in range(1, 5))]
    assert ratio == pytest.approx(forms, rel=0.01)
    assert ratio == pytest.approx(listed, rel=0.01)


PRINTED = {
    ("sigmoid", 1.0): [6.9098754e-11, 1.648972e-08, 4.8029387e-06, 0.0015030989, 0.29127562],
    ("relu", 1.0): [4.6598142e-08, 3.0365838e-06, 0.0001731529, 0.010652662, 0.40262264],
    ("leaky_relu", -8.0): [2.311491e-16, 1.8818199e-13, 1.6921159e-09, 1.1889538e-05],
}


@pytest.mark.parametrize(("activation", "bias"), list(PRINTED))
def test_the_printed_norms_lie_within_our_seeds(activation: str, bias: float) -> None:
    norms = torch.tensor(ensemble(activation, bias, 200)["weight_grad_norm"][0]).log10()
    printed = torch.tensor(PRINTED[activation, bias], dtype=torch.float64).log10()
    norms = norms[:, : len(printed)]
    z = (printed - norms.mean(0)) / norms.std(0)
    limit = 1.4 if bias > 0 else 0.33 + 0.1
    assert z.abs().max().item() <= limit


def test_leaky_relu_at_bias_minus_eight_has_our_geometric_mean() -> None:
    norms = torch.tensor(ensemble("leaky_relu", -8.0, 200)["weight_grad_norm"][0])
    expected = [
        2.5690051370480695e-16,
        2.2262603042537814e-13,
        1.4893805744194132e-09,
        1.00913900569903e-05,
        0.06923560690017491,
    ]
    assert norms.log().mean(0).exp().tolist() == pytest.approx(expected, rel=1e-6, abs=0)


def test_the_fifth_layer_of_leaky_relu_has_its_closed_form() -> None:
    """Each of three inputs of fc5 is -0.08, up to the weights; data seed 3 has 324 ones."""
    p1 = 324 / 640
    closed = math.sqrt(3) * 0.08 * (p1 - 1 / (1 + math.exp(8)))
    assert closed == pytest.approx(0.0701015902293961, rel=1e-5)
    record = first_epoch(activation="leaky_relu", bias=-8, data_seed=3)
    assert record.layers[4].weight_grad_norm == pytest.approx(closed, rel=1e-2)
    norms = ensemble("leaky_relu", -8.0, 200, data_seed=3)["weight_grad_norm"][0][:, 4]
    assert math.exp(float(torch.tensor(norms).log().mean())) == pytest.approx(closed, rel=1e-4)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("seed", [0, 3, 9])
def test_a_dead_relu_network(seed: int, dtype: str) -> None:
    values = {**FIVE, "activation": "relu", "bias": -8, "data_seed": seed, "dtype": dtype}
    runner = run(5, **values)
    assert runner.dataset is not None
    p1 = runner.dataset.train.y.double().mean().item()
    record = runner.records[0]
    assert weight_norms(record) == [0.0] * 5
    assert [layer.bias_grad_norm for layer in record.layers[:4]] == [0.0] * 4
    assert [layer.dead_units for layer in record.layers] == [3, 3, 3, 3, 0]
    last = 1 / (1 + math.exp(8)) - p1
    assert record.layers[4].bias_grad_norm == pytest.approx(abs(last), abs=1e-6)
    loss = 8 * p1 + math.log1p(math.exp(-8))
    assert record.train_loss == pytest.approx(loss, abs=1e-12 if dtype == "float64" else 1e-6)
    if seed == 3:
        assert loss == pytest.approx(4.050335406372896, rel=1e-12)
    if seed == 0:
        assert last == pytest.approx(-0.4996646498695335, rel=1e-12)
    assert [layer.changed_share for layer in runner.records[4].layers[:4]] == [0.0] * 4
    assert runner.train_loss[4] < runner.train_loss[0]


def test_the_loss_of_leaky_relu_at_bias_minus_eight() -> None:
    losses = torch.tensor(ensemble("leaky_relu", -8.0, 200, data_seed=3)["train_loss"][0])
    assert losses.mean().item() == pytest.approx(4.050278, abs=2e-4)
    assert losses.std().item() == pytest.approx(0.00071, rel=0.15)
    assert abs(4.050660133361816 - losses.mean().item()) < 2 * losses.std().item()


def zero(seed: int, epochs: int, dtype: str = "float64") -> Runner:
    return run(epochs, init="zeros", data_seed=seed, dtype=dtype, epochs=5000)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_zero_trace_that_the_notebook_prints(dtype: str) -> None:
    """Data seed 9 has 307 ones among 640, as the printed run."""
    runner = zero(9, 0, dtype)
    trace = []
    for _ in range(4):
        next(runner)
        fc1, fc2 = runner.model.layers
        spread = (fc2.weight - fc2.weight[0, 0]).abs().max().item()
        assert spread < (1e-15 if dtype == "float64" else 2e-9)
        trace.append((fc2.weight[0, 0].item(), fc2.bias.item(), fc1.bias[0].item()))
    w, b, hidden = zip(*trace, strict=True)
    assert w == pytest.approx((-0.00203125, -0.00383399, -0.0054344, -0.00685571), abs=1e-7)
    assert b == pytest.approx((-0.0040625, -0.00766798, -0.01086785, -0.01370772), abs=1e-7)
    assert w[:2] == pytest.approx((-0.00203125, -0.00383399), abs=2e-8)
    assert b[:2] == pytest.approx((-0.0040625, -0.00766798), abs=2e-8)
    assert hidden[0] == 0.0
    assert hidden[1] == pytest.approx(1.8309e-6, abs=2e-11)
    assert hidden[2:] == pytest.approx((4.897984e-06, 8.756236e-06), abs=1e-10)


@pytest.mark.parametrize("seed", range(10))
def test_the_first_zero_step_has_its_closed_form(seed: int) -> None:
    runner = zero(seed, 1)
    assert runner.dataset is not None
    p1 = runner.dataset.train.y.double().mean().item()
    fc1, fc2 = runner.model.layers
    assert fc2.bias.item() == pytest.approx(-0.2 * (0.5 - p1), abs=1e-15)
    assert fc2.weight[0].tolist() == pytest.approx([-0.1 * (0.5 - p1)] * 5, abs=1e-15)
    assert not fc1.weight.any()
    assert not fc1.bias.any()
    assert runner.train_loss[0] == pytest.approx(math.log(2), abs=1e-15)


@pytest.mark.parametrize(
    "values", [{"dataset": "circles"}, {"dataset": "iris", "loss": "cross_entropy"}]
)
def test_zero_weights_start_at_the_loss_of_a_guess(values: dict[str, Any]) -> None:
    runner = run(1, init="zeros", **values)
    classes = 3 if values["dataset"] == "iris" else 2
    assert runner.train_loss[0] == pytest.approx(math.log(classes), abs=1e-7)


def asymmetry(model: MLP) -> float:
    """Largest difference between the hidden units' incoming and outgoing parameters."""
    fc1, fc2 = model.layers
    incoming = torch.cat([fc1.weight, fc1.bias[:, None], fc2.weight.T], 1).detach()
    return (incoming - incoming[:1]).abs().max().item()


@pytest.mark.parametrize("seed", [1, 9])
def test_zero_weights_stay_symmetric_to_the_last_bit_in_by_hand(seed: int) -> None:
    runner = zero(seed, 0)
    assert runner.dataset is not None
    train, model = runner.dataset.train, runner.model
    x, y = train.x.double(), targets(train.y, 1, torch.float64).T
    for _ in range(5000):
        gradients = by_hand(model, x, y, "bce")
        with torch.no_grad():
            for layer, g in zip(model.layers, gradients, strict=True):
                layer.weight.sub_(g.weight, alpha=0.2)
                layer.bias.sub_(g.bias, alpha=0.2)
    assert asymmetry(model) == 0.0
    assert model.layers[0].weight.abs().max().item() > 0.1


@pytest.mark.parametrize("seed", [1, 9])
def test_the_kernel_keeps_zero_weights_symmetric_to_rounding(seed: int) -> None:
    """A batched product may sum the fifth unit in another order, in the last bit."""
    runner = zero(seed, 5000)
    assert asymmetry(runner.model) < 1e-13
    assert runner.model.layers[0].weight.abs().max().item() > 0.1
    assert {record.layers[0].distinct_units for record in runner.records[::500]} == {1}


def test_float32_norms_of_tiny_entries_do_not_underflow() -> None:
    """torch.norm gives 0.0 for entries of 1e-23; a gradient that small is not a dead one."""
    for size in (1e-22, 1e-23, 1e-30):
        assert torch.full((3,), size).double().norm().item() > 0
    runner = Runner.from_config(RunConfig(hidden=(3,), dtype="float32", points=100))
    with torch.no_grad():
        runner.model.layers[1].weight.fill_(1e-24)
    record = next(runner)
    assert runner.dataset is not None
    assert 0 < record.layers[0].weight_grad_norm < 1e-23
    assert 0 < record.layers[0].bias_grad_norm < 1e-23


def test_model_sizes_and_the_tie_of_the_metric() -> None:
    sizes = {(2, 5, 1): 21, (2, 5, 3, 1): 37, (2, 3, 3, 3, 3, 1): 49}
    for layers, count in sizes.items():
        assert sum(p.numel() for p in MLP(layers).parameters()) == count
    half, labels = torch.full((4, 1), 0.5), torch.tensor([[0.0], [1.0], [1.0], [1.0]])
    assert accuracy(half, labels) == 0.75


def test_the_split_is_contiguous_with_the_known_class_counts() -> None:
    ones = {"train": [], "dev": [], "test": []}  # type: dict[str, list[int]]
    for seed in range(5):
        data = dataset_of(RunConfig(data_seed=seed))
        assert [len(s.y) for s in (data.train, data.dev, data.test)] == [640, 160, 200]
        for name, counts in ones.items():
            counts.append(int(getattr(data, name).y.sum()))
    assert ones == {
        "train": [320, 315, 314, 324, 312],
        "dev": [74, 80, 81, 80, 82],
        "test": [106, 105, 105, 96, 106],
    }


def test_the_distribution_over_seeds_holds_the_printed_run() -> None:
    """Twelve of the seeds: test accuracy .80877 +- .02775, train loss .42266 +- .01787."""
    scores, losses = [], []
    for seed in range(12):
        runner = run(1000, data_seed=seed, init_seed=seed)
        assert runner.dataset is not None
        scores.append(runner.evaluate(runner.dataset.test)[0])
        losses.append(runner.train_loss[-1])
    assert sum(scores) / 12 == pytest.approx(0.80877, abs=3 * 0.02775 / math.sqrt(12))
    assert sum(losses) / 12 == pytest.approx(0.42266, abs=3 * 0.01787 / math.sqrt(12))
    assert all(0.7 <= s <= 0.88 for s in scores)
    assert all(0.36459 - 0.001 <= loss <= 0.47762 + 0.001 for loss in losses)
