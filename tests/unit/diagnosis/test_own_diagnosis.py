"""A student's own network on the Runner is diagnosed: its fault is planted, and named."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import dataset_of
from nndl_core.data.points import make_moons
from nndl_core.diagnosis.facts import Facts, Finding
from nndl_core.diagnosis.remedies import remedies_for
from nndl_core.diagnosis.rules import diagnose
from nndl_core.diagnosis.words import sentence
from nndl_core.engine.runner import Runner
from nndl_core.network.model import MLP

X, Y = make_moons(500, noise=0.15)
TRAIN, DEV = (X[:400], Y[:400, None]), (X[400:], Y[400:, None])
CIRCLES = dataset_of(RunConfig(dataset="circles", noise=0.1, points=500))


def chain(*widths: int, phi: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    torch.manual_seed(1)
    layers: list[nn.Module] = []
    for fan_in, fan_out in zip((2, *widths), (*widths, 1), strict=True):
        layers += [nn.Linear(fan_in, fan_out), phi()]
    return nn.Sequential(*layers[:-1])


def each(model: nn.Module, change: Callable[[nn.Linear], object]) -> nn.Module:
    with torch.no_grad():
        for m in model.modules():
            if isinstance(m, nn.Linear):
                change(m)
    return model


def run(
    model: nn.Module,
    lr: float = 0.2,
    epochs: int = 400,
    optimizer: Any = torch.optim.SGD,
    sets: tuple[Any, Any] = (TRAIN, DEV),
    loss: Any = None,
) -> Runner:
    runner = Runner(
        model, optimizer(model.parameters(), lr=lr), loss_fn=loss or nn.BCEWithLogitsLoss()
    )
    runner.train(*sets, epochs)
    return runner


def small(layer: nn.Linear) -> None:
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.ones_(layer.bias)


def equal(layer: nn.Linear) -> None:
    nn.init.constant_(layer.weight, 0.5)
    nn.init.zeros_(layer.bias)


def large(layer: nn.Linear) -> None:
    nn.init.normal_(layer.weight, std=8.0)


def silent(layer: nn.Linear) -> None:
    nn.init.constant_(layer.bias, -8.0)


ROUND = (CIRCLES.train, CIRCLES.dev)
CORNERS = dataset_of(RunConfig(dataset="xor", noise=0, points=500))
XOR = (CORNERS.train, CORNERS.dev)
MEAN, SPREAD = torch.tensor([92.0, -70.0]), torch.tensor([30.0, 40.0])
RAW = (TRAIN[0] * SPREAD + MEAN, TRAIN[1]), (DEV[0] * SPREAD + MEAN, DEV[1])
ADAM = torch.optim.Adam


def deep() -> nn.Module:
    return each(chain(3, 3, 3, 3, phi=nn.Sigmoid), small)


def sigmoid() -> nn.Module:
    return chain(10, phi=nn.Sigmoid)


SICK: list[tuple[str, Callable[[], Runner], str]] = [
    ("healthy", lambda: run(chain(16, 16), 0.1, 600, ADAM), "healthy"),
    ("vanishing", lambda: run(deep()), "vanishing_gradient"),
    ("dead", lambda: run(each(chain(8, 8), silent)), "dying_relu"),
    ("equal", lambda: run(each(chain(8, phi=nn.Tanh), equal), sets=ROUND), "symmetric_weights"),
    ("saturated", lambda: run(each(chain(8, 8, phi=nn.Tanh), large)), "saturation"),
    ("exploding", lambda: run(each(chain(32, 32, 32, 32), large)), "exploding_gradient"),
    ("slow", lambda: run(chain(8, phi=nn.Tanh), 1e-5), "slow_convergence"),
    ("straight", lambda: run(chain(5, phi=nn.Identity), 0.5, 800, sets=ROUND), "linear_network"),
    ("raw", lambda: run(sigmoid(), 1e-3, 400, ADAM, RAW), "unscaled_inputs"),
    ("two units", lambda: run(chain(2), 0.1, 3000, sets=XOR), "stalled"),
]


@pytest.mark.parametrize(("kind", "build", "disease"), SICK, ids=[s[0] for s in SICK])
def test_what_is_planted_is_named(kind: str, build: Callable[[], Runner], disease: str) -> None:
    runner = build()
    found = diagnose(runner)
    assert found[0].disease == disease
    words = sentence(Facts.of(runner.described, runner.records), found[0])
    assert words.endswith(".")
    if disease != "healthy":
        remedies = remedies_for(runner.described, found[0], made_to_order=False)
        assert all(remedy.change for remedy in remedies)


def test_the_settings_are_read_off_the_run() -> None:
    model = each(chain(3, 4, phi=nn.Tanh), small)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.25, momentum=0.8, nesterov=True)
    runner = Runner(model, optimizer, loss_fn=nn.BCEWithLogitsLoss())
    runner.train(TRAIN, DEV, 7, batch_size=50)
    read = runner.described
    assert (read.hidden, read.activation, read.loss) == ((3, 4), "tanh", "bce")
    assert (read.optimizer, read.learning_rate, read.momentum) == ("nesterov", 0.25, 0.8)
    assert (read.epochs, read.batch_size, read.bias) == (7, 50, 1.0)
    assert read.init == "normal"
    assert read.init_scale == pytest.approx(0.01, rel=0.5)
    assert read.dataset == "csv"
    assert run(each(chain(3), equal), epochs=2).described.init == "constant"
    assert (
        run(each(chain(3), lambda m: nn.init.zeros_(m.weight)), epochs=2).described.init == "zeros"
    )
    mixed = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1))
    assert vars(run(mixed, epochs=2).described)["activation"] == "other"
    for kind in (torch.optim.AdamW, torch.optim.RMSprop, torch.optim.Adagrad):
        assert run(chain(3), epochs=2, optimizer=kind).described.optimizer == "adam"


def test_a_config_is_its_own_description() -> None:
    config = RunConfig(points=60, epochs=30)
    runner = Runner.from_config(config)
    runner.advance(30)
    assert runner.described is config
    assert diagnose(runner) == diagnose(config, runner.records)


def test_the_labs_network_with_the_courses_calls_is_diagnosed_too() -> None:
    model = MLP((2, 8, 8, 1), "relu")
    each(model, silent)
    runner = Runner(model, torch.optim.SGD(model.parameters(), lr=0.1))
    runner.train(TRAIN, DEV, num_epochs=100)
    assert diagnose(runner)[0].disease == "dying_relu"


def test_what_cannot_be_diagnosed_says_why() -> None:
    model = nn.Sequential(nn.Unflatten(1, (1, 2)), nn.Conv1d(1, 1, 2), nn.Flatten())
    with pytest.raises(ValueError, match=r"no nn.Linear, .*\.$"):
        diagnose(run(model, epochs=3))
    fresh = chain(3)
    with pytest.raises(ValueError, match="nothing to train on yet"):
        diagnose(Runner(fresh, torch.optim.SGD(fresh.parameters(), lr=0.1)))
    with pytest.raises(TypeError, match="needs the records"):
        diagnose(RunConfig())


def test_a_run_of_amounts_is_not_told_something_of_classes() -> None:
    y: Tensor = X.sum(1, keepdim=True)
    model = chain(16, phi=nn.Tanh)
    runner = Runner(
        model,
        torch.optim.SGD(model.parameters(), lr=0.05),
        lambda p, t: -((p - t) ** 2).mean(),
        nn.MSELoss(),
    )
    runner.train((X[:400], y[:400]), (X[400:], y[400:]), 400)
    assert diagnose(runner)[0].disease == "healthy"


def test_raw_columns_are_cured_by_scaling_them() -> None:
    runner = run(sigmoid(), 1e-3, 400, ADAM, RAW)
    remedies = remedies_for(runner.described, diagnose(runner)[0], made_to_order=False)
    assert remedies[0].change == {"scale": "on"}
    iris = RunConfig(dataset="iris", scale="off", loss="cross_entropy")
    finding = diagnose_after(iris, 1000)
    assert finding.disease == "unscaled_inputs"
    assert remedies_for(iris, finding)[0].change == {"scale": "on"}


def diagnose_after(config: RunConfig, epochs: int) -> Finding:
    runner = Runner.from_config(config)
    runner.advance(epochs)
    return diagnose(runner)[0]


def said(runner: Runner) -> dict[str, str]:
    facts = Facts.of(runner.described, runner.records)
    return {found.disease: sentence(facts, found) for found in diagnose(runner)}


def test_frozen_layers_are_not_blamed_for_standing_still() -> None:
    model: nn.Module = chain(8, 8, phi=nn.Tanh)
    for p in list(model.parameters())[:4]:
        p.requires_grad_(False)
    assert set(said(run(model, epochs=100))) == {"healthy"}
    # of frozen first layers the others are measured on their own
    model = each(chain(3, 3, 3, 3, phi=nn.Sigmoid), small)
    for p in list(model.parameters())[:2]:
        p.requires_grad_(False)
    assert "vanishing_gradient" in said(run(model))


@pytest.mark.parametrize(("phi", "loss"), [(nn.ReLU, None), (nn.Tanh, None), (nn.ReLU, "bce")])
def test_an_output_behind_a_dead_relu_is_named(phi: Callable[[], nn.Module], loss: Any) -> None:
    model = chain(8, phi=phi)
    with torch.no_grad():
        list(model.parameters())[-1].fill_(-9.0)
    loss = nn.BCELoss() if loss else None
    words = said(run(nn.Sequential(*model, nn.ReLU()), loss=loss))
    assert set(words) == {"dying_relu"}
    assert words["dying_relu"].startswith("1 of 1 units of fc2 are flat on every")


def test_a_saturated_network_of_several_activations_is_told_so_in_words() -> None:
    mixed: nn.Module = nn.Sequential(
        nn.Linear(2, 8), nn.LeakyReLU(), nn.Linear(8, 8), nn.ELU(), nn.Linear(8, 1)
    )
    text = said(run(each(mixed, silent), epochs=100))["saturation"]
    assert "where the activation is flat" in text


def test_amounts_far_from_the_first_answer_are_no_explosion() -> None:
    model = chain(8)
    amounts = X.sum(1, keepdim=True) - 100
    runner = Runner(
        model,
        torch.optim.SGD(model.parameters(), lr=1e-3),
        lambda p, t: -(p - t).abs().mean(),
        nn.L1Loss(),
    )
    runner.train((X[:400], amounts[:400]), (X[400:], amounts[400:]), 100)
    assert "exploding_gradient" not in said(runner)


class Parameters(nn.Module):
    """Two layers written as parameters, of which only the last is an nn.Linear."""

    def __init__(self, curved: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.w, self.out, self.curved = (
            nn.Parameter(torch.randn(2, 8) / 10),
            nn.Linear(8, 1),
            curved,
        )

    def forward(self, x: Tensor) -> Tensor:
        z = x @ self.w
        return torch.as_tensor(self.out(torch.tanh(z) if self.curved else z))


def test_a_network_is_called_straight_only_where_it_is() -> None:
    for curved in (True, False):
        data = run(Parameters(curved), epochs=3).records.data
        assert data is not None
        assert (data.linear_loss is None) == curved


class Side(nn.Module):
    """A layer that nobody reads stands last, so that nothing is known of what it passes on."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body, self.side = chain(8, 8), nn.Linear(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        self.seen = self.side(x)
        return torch.as_tensor(self.body(x))


class Mean(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.parts = nn.ModuleList([nn.Linear(2, 1) for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([part(x) for part in self.parts]).mean(0)


@pytest.mark.parametrize("build", [Side, Mean])
def test_a_signal_that_nobody_measured_has_not_vanished(build: Callable[[], nn.Module]) -> None:
    assert "vanishing_gradient" not in said(run(build(), epochs=60))


def test_a_loss_that_is_summed_or_weighted_is_held_against_its_own_constant_answer() -> None:
    y, weight = TRAIN[1], 20.0
    ones, zeros = float(y.sum()), float((1 - y).sum())

    def least(w: float) -> float:
        q = torch.tensor(w * ones / (w * ones + zeros))
        return float(-(w * ones * q.log() + zeros * (1 - q).log()))

    summed = run(chain(16), 1e-3, 300, loss=nn.BCEWithLogitsLoss(reduction="sum"))
    assert summed.records.constant_loss == pytest.approx(least(1.0), rel=1e-4)
    assert "none_of_these" not in said(summed)
    loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(weight))
    weighted = run(chain(16), 0.05, 300, loss=loss)
    assert weighted.records.constant_loss == pytest.approx(least(weight) / len(y), rel=1e-3)
    assert "none_of_these" not in said(weighted)


def test_a_function_of_ones_own_for_several_classes_has_a_constant_answer() -> None:
    torch.manual_seed(0)
    k = (X[:, 0] > 0).long() + (X[:, 1] > 0).long()
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))
    runner = run(
        model,
        epochs=3,
        sets=((X[:400], k[:400]), (X[400:], k[400:])),
        loss=lambda p, t: nn.functional.cross_entropy(p, t.long()),
    )
    share = torch.bincount(k[:400]).double() / 400
    assert runner.records.constant_loss == pytest.approx(-float((share * share.log()).sum()))
