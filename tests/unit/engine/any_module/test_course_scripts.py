"""The chapter's scripts as a student writes them, on our Runner; plain PyTorch is the oracle."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.init import constant_, normal_

from nndl_core.data.points import make_moons
from nndl_core.engine.runner import Runner

Loop = list[tuple[float, dict[str, float]]]
"""Loss and gradient norm of every weight, epoch by epoch."""


class Model_MLP_L2_V2(nn.Module):  # noqa: N801 - the chapter's own name
    def __init__(self, input_size: int, hidden_size: int, output_size: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        normal_(self.fc1.weight, mean=0.0, std=1.0)
        constant_(self.fc1.bias, val=0.0)
        self.fc2 = nn.Linear(hidden_size, output_size)
        normal_(self.fc2.weight, mean=0.0, std=1.0)
        constant_(self.fc2.bias, val=0.0)
        self.act_fn = torch.sigmoid

    def forward(self, inputs: Tensor) -> Tensor:
        z1 = self.fc1(inputs)
        a1 = self.act_fn(z1)
        z2 = self.fc2(a1)
        a2 = self.act_fn(z2)
        return a2


class Model_MLP_L3(nn.Module):  # noqa: N801
    def __init__(self, sizes: tuple[int, ...] = (2, 5, 3, 1)) -> None:
        super().__init__()
        self.fc1 = nn.Linear(sizes[0], sizes[1])
        self.fc2 = nn.Linear(sizes[1], sizes[2])
        self.fc3 = nn.Linear(sizes[2], sizes[3])
        for m in self.modules():
            if isinstance(m, nn.Linear):
                normal_(m.weight, mean=0.0, std=1.0)
                constant_(m.bias, 0.0)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.sigmoid(self.fc1(x))
        x = torch.sigmoid(self.fc2(x))
        return torch.sigmoid(self.fc3(x))


class Model_MLP_L5(nn.Module):  # noqa: N801
    def __init__(self, input_size: int, output_size: int, act: str, b: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(input_size, 3)
        self.fc2 = nn.Linear(3, 3)
        self.fc3 = nn.Linear(3, 3)
        self.fc4 = nn.Linear(3, 3)
        self.fc5 = nn.Linear(3, output_size)
        self.act: Callable[..., Tensor]
        if act == "sigmoid":
            self.act = torch.sigmoid
        elif act == "relu":
            self.act = F.relu
        elif act == "lrelu":
            self.act = F.leaky_relu
        else:
            raise ValueError("Please enter sigmoid, relu or lrelu!")
        for layer in (self.fc1, self.fc2, self.fc3, self.fc4, self.fc5):
            normal_(layer.weight, mean=0.0, std=0.01)
            constant_(layer.bias, val=b)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = self.fc1(inputs.to(torch.float32))
        outputs = self.act(outputs)
        outputs = self.fc2(outputs)
        outputs = self.act(outputs)
        outputs = self.fc3(outputs)
        outputs = self.act(outputs)
        outputs = self.fc4(outputs)
        outputs = self.act(outputs)
        outputs = self.fc5(outputs)
        return torch.sigmoid(outputs)


def accuracy(preds: Tensor, labels: Tensor) -> Tensor:
    """The chapter's metric: it returns a tensor."""
    if preds.shape[1] == 1:
        preds = (preds >= 0.5).to(torch.float32)
    else:
        preds = torch.argmax(preds, dim=1).int()
    return torch.mean((preds == labels).float())


def moons() -> list[list[Tensor]]:
    x, y = make_moons(n_samples=1000, shuffle=True, noise=0.5)
    y = y.reshape([-1, 1])
    return [[x[:640], y[:640]], [x[640:800], y[640:800]], [x[800:], y[800:]]]


def plain_loop(
    model: nn.Module, lr: float, epochs: int, sets: list[list[Tensor]]
) -> tuple[Loop, list[float]]:
    """Train as PyTorch's documentation does; return losses, gradient norms and dev losses."""
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    told: Loop = []
    dev: list[float] = []
    for _ in range(epochs):
        loss = F.binary_cross_entropy(model(sets[0][0]), sets[0][1])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        with torch.no_grad():
            dev.append(F.binary_cross_entropy(model(sets[1][0]), sets[1][1]).item())
        norms = {
            name: p.grad.double().norm().item()
            for name, p in model.named_parameters()
            if p.grad is not None
        }
        told.append((loss.item(), norms))
        optimizer.step()
    return told, dev


def assert_equal_to_plain(runner: Runner, told: Loop, dev: list[float]) -> None:
    assert len(runner.records) == len(told) == len(runner.train_loss)
    assert runner.train_loss == pytest.approx([loss for loss, _ in told], rel=1e-6)
    assert runner.dev_loss == pytest.approx(dev, rel=1e-6)
    for record, (_, norms) in zip(runner.records, told, strict=True):
        for i, layer in enumerate(record.layers, start=1):
            assert layer.weight_grad_norm == pytest.approx(norms[f"fc{i}.weight"], rel=1e-6)
            assert layer.bias_grad_norm == pytest.approx(norms[f"fc{i}.bias"], rel=1e-6)


SHALLOW: list[tuple[str, Callable[[], nn.Module], int]] = [
    ("one hidden layer", lambda: Model_MLP_L2_V2(2, 5, 1), 2),
    ("two hidden layers", Model_MLP_L3, 3),
]


@pytest.mark.parametrize(("kind", "build", "layers"), SHALLOW, ids=[s[0] for s in SHALLOW])
def test_the_runner_experiment(
    kind: str,
    build: Callable[[], nn.Module],
    layers: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    [X_train, y_train], [X_dev, y_dev], [X_test, y_test] = moons()
    torch.manual_seed(111)
    model = build()
    torch.manual_seed(111)
    twin = build()
    told, dev = plain_loop(twin, 0.2, 120, moons())

    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    runner = Runner(model, optimizer, accuracy, F.binary_cross_entropy)
    runner.train(
        [X_train, y_train],
        [X_dev, y_dev],
        num_epochs=120,
        log_epochs=50,
        save_path="best_model.pdparams",
    )

    assert_equal_to_plain(runner, told, dev)
    assert [len(r.layers) for r in runner.records] == [layers] * 120
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("[Runner] Autograd trains this run")
    assert [line.split(",")[0] for line in said[1:]] == [
        f"[Train] epoch: {e}/120" for e in (0, 50, 100)
    ]
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)
    # the plots of the chapter
    assert len(runner.train_scores) == len(runner.dev_scores) == 120

    runner.load_model("best_model.pdparams")
    score, loss = runner.evaluate([X_test, y_test])
    assert runner.train_loss == pytest.approx([value for value, _ in told], rel=1e-6)
    with torch.no_grad():
        assert loss == pytest.approx(F.binary_cross_entropy(model(X_test), y_test).item())
        assert score == pytest.approx(accuracy(model(X_test), y_test).item())
    assert runner.evaluate([X_dev, y_dev])[0] == max(runner.dev_scores)
    # the chapter's drawing of the boundary
    pred = runner.predict(
        torch.stack(torch.meshgrid(X_test[:9, 0], X_test[:9, 1], indexing="ij"), -1).view(-1, 2)
    )
    assert pred.shape == (81, 1)
    assert 0 < pred.min() < pred.max() < 1
    # a student loads the file without the Runner
    twin.load_state_dict(torch.load("best_model.pdparams"))
    assert twin(X_test).equal(model(X_test))


class Model_MLP_L2_V4(nn.Module):  # noqa: N801
    def __init__(self, input_size: int, hidden_size: int, output_size: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        constant_(self.fc1.weight, 0.0)
        constant_(self.fc1.bias, 0.0)
        self.fc2 = nn.Linear(hidden_size, output_size)
        constant_(self.fc2.weight, 0.0)
        constant_(self.fc2.bias, 0.0)
        self.act_fn = nn.Sigmoid()

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.as_tensor(self.act_fn(self.fc2(self.act_fn(self.fc1(inputs)))))


def print_weights(runner: Any) -> None:
    print("The weights of the Layers:")
    for name, item in runner.model.named_parameters():
        print(name, item.tolist())


def test_zero_initialisation_with_printed_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Data with the class count of the printed run; its fc2 is in reference/course.json too."""
    x, y = make_moons(n_samples=1000, shuffle=True, noise=0.5, seed=9)
    y = y.reshape([-1, 1])
    model = Model_MLP_L2_V4(2, 5, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    runner = Runner(model, optimizer, accuracy, F.binary_cross_entropy)
    runner.train(
        [x[:640], y[:640]],
        [x[640:800], y[640:800]],
        num_epochs=5,
        log_epochs=50,
        save_path=str(tmp_path / "best_model.pdparams"),
        custom_print_log=print_weights,
    )
    printed = capsys.readouterr().out
    rows = [line for line in printed.splitlines() if line.startswith("fc2.weight")]
    weights = [float(row.split("[")[-1].split(",")[0]) for row in rows]
    # the chapter's printed run: fc2 after 1 to 4 steps
    expected = [0.0, -0.00203125, -0.00383399, -0.0054344, -0.00685571]
    assert weights == pytest.approx(expected, abs=1e-7)
    assert runner.train_loss[0] == pytest.approx(math.log(2), abs=1e-6)
    assert [r.layers[0].distinct_units for r in runner.records] == [1] * 5
    assert printed.count("The weights of the Layers:") == 5


DEEP = [
    ("sigmoid", 1.0, 0),
    ("relu", 1.0, 0),
    ("relu", -8.0, 12),
    ("lrelu", -8.0, 0),
]


@pytest.mark.parametrize(("act", "b", "dead"), DEEP)
def test_five_layers_and_their_printed_gradients(
    act: str, b: float, dead: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [X_train, y_train], [X_dev, y_dev], _ = moons()
    torch.manual_seed(102)
    model = Model_MLP_L5(2, 1, act, b)
    torch.manual_seed(102)
    told, dev = plain_loop(Model_MLP_L5(2, 1, act, b), 0.01, 1, moons())
    printed: dict[str, float] = {}

    def print_grads(runner: Any) -> None:
        print("The gradient of the Layers:")
        for name, item in runner.model.named_parameters():
            if len(item.size()) == 2:
                printed[name] = torch.norm(item.grad.double(), p=2.0).item()
                print(name, printed[name])

    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    runner = Runner(model, optimizer, accuracy, F.binary_cross_entropy)
    runner.train(
        [X_train, y_train],
        [X_dev, y_dev],
        num_epochs=1,
        log_epochs=None,
        save_path=str(tmp_path / "best_model.pdparams"),
        custom_print_log=print_grads,
    )
    assert_equal_to_plain(runner, told, dev)
    layers = runner.records[0].layers
    norms = [layer.weight_grad_norm for layer in layers]
    assert norms == pytest.approx(list(printed.values()), rel=1e-6, abs=0)
    assert sum(layer.dead_units for layer in layers) == dead
    if dead:
        assert norms == [0.0] * 5
    assert capsys.readouterr().out.count("The gradient of the Layers:") == 1


def test_numpy_arrays_and_lists_train_like_tensors() -> None:
    [X_train, y_train], [X_dev, y_dev], _ = moons()
    losses = []
    kinds: list[Callable[[Tensor], Any]] = [
        lambda t: t,
        lambda t: t.numpy().astype(np.float64),
        lambda t: t.tolist(),
    ]
    for convert in kinds:
        torch.manual_seed(0)
        model = Model_MLP_L2_V2(2, 5, 1)
        runner = Runner(model, torch.optim.SGD(model.parameters(), lr=0.2), accuracy, nn.BCELoss())
        runner.train((convert(X_train), convert(y_train)), (convert(X_dev), convert(y_dev)), 5)
        runner.evaluate((convert(X_dev), convert(y_dev)))
        assert runner.predict(convert(X_dev)).shape == (160, 1)
        losses.append(runner.train_loss)
    assert losses[0] == losses[1] == losses[2]
