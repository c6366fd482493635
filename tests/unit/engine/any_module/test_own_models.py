"""A network, loss, optimizer or data of one's own on the Runner: honoured as plain PyTorch does."""

import copy
import math
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from nndl_core.base.config import ActivationName, RunConfig
from nndl_core.data.catalog import dataset_of
from nndl_core.engine.records import LayerStats
from nndl_core.engine.runner import Runner
from nndl_core.network.model import MLP

X = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
Y = (X.prod(1) > 0).float()[:, None]
TRAIN, DEV = (X[:40], Y[:40]), (X[40:], Y[40:])
K3 = (X[:, 0] > 0).long() + (X[:, 1] > 0).long()


def net(seed: int = 0, width: int = 4) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 1))


def sgd(model: nn.Module, lr: float = 0.3) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=lr)


def trained(
    model: nn.Module,
    loss: Any = F.binary_cross_entropy_with_logits,
    sets: tuple[Any, Any] = (TRAIN, DEV),
    epochs: int = 10,
    hook: Callable[[Runner], object] | None = None,
) -> Runner:
    runner = Runner(model, sgd(model), loss_fn=loss)
    runner.train(sets[0], sets[1], num_epochs=epochs, custom_print_log=hook)
    return runner


def plain(
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor] = F.binary_cross_entropy_with_logits,
    optimizer: torch.optim.Optimizer | None = None,
    after: Callable[[], object] = lambda: None,
    before_step: Callable[[], object] = lambda: None,
    epochs: int = 10,
    y: Tensor = TRAIN[1],
) -> list[float]:
    optimizer = optimizer or sgd(model)
    losses = []
    for _ in range(epochs):
        optimizer.zero_grad()
        value = loss(model(TRAIN[0]), y)
        torch.autograd.backward(value)
        losses.append(value.item())
        before_step()
        optimizer.step()
        after()
    return losses


def same(first: nn.Module, second: nn.Module) -> bool:
    return all(
        torch.allclose(a, b, rtol=1e-5, atol=1e-7)
        for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


class Typed(nn.Module):
    """A lab's MLP with its forward typed by hand."""

    def __init__(self, twin: MLP, phi: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.hidden = nn.ModuleList([copy.deepcopy(fc) for fc in twin.layers[:-1]])
        self.out, self.phi = copy.deepcopy(twin.layers[-1]), phi

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.hidden:
            x = self.phi(layer(x))
        return torch.as_tensor(self.out(x))


PHI: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": lambda z: F.leaky_relu(z, 0.2),
    "elu": lambda z: F.elu(z, 0.7),
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": F.softplus,
    "identity": lambda z: z,
}
SLOPES = {"leaky_relu": 0.2, "elu": 0.7}


@pytest.mark.parametrize("name", get_args(ActivationName))
@pytest.mark.parametrize("bias", [0.3, -3.0])
def test_the_records_are_those_of_the_machine_code(name: ActivationName, bias: float) -> None:
    config = RunConfig(
        points=100, hidden=(4, 3), activation=name, slope=SLOPES.get(name, 0.01), bias=bias,
        dtype="float64", epochs=15, learning_rate=0.5,
    )  # fmt: skip
    lab = Runner.from_config(config)
    typed = Typed(lab.model, PHI[name])
    lab.advance(15)
    data = dataset_of(config)
    runner = Runner(typed, sgd(typed, 0.5), loss_fn=nn.BCEWithLogitsLoss())
    runner.train(data.train, data.dev, num_epochs=15)
    assert len(runner.records) == 15
    for ours, theirs in zip(runner.records, lab.records, strict=True):
        assert ours.train_loss == pytest.approx(theirs.train_loss, rel=1e-9)
        assert ours.dev_loss == pytest.approx(theirs.dev_loss, rel=1e-9)
        assert (ours.train_accuracy, ours.dev_accuracy) == (
            theirs.train_accuracy,
            theirs.dev_accuracy,
        )
        for one, other in zip(ours.layers, theirs.layers, strict=True):
            for f in fields(LayerStats):
                expected = getattr(other, f.name)
                assert getattr(one, f.name) == pytest.approx(expected, rel=1e-6, abs=1e-14), f.name
    assert runner.records.constant_loss == pytest.approx(lab.records.constant_loss)


def test_a_subclass_of_the_labs_network_is_trained_with_its_own_forward() -> None:
    class Doubled(MLP):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x)

    torch.manual_seed(0)
    model = Doubled((2, 4, 1))
    twin = copy.deepcopy(model)
    runner = trained(model)
    assert runner.train_loss == pytest.approx(plain(twin), rel=1e-6)
    assert same(model, twin)


@pytest.mark.parametrize("build", [lambda: MLP((2, 4, 1), "tanh"), net])
def test_frozen_parameters_stay_and_the_others_learn(build: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    model = build()
    for p in list(model.parameters())[:2]:
        p.requires_grad_(False)
    twin, start = copy.deepcopy(model), copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD([p for p in twin.parameters() if p.requires_grad], lr=0.3)
    runner = trained(model)
    assert runner.train_loss == pytest.approx(plain(twin, optimizer=optimizer), rel=1e-6)
    now = list(model.state_dict().items())
    assert all(torch.equal(t, start[name]) for name, t in now[:2])
    assert not any(torch.equal(t, start[name]) for name, t in now[2:])
    first, last = runner.records[-1].layers
    assert math.isnan(first.weight_grad_norm)
    assert first.update_ratio == first.changed_share == 0
    assert last.weight_grad_norm > 0


def test_parameters_frozen_between_two_trainings_stay() -> None:
    torch.manual_seed(0)
    model = MLP((2, 4, 1))
    runner = Runner(model, sgd(model))
    runner.train(TRAIN, DEV, num_epochs=5)
    model.layers[0].weight.requires_grad_(False)
    before = model.layers[0].weight.clone()
    runner.train(num_epochs=5)
    assert torch.equal(model.layers[0].weight, before)
    assert [r.epoch for r in runner.records] == list(range(10))


def test_what_does_not_require_a_gradient_need_not_be_in_the_optimizer() -> None:
    model = net()
    head = list(model.parameters())[2:]
    with pytest.raises(ValueError, match="does not hold this model's parameters"):
        Runner(model, torch.optim.SGD(head, lr=0.1))
    for p in list(model.parameters())[:2]:
        p.requires_grad_(False)
    Runner(model, torch.optim.SGD(head, lr=0.1)).train(TRAIN, DEV, num_epochs=2)
    for p in head:
        p.requires_grad_(False)
    with pytest.raises(ValueError, match="no parameter that can be trained"):
        Runner(model, torch.optim.SGD(head, lr=0.1))


@pytest.mark.parametrize("build", [lambda: MLP((2, 4, 1), "tanh"), net])
def test_a_scheduler_in_the_hook_or_in_the_loop_counts(build: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    hooked = build()
    looped, twin = copy.deepcopy(hooked), copy.deepcopy(hooked)
    optimizer = sgd(twin, 1.0)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    expected = plain(twin, optimizer=optimizer, after=scheduler.step)

    optimizer = sgd(looped, 1.0)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    runner = Runner(looped, optimizer, loss_fn=nn.BCEWithLogitsLoss())
    for _ in range(10):
        runner.train(TRAIN, DEV, num_epochs=1)
        scheduler.step()
    assert runner.train_loss == pytest.approx(expected, rel=1e-5)

    # the hook comes before the step of its epoch, so its first call must not halve the rate
    optimizer = sgd(hooked, 1.0)
    runner = Runner(hooked, optimizer, loss_fn=nn.BCEWithLogitsLoss())

    def halve(r: Runner) -> None:
        optimizer.param_groups[0]["lr"] = 0.5**r.epoch

    runner.train(TRAIN, DEV, num_epochs=10, custom_print_log=halve)
    assert runner.train_loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("build", [lambda: MLP((2, 4, 1), "tanh"), net])
def test_a_hook_that_clips_gradients_clips_them(build: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    model = build()
    twin = copy.deepcopy(model)

    def clip(m: nn.Module) -> object:
        return torch.nn.utils.clip_grad_norm_(m.parameters(), 0.01)

    runner = trained(model, hook=lambda r: clip(r.model))
    assert runner.train_loss == pytest.approx(plain(twin, before_step=lambda: clip(twin)), rel=1e-6)
    assert same(model, twin)


def loader_of(seed: int, **more: Any) -> DataLoader[Any]:
    generator = torch.Generator().manual_seed(seed)
    return DataLoader(TensorDataset(*TRAIN), 16, shuffle=True, generator=generator, **more)


@pytest.mark.parametrize("drop_last", [True, False])
@pytest.mark.parametrize("build", [lambda: MLP((2, 4, 1), "tanh"), net])
def test_a_data_loader_gives_its_own_batches(
    build: Callable[[], nn.Module], drop_last: bool
) -> None:
    torch.manual_seed(0)
    model = build()
    twin, loader = copy.deepcopy(model), loader_of(7, drop_last=drop_last)
    optimizer, losses = sgd(twin), []
    for _ in range(6):
        with torch.no_grad():
            losses.append(F.binary_cross_entropy_with_logits(twin(TRAIN[0]), TRAIN[1]).item())
        for x, y in loader:
            optimizer.zero_grad()
            torch.autograd.backward(F.binary_cross_entropy_with_logits(twin(x), y))
            optimizer.step()
    sets = (loader_of(7, drop_last=drop_last), DataLoader(TensorDataset(*DEV), 5))
    runner = trained(model, sets=sets, epochs=6)
    assert runner.train_loss == pytest.approx(losses, rel=1e-5)
    assert same(model, twin)
    assert runner.evaluate(sets[1]) == pytest.approx(runner.evaluate(DEV))


class Pairs(Dataset[tuple[Tensor, Tensor]]):
    def __len__(self) -> int:
        return len(TRAIN[0])

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return TRAIN[0][index], TRAIN[1][index]


class Stream(IterableDataset[tuple[Tensor, Tensor]]):
    def __iter__(self) -> Any:
        return iter(zip(*TRAIN, strict=True))


def test_data_sets_of_torch_are_read_whole() -> None:
    expected = trained(net()).train_loss
    for data in (TensorDataset(*TRAIN), Pairs()):
        assert trained(net(), sets=(data, DEV)).train_loss == expected
    streamed = trained(net(), sets=(DataLoader(Stream(), 40), DEV))
    assert streamed.train_loss == pytest.approx(expected, rel=1e-6)


def test_batches_of_a_size_are_those_of_the_labs_own_network() -> None:
    data = dataset_of(RunConfig(points=100))
    lab = MLP((2, 4, 1), "tanh", dtype=torch.float64)
    own = Typed(lab, torch.tanh)
    runners = [Runner(m, sgd(m), loss_fn=nn.BCEWithLogitsLoss()) for m in (lab, own)]
    for runner in runners:
        runner.train(data.train, data.dev, num_epochs=8, batch_size=10)
    assert runners[0].train_loss == pytest.approx(runners[1].train_loss, rel=1e-9)


Y3 = F.one_hot(K3[:40], 3).float()
LOSSES: list[tuple[str, Any, Callable[[], nn.Module], Tensor]] = [
    ("bce with logits", nn.BCEWithLogitsLoss(), net, TRAIN[1]),
    ("weighted", nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0])), net, TRAIN[1]),
    ("bce", nn.BCELoss(), lambda: nn.Sequential(*net(), nn.Sigmoid()), TRAIN[1]),
    ("mse", F.mse_loss, net, TRAIN[1]),
    ("own function", lambda p, y: ((p - y) ** 2).mean(), net, TRAIN[1]),
    ("hinge", lambda p, y: F.relu(1 - p * (2 * y - 1)).mean(), net, TRAIN[1]),
    ("cross entropy", nn.CrossEntropyLoss(), lambda: net_of(3), K3[:40]),
    ("smoothed", nn.CrossEntropyLoss(label_smoothing=0.1), lambda: net_of(3), K3[:40]),
    ("one hot", nn.CrossEntropyLoss(), lambda: net_of(3), Y3),
    ("nll", F.nll_loss, lambda: nn.Sequential(*net_of(3), nn.LogSoftmax(1)), K3[:40]),
    ("several labels", F.binary_cross_entropy_with_logits, lambda: net_of(3), Y3),
]


def net_of(outputs: int) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, outputs))


@pytest.mark.parametrize(("kind", "loss", "build", "y"), LOSSES, ids=[kind for kind, *_ in LOSSES])
def test_losses_are_those_that_were_passed(
    kind: str, loss: Any, build: Callable[[], nn.Module], y: Tensor
) -> None:
    model = build()
    twin = copy.deepcopy(model)
    runner = trained(model, loss, sets=((TRAIN[0], y), (TRAIN[0], y)))
    assert runner.train_loss == pytest.approx(plain(twin, loss, y=y), rel=1e-6)
    assert runner.dev_loss == pytest.approx(runner.train_loss, rel=1e-6)
    assert same(model, twin)
    assert 0 <= runner.train_scores[-1] <= 1
    outputs = twin(TRAIN[0])
    if kind in ("bce with logits", "weighted", "hinge"):
        right = ((outputs >= 0) == (y > 0.5)).double().mean().item()
        assert runner.evaluate((TRAIN[0], y))[0] == right
    if kind in ("cross entropy", "smoothed", "one hot", "nll"):
        right = (outputs.argmax(1) == K3[:40]).double().mean().item()
        assert runner.evaluate((TRAIN[0], y))[0] == right


@pytest.mark.parametrize("name", ["bce", "mse"])
@pytest.mark.parametrize("ends", ["logits", "probabilities"])
def test_a_named_loss_is_that_of_what_the_network_gives(name: str, ends: str) -> None:
    lab = MLP((2, 4, 1), "tanh")
    own = Typed(lab, torch.tanh)
    model = own if ends == "logits" else nn.Sequential(own, nn.Sigmoid())
    first = Runner(lab, sgd(lab), loss_fn=name)
    second = Runner(model, sgd(model), loss_fn=name)
    for runner in (first, second):
        runner.train(TRAIN, DEV, num_epochs=5)
    assert second.train_loss == pytest.approx(first.train_loss, rel=1e-5)
    assert second.train_scores == first.train_scores


def test_the_shape_of_labels_never_broadcasts() -> None:
    for y in (TRAIN[1][:, 0], TRAIN[1].long(), TRAIN[1].bool()):
        for loss in (
            F.mse_loss,
            F.binary_cross_entropy_with_logits,
            lambda p, t: (p - t).abs().mean(),
        ):
            model = net()
            twin = copy.deepcopy(model)
            runner = trained(model, loss, sets=((TRAIN[0], y), DEV))
            assert runner.train_loss == pytest.approx(plain(twin, loss), rel=1e-6)
    flat = nn.Sequential(*net(), nn.Flatten(0))
    assert trained(flat).train_loss == pytest.approx(trained(net()).train_loss, rel=1e-6)


OPTIMIZERS: list[Callable[[nn.Module], torch.optim.Optimizer]] = [
    lambda m: torch.optim.RMSprop(m.parameters(), lr=0.01),
    lambda m: torch.optim.AdamW(m.parameters(), lr=0.01),
    lambda m: torch.optim.Adagrad(m.parameters(), lr=0.1),
    lambda m: torch.optim.Adam(m.parameters(), lr=0.01, amsgrad=True),
    lambda m: torch.optim.SGD(
        [{"params": [p], "lr": 0.1 * (i + 1)} for i, p in enumerate(m.parameters())]
    ),
]


@pytest.mark.parametrize("of", OPTIMIZERS)
@pytest.mark.parametrize("build", [lambda: MLP((2, 4, 1), "tanh"), net])
def test_any_optimizer_of_torch_makes_its_own_steps(
    of: Callable[[nn.Module], torch.optim.Optimizer], build: Callable[[], nn.Module]
) -> None:
    torch.manual_seed(0)
    model = build()
    twin = copy.deepcopy(model)
    runner = Runner(model, of(model), loss_fn=nn.BCEWithLogitsLoss())
    runner.train(TRAIN, DEV, num_epochs=10)
    assert runner.train_loss == pytest.approx(plain(twin, optimizer=of(twin)), rel=1e-5)
    assert same(model, twin)


def test_an_optimizer_with_a_closure_gets_one() -> None:
    model, twin = net(), net()
    optimizer = torch.optim.LBFGS(twin.parameters(), line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(twin(TRAIN[0]), TRAIN[1])
        torch.autograd.backward(loss)
        return loss

    step: Any = optimizer.step
    losses = [step(closure).item() for _ in range(4)]
    own = torch.optim.LBFGS(model.parameters(), line_search_fn="strong_wolfe")
    runner = Runner(model, own, loss_fn=nn.BCEWithLogitsLoss())
    runner.train(TRAIN, DEV, num_epochs=4)
    assert runner.train_loss == pytest.approx(losses, rel=1e-5)
    assert losses[-1] < 0.9 * losses[0]


class Odd(nn.Module):
    """Parts of many kinds: a convolution, a shortcut, a layer used twice and one never used."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 3, 2, padding=1)
        self.a, self.b, self.c = nn.Linear(9, 4), nn.Linear(4, 4), nn.Linear(4, 1, bias=False)
        self.unused = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.conv(x[:, None])).flatten(1)
        h = torch.tanh(self.a(h))
        h = h + self.b(F.relu(self.b(h)))
        return torch.as_tensor(self.c(h))


def chain(*middle: nn.Module, width: int = 5) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        fresh = copy.deepcopy(middle)
        return nn.Sequential(nn.Linear(2, width), *fresh, nn.Linear(width, 1))

    return build


def bare() -> nn.Module:
    return nn.Sequential(nn.Unflatten(1, (1, 2)), nn.Conv1d(1, 1, 2), nn.Flatten())


NETS: list[tuple[str, Callable[[], nn.Module], int]] = [
    ("odd", Odd, 3),
    ("in place", chain(nn.ReLU(inplace=True)), 2),
    ("dropout", chain(nn.ReLU(), nn.Dropout(0.3)), 2),
    ("batch norm", chain(nn.BatchNorm1d(5), nn.ReLU()), 2),
    ("layer norm", chain(nn.LayerNorm(5), nn.Tanh()), 2),
    ("no layer", bare, 0),
    ("one layer", lambda: nn.Sequential(nn.Linear(2, 1)), 1),
]


@pytest.mark.parametrize(("kind", "build", "layers"), NETS, ids=[n[0] for n in NETS])
def test_any_network_trains_as_in_plain_pytorch_and_is_measured(
    kind: str, build: Callable[[], nn.Module], layers: int, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = build()
    twin = copy.deepcopy(model)
    optimizer = sgd(twin)
    for p in twin.parameters():
        p.grad = torch.zeros_like(p)  # a part that is not used has no gradient
    torch.manual_seed(1)
    expected = plain(twin, optimizer=optimizer)
    torch.manual_seed(1)
    runner = trained(model)
    assert runner.train_loss == pytest.approx(expected, rel=1e-6)
    if kind != "batch norm":  # looking at the outputs once more moves no weight, but its averages
        assert same(model, twin)
    assert [len(r.layers) for r in runner.records] == [layers] * 10
    path = tmp_path / "model.pt"
    runner.save_model(path)
    other = Runner(fresh := build(), sgd(fresh), loss_fn=nn.BCEWithLogitsLoss())
    other.load_model(path)
    assert torch.equal(other.predict(DEV[0]), runner.predict(DEV[0]))
    assert runner.model.training


def test_batch_norm_keeps_the_averages_of_plain_pytorch() -> None:
    torch.manual_seed(0)
    model = NETS[3][1]()
    twin = copy.deepcopy(model)
    plain(twin)
    trained(model)
    assert same(model, twin)


def test_dead_units_are_counted_also_of_a_function_that_nobody_knows() -> None:
    torch.manual_seed(0)
    first = nn.Linear(2, 6)
    model = nn.Sequential(first, nn.Hardtanh(0.0, 1.0), nn.Linear(6, 1))
    with torch.no_grad():
        first.bias[:2] = -50.0
        first.bias[2] = 50.0
        z = first(TRAIN[0])
    record = trained(model, epochs=1).records[0]
    with torch.no_grad():
        inside = (z > 0) & (z < 1)
    assert record.layers[0].dead_units == int((~inside.any(0)).sum()) >= 3
    assert record.layers[0].saturated_share == pytest.approx((~inside).double().mean().item())


def test_forward_is_called_in_evaluation_mode_where_nothing_is_trained() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 9), nn.Dropout(0.5), nn.Linear(9, 1))
    model[1].eval()  # a part that its owner has put to rest
    runner = trained(model, nn.BCEWithLogitsLoss())
    assert (model.training, model[1].training) == (True, False)
    model.train()
    assert runner.evaluate(DEV) == runner.evaluate(DEV)
    assert torch.equal(runner.predict(DEV[0]), runner.predict(DEV[0]))
    assert model[1].training


def test_the_best_parameters_are_evaluated_predicted_and_saved(tmp_path: Path) -> None:
    model = net()
    runner = Runner(model, sgd(model, 3.0), loss_fn=nn.BCEWithLogitsLoss())
    runner.train(TRAIN, DEV, num_epochs=60, save_path=tmp_path / "best.pt")
    assert runner.best is not None
    assert runner.best.score == max(runner.dev_scores)
    score, loss = runner.evaluate(DEV, best=True)
    assert score == runner.best.score
    assert loss == pytest.approx(runner.dev_loss[runner.best.epoch], rel=1e-6)
    saved = net()
    saved.load_state_dict(torch.load(tmp_path / "best.pt"))
    assert torch.equal(runner.predict(DEV[0], best=True), saved(DEV[0]))


def test_a_run_that_diverges_stops_at_its_last_finite_parameters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = net()
    runner = Runner(model, sgd(model, 1e30), loss_fn=F.mse_loss)
    runner.train(TRAIN, DEV, num_epochs=50)
    assert runner.diverged is not None
    assert runner.finished
    assert len(runner.records) == runner.diverged.epoch
    assert all(p.isfinite().all() for p in model.parameters())
    assert math.isfinite(runner.evaluate(DEV)[1])
    assert all(map(math.isfinite, runner.train_loss))
    assert (
        f"the loss of epoch {runner.diverged.epoch} is no finite number" in capsys.readouterr().out
    )


def test_evaluating_and_predicting_need_no_training() -> None:
    model = net()
    runner = Runner(model, sgd(model), loss_fn=nn.BCEWithLogitsLoss())
    expected = F.binary_cross_entropy_with_logits(model(DEV[0]), DEV[1]).item()
    assert runner.evaluate(DEV)[1] == pytest.approx(expected)
    assert torch.equal(runner.predict(DEV[0].numpy()), model(DEV[0]))


def test_iterating_is_training_epoch_by_epoch() -> None:
    straight, runner = trained(net()), trained(net(), epochs=4)
    runner.num_epochs = 10
    assert [r.epoch for r in runner] == list(range(4, 10))
    assert list(runner.records) == list(straight.records)


def test_the_runner_says_once_that_autograd_trains(capsys: pytest.CaptureFixture[str]) -> None:
    runner = trained(net())
    runner.train(num_epochs=3)
    runner.train(TRAIN, DEV, num_epochs=3)
    said = capsys.readouterr().out
    assert said.count("[Runner]") == 1
    assert "because of the network Sequential" in said
    model = MLP((2, 4, 1))
    Runner(model, sgd(model)).train(TRAIN, DEV, num_epochs=3)
    assert capsys.readouterr().out == ""


def test_a_metric_may_return_a_tensor_and_sees_what_the_network_gives() -> None:
    seen: list[tuple[list[int], list[int]]] = []

    def share(outputs: Tensor, labels: Tensor) -> Tensor:
        seen.append((list(outputs.shape), list(labels.shape)))
        assert not outputs.requires_grad
        return ((outputs > 0) == (labels > 0)).float().mean()

    for model in (net(), MLP((2, 4, 1))):
        runner = Runner(model, sgd(model), share, nn.BCEWithLogitsLoss())
        runner.train(TRAIN, DEV, num_epochs=2)
        assert all(type(score) is float for score in runner.train_scores)
    assert all(shapes[0] == shapes[1] for shapes in seen)


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.fc(x), x


class OpNet:
    """The chapter's network of op classes is no Module."""

    def forward(self, x: Tensor) -> Tensor:
        return x


WHOLE: Any = dataset_of(RunConfig())
LABELS = torch.arange(40)
BCE, CE = nn.BCEWithLogitsLoss(), nn.CrossEntropyLoss()


def broken(*arguments: Any) -> Callable[[], object]:
    return lambda: Runner(*arguments)


def runner_of(model: Any, loss: Any = BCE, metric: Any = None, optimizer: Any = None) -> Runner:
    return Runner(model, optimizer or sgd(model), metric, loss)


def train_on(
    y: Any, model: Callable[[], nn.Module] = net, loss: Any = BCE, x: Any = TRAIN[0]
) -> Callable[[], object]:
    return lambda: runner_of(model(), loss).train((x, y), DEV, num_epochs=2)


def train_with(*arguments: Any) -> Callable[[], object]:
    return lambda: runner_of(net()).train(*arguments)


def train_for(epochs: Any) -> Callable[[], object]:
    return train_with(TRAIN, DEV, epochs)


REFUSED: list[tuple[str, Callable[[], object], str]] = [
    ("op classes", broken(OpNet(), sgd(net())), "model is of type OpNet; .*nn.Module"),
    ("a class", lambda: runner_of(Pair, optimizer=sgd(net())), "the class Pair itself"),
    ("no optimizer", broken(net(), 0.2), "optimizer is of type float"),
    ("optimizer class", broken(net(), torch.optim.SGD), "the class SGD itself"),
    ("other model", lambda: Runner(net(), sgd(net())), "does not hold this model's parameters"),
    ("loss class", lambda: runner_of(net(), nn.BCELoss), r"write BCELoss\(\) to make one"),
    ("loss none", lambda: runner_of(net(), None), "loss_fn is of type NoneType"),
    ("metric name", lambda: runner_of(net(), BCE, "accuracy"), "metric is of type str"),
    ("tuple out", train_on(TRAIN[1], Pair), "forward has to return a tensor .* returned tuple"),
    ("three inputs", train_on(TRAIN[1], lambda: nn.Linear(3, 1)), r"cannot compute .*\[40, 2\]"),
    ("lab: three inputs", train_on(TRAIN[1], lambda: MLP((3, 5, 1))), "has 3 inputs"),
    ("labels 0 to 39", train_on(LABELS), "index 2 is 2; one output takes the labels 0 and 1"),
    ("labels of -1 and 1", train_on(2 * TRAIN[1] - 1), r"\(y \+ 1\) / 2"),
    ("soft labels", train_on(0.3 * TRAIN[1] + 0.2), "only classes are learned here"),
    ("an amount", train_on(TRAIN[0][:, :1], loss=F.mse_loss), "no accuracy .*; pass a metric"),
    (
        "hinge",
        train_on(2 * TRAIN[1] - 1, loss=lambda p, y: (1 - p * y).relu().mean()),
        "no accuracy .*; pass a metric",
    ),
    ("epochs in text", train_for("10"), "num_epochs: '10' must"),
    ("no pairs", train_with(*TRAIN, *DEV), "a pair .*of type Tensor"),
    (
        "no folder",
        lambda: runner_of(net()).train(TRAIN, DEV, 2, save_path="no/such/model.pt"),
        "no folder no/such in which",
    ),
    ("epochs below 0", train_for(-3), "num_epochs: -3 must"),
    ("half an epoch", train_for(2.5), "num_epochs: 2.5 must"),
    ("log below 0", lambda: runner_of(net()).train(TRAIN, DEV, 3, -1), "log_epochs: -1 must"),
    (
        "batch below 0",
        lambda: runner_of(net()).train(TRAIN, DEV, 3, batch_size=-1),
        "batch_size: -1 must be a whole number",
    ),
    ("labels 1 to 3", train_on(K3[:40] + 1, lambda: net_of(3), CE), "count the classes from 0"),
    ("lab: soft", train_on(0.3 * TRAIN[1], lambda: MLP((2, 4, 1))), "only classes are learned"),
    ("lab: an amount", train_on(X[:40, 0], lambda: MLP((2, 4, 1)), "mse"), "only classes"),
    ("labels of nan", train_on(TRAIN[1] * float("nan")), "leave out the rows"),
    ("nan", train_on(TRAIN[1], x=torch.where(LABELS[:, None] == 3, torch.nan, X[:40])), "nan at"),
    ("lab: nan", train_on(TRAIN[1], lambda: MLP((2, 4, 1)), x=X[:40] / 0), "row 0 and column 0"),
    ("too few labels", train_on(TRAIN[1][:39]), r"shape \[39, 1\] do not fit .*\[40, 2\]"),
    ("text", train_on(["a"] * 40), "The labels are of type list, of length 40"),
    ("ragged", train_on(TRAIN[1], x=[[1.0, 2.0], [1.0]]), "The examples are of type list"),
    ("empty", train_on(TRAIN[1][:0], x=TRAIN[0][:0]), "empty; at least one"),
    ("two columns of labels", train_on(torch.cat([TRAIN[1]] * 2, 1)), "\\[40, 2\\]"),
    ("a set of three", lambda: runner_of(net()).train((X, Y, Y), DEV), "a pair"),
    ("a whole data set", lambda: runner_of(net()).train(WHOLE), "three parts"),
    (
        "none reduction",
        train_on(TRAIN[1], loss=nn.BCEWithLogitsLoss(reduction="none")),
        "one number",
    ),
    ("a float loss", train_on(TRAIN[1], loss=lambda p, y: 0.5), "one number, .* float"),
    ("bce of logits", train_on(TRAIN[1], lambda: MLP((2, 4, 1)), F.binary_cross_entropy), "logits"),
    ("bce of ten", train_on(K3[:40], lambda: net_of(10), "bce"), "choose 'cross_entropy'"),
    ("cross entropy of one", train_on(TRAIN[1], net, "cross_entropy"), "choose 'bce'"),
    (
        "metric of two numbers",
        lambda: runner_of(net(), BCE, lambda p, y: torch.ones(2)).train(TRAIN, DEV, 1),
        r"metric has to return one number, and it returned \[2\]",
    ),
    (
        "a loss without a gradient",
        lambda: runner_of(net(), lambda p, y: ((p > 0) == y).float().mean(), BCE).train(
            TRAIN, DEV, 1
        ),
        "no gradient; .*order",
    ),
    ("nll of logits", train_on(K3[:40], lambda: net_of(3), nn.NLLLoss()), "log_softmax"),
    (
        "nll of probabilities",
        train_on(K3[:40], lambda: nn.Sequential(*net_of(3), nn.Softmax(1)), F.nll_loss),
        "log_softmax in place of softmax",
    ),
    ("cross entropy module of one", train_on(TRAIN[1], loss=CE), "always 0; give the network two"),
    (
        "bce of tanh",
        train_on(TRAIN[1], lambda: nn.Sequential(*net(), nn.Tanh()), nn.BCELoss()),
        "from 0 to 1; end forward with torch.sigmoid",
    ),
    ("no data", lambda: next(runner_of(net())), "nothing to train on yet"),
    ("measure", lambda: trained(net()).measure(), "lab's own network"),
    ("predict text", lambda: runner_of(net()).predict("x"), "The examples are of type str"),
    ("predict wide", lambda: runner_of(net()).predict(torch.ones(3, 5)), r"\[3, 5\]"),
    ("lab: predict wide", lambda: runner_of(MLP((2, 3, 1))).predict(torch.ones(3, 5)), "2 inputs"),
    ("lab: evaluate", lambda: runner_of(MLP((2, 3, 1))).evaluate((X, X)), "do not fit"),
]


@pytest.mark.parametrize(("kind", "call", "words"), REFUSED, ids=[r[0] for r in REFUSED])
def test_what_does_not_fit_is_refused_in_one_sentence(
    kind: str, call: Callable[[], object], words: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=words) as caught:
        call()
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    assert "<" not in text


def test_an_error_of_the_students_own_code_is_left_as_it_is() -> None:
    class Misspelt(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2, 1)

        def forward(self, x: Tensor) -> Tensor:
            misspelt: Any = self.fcc
            return torch.as_tensor(misspelt(x))

    with pytest.raises(AttributeError, match="fcc"):
        trained(Misspelt())


def test_an_amount_is_learned_with_a_loss_and_a_metric_for_it() -> None:
    y = X.sum(1, keepdim=True)

    def r2(p: Tensor, t: Tensor) -> Tensor:
        return 1 - ((p - t) ** 2).sum() / ((t - t.mean()) ** 2).sum()

    model = net()
    runner = Runner(model, sgd(model, 0.1), r2, nn.MSELoss())
    runner.train((X[:40], y[:40]), (X[40:], y[40:]), num_epochs=300)
    assert runner.train_scores[-1] > 0.9
    assert runner.records.constant_loss == pytest.approx(
        y[:40].double().var(0, correction=0).item()
    )


def test_arrays_that_cannot_be_written_to_are_copied() -> None:
    x: Any = np.copy(TRAIN[0].numpy())
    x.setflags(write=False)
    assert trained(net(), sets=((x, TRAIN[1]), DEV)).train_loss == trained(net()).train_loss


def sharing() -> nn.Module:
    torch.manual_seed(0)
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    return nn.Sequential(
        nn.Linear(2, 4), nn.Tanh(), first, nn.Tanh(), second, nn.Tanh(), first, nn.Linear(4, 1)
    )


@pytest.mark.parametrize("build", [sharing, lambda: nn.DataParallel(net())])
def test_the_best_parameters_of_any_network_can_be_looked_at(
    build: Callable[[], nn.Module],
) -> None:
    runner = trained(build())
    before = copy.deepcopy(runner.model.state_dict())
    score, loss = runner.evaluate(DEV, best=True)
    assert runner.best is not None
    assert score == runner.best.score
    assert loss == pytest.approx(runner.dev_loss[runner.best.epoch], rel=1e-6)
    assert all(torch.equal(t, before[n]) for n, t in runner.model.state_dict().items())


NORMS: list[Callable[[nn.Linear], nn.Module]] = [
    torch.nn.utils.parametrizations.weight_norm,
    torch.nn.utils.parametrizations.spectral_norm,
    torch.nn.utils.parametrizations.orthogonal,
    torch.nn.utils.weight_norm,
    torch.nn.utils.spectral_norm,
]


@pytest.mark.parametrize("normed", NORMS)
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_weight_made_of_parts_trains_as_in_plain_pytorch_and_is_measured(
    normed: Callable[[nn.Linear], nn.Module],
) -> None:
    def build() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(normed(nn.Linear(2, 6)), nn.Tanh(), nn.Linear(6, 1))

    runner = trained(build())
    assert runner.train_loss == pytest.approx(plain(build()), rel=1e-6)
    for record in runner.records:
        assert record.layers[0].weight_grad_norm > 0
        assert record.layers[0].update_ratio > 0
        assert record.layers[0].changed_share > 0


def test_a_run_with_probabilities_that_diverges_says_so() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1), nn.Sigmoid())
    runner = Runner(model, sgd(model, 1e38), loss_fn=nn.BCELoss())
    runner.train(TRAIN, DEV, num_epochs=50)
    assert runner.diverged is not None
    assert all(p.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize(
    ("end", "width", "loss"),
    [(nn.Sigmoid(), 1, BCE), (nn.Softmax(1), 2, CE), (nn.LogSoftmax(1), 2, CE)],
)
def test_a_second_sigmoid_or_softmax_is_said(
    end: nn.Module, width: int, loss: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, width), end)
    runner = Runner(model, sgd(model), loss_fn=loss)
    runner.train(TRAIN, DEV, num_epochs=300)
    runner.train(num_epochs=1)
    said = capsys.readouterr().out.count("applied twice")
    assert said == (not isinstance(end, nn.LogSoftmax))  # a second log softmax changes nothing
    p = runner.predict(DEV[0])
    answer = p.argmax(1) if width == 2 else (p[:, 0] >= 0.5).long()
    right = (answer == DEV[1][:, 0]).double().mean().item()
    assert runner.evaluate(DEV)[0] == right


class Unregistered(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers, self.out = [nn.Linear(2, 4), nn.Linear(4, 4)], nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return torch.as_tensor(self.out(x))


def test_layers_in_a_plain_list_are_said_to_be_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = Unregistered()
    trained(model)
    said = capsys.readouterr().out
    assert "does not hold (Linear(in_features=2, out_features=4, bias=True), Linear(" in said
    for p in (p for layer in model.layers for p in layer.parameters()):
        p.requires_grad_(False)
    trained(model)
    assert "does not hold" not in capsys.readouterr().out


class Holding(nn.Module):
    """A network with something beside its weights."""

    def __init__(self, held: Tensor, width: int = 4) -> None:
        super().__init__()
        self.register_buffer("held", held)
        self.body = net(width=width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.body(x))


HELD = [
    torch.arange(4),
    torch.tensor([True, False]),
    torch.full((2, 2), -math.inf).triu(1),
    torch.ones(2, dtype=torch.int32),
    torch.ones(2, dtype=torch.float16),
]


@pytest.mark.parametrize("ending", ["pt", "safetensors"])
@pytest.mark.parametrize("held", HELD, ids=[str(h.dtype) for h in HELD])
def test_what_a_network_holds_beside_its_weights_is_saved_and_read(
    held: Tensor, ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"model.{ending}"
    runner = trained(Holding(held), epochs=3)
    runner.save_model(path)
    fresh = runner_of(Holding(held))
    fresh.load_model(path)
    assert same(fresh.model, runner.model)


@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_a_wide_network_is_read_again_and_a_larger_file_is_called_too_large(
    ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"model.{ending}"
    wide = nn.Sequential(nn.Linear(2, 1500), nn.Linear(1500, 1500), nn.Linear(1500, 1))
    runner = runner_of(wide)
    runner.save_model(path)
    runner.load_model(path)
    with pytest.raises(ValueError, match="bytes; a checkpoint has at most"):
        runner_of(net()).load_model(path)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_network_of_short_numbers_is_saved_and_read(dtype: torch.dtype, tmp_path: Path) -> None:
    runner = trained(net().to(dtype), epochs=2)
    runner.save_model(tmp_path / "model.pt")
    fresh = runner_of(net(1).to(dtype))
    fresh.load_model(tmp_path / "model.pt")
    assert same(fresh.model, runner.model)
