"""Wrong inputs to every public door of the engine: one sentence each, and nothing is read beyond.

A door is what a person or a program calls; its good inputs have to pass, or a door that refuses
everything would too. What is wrong is a change of a good input that PyTorch refuses as well, or
that the rule beside it names. `make bounds` runs this with every index of the machine code checked.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nndl_core.base.checks import check_examples, class_indices
from nndl_core.base.config import RunConfig
from nndl_core.cli.main import main
from nndl_core.data.catalog import Dataset, Split, make_dataset
from nndl_core.diagnosis.cases import case_of
from nndl_core.engine.batch import Batch, Member
from nndl_core.engine.checkpoint import Checkpoint
from nndl_core.engine.ensemble import Ensemble
from nndl_core.engine.kernel import Kernel, Problem
from nndl_core.engine.runner import Runner
from nndl_core.network.activations import ACTIVATIONS
from nndl_core.network.losses import LOSSES, targets
from nndl_core.network.model import MLP
from nndl_core.network.optimizers import Optimizer, OptimizerState, fresh_state
from tests.bad_input import check_sentence

NAN, INF = float("nan"), float("inf")
Values = dict[str, Any]
Fault = Callable[[Callable[[Any], Any], Values], None]
"""(draw, values): change the values of a good input into those of a wrong one."""
NO_COUNT = st.sampled_from([-1, -7, 1.5, NAN, None, "2", [1], True])
NO_NUMBER = st.sampled_from([NAN, INF, -INF, None, "x", [1.0], 1j, torch.zeros(2)])
BAD = st.sampled_from([NAN, INF, -INF])
NO_TENSOR = st.sampled_from([None, 3.0, "x", [[0.0]], np.zeros((2, 3)), object])


@dataclass(frozen=True)
class Door:
    """A way in: how its good inputs are drawn, what makes them wrong, and how it is entered."""

    name: str
    good: Callable[[Callable[[Any], Any]], Values]
    faults: Mapping[str, Fault]
    enter: Callable[[Values], object]
    examples: int = 60

    def __str__(self) -> str:
        return self.name


# --- Problem and Kernel -------------------------------------------------------------------------

HEADS = [("bce", 1), ("mse", 1), ("mse", 2), ("mse", 4), ("cross_entropy", 2), ("cross_entropy", 3)]
DTYPES = [torch.float32, torch.float64]
RULES = ["sgd", "momentum", "nesterov", "adam"]


def good_problem(draw: Callable[[Any], Any]) -> Values:
    loss, outputs = draw(st.sampled_from(HEADS))
    hidden = draw(st.lists(st.integers(1, 9), max_size=3))
    features, n = draw(st.integers(1, 9)), draw(st.integers(1, 40))
    dtype, runs = draw(st.sampled_from(DTYPES)), draw(st.integers(1, 3))
    g = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    copies = draw(st.sampled_from([1, runs]))
    labels = torch.randint(0, max(2, outputs), (n,), generator=g)
    x = torch.randn(copies, n, features, generator=g, dtype=torch.float64).to(dtype)
    return {
        "sizes": (features, *hidden, outputs),
        "activation": draw(st.sampled_from(list(ACTIVATIONS))),
        "slope": draw(st.sampled_from([0.01, 1])),
        "loss": loss,
        "x": x.mT if draw(st.booleans()) else x.mT.contiguous(),
        "target": targets(labels, outputs, dtype)[None],
        "n_train": draw(st.integers(1, n)),
        "runs": runs,
    }


def rows(name: str, draw: Callable[[Any], Any], v: Values) -> None:
    """Another number of features or outputs than the network has, from one to far beyond."""
    own = v[name].shape[1]
    other = draw(st.sampled_from([1, 2, 3, 5, 8, 60, 1000]).filter(lambda n: n != own))
    v[name] = torch.zeros(v[name].shape[0], other, v[name].shape[2], dtype=v[name].dtype)
    if name == "target":
        v[name][:, 0] = 1
    layer = nn.Linear(own, 1, dtype=v[name].dtype)
    with pytest.raises(RuntimeError):
        layer(v[name][0].T)


def layers(draw: Callable[[Any], Any], v: Values) -> None:
    """Another network than that of the data."""
    at = draw(st.sampled_from([0, -1]))
    sizes = list(v["sizes"])
    sizes[at] += draw(st.integers(1, 50))
    v["sizes"] = tuple(sizes)


def length(draw: Callable[[Any], Any], v: Values) -> None:
    t = v["target"]
    count = draw(st.integers(0, 80).filter(lambda n: n != t.shape[2]))
    v["target"] = t[..., :1].repeat(1, 1, count)


def put(name: str, values: Any, draw: Callable[[Any], Any], v: Values) -> None:
    v[name] = draw(values)


def number(name: str, values: Any, draw: Callable[[Any], Any], v: Values) -> None:
    """One number of a tensor becomes another."""
    flat = v[name].clone().contiguous().view(-1)
    flat[draw(st.integers(0, len(flat) - 1))] = draw(values)
    v[name] = flat.view(v[name].shape)


def kind(name: str, draw: Callable[[Any], Any], v: Values) -> None:
    """Another precision than the rest, no real number, or no dense tensor."""
    t = v[name]
    other = torch.float64 if t.dtype == torch.float32 else torch.float32
    v[name] = draw(st.sampled_from([
        t.to(other), t.half(), t.long(), t.bool(), t.to(torch.complex64), t.to_sparse(),
        t.to("meta"), t.detach().numpy(),
    ]))  # fmt: skip


def dimensions(name: str, draw: Callable[[Any], Any], v: Values) -> None:
    t = v[name]
    v[name] = draw(st.sampled_from([t[0], t[None], t[0, 0], t[..., :0], t[:, :0], t[:0]]))


def copies(draw: Callable[[Any], Any], v: Values) -> None:
    v["x"], v["target"] = v["x"][:1].repeat(2, 1, 1), v["target"][:1].repeat(3, 1, 1)


def head(draw: Callable[[Any], Any], v: Values) -> None:
    v["loss"] = "cross_entropy" if v["sizes"][-1] == 1 else "bce"


def two_classes(draw: Callable[[Any], Any], v: Values) -> None:
    """An example that is of two classes, or of none."""
    v["target"] = v["target"].clone()
    v["target"][0, :, 0] = draw(st.sampled_from([0, 1])) if v["sizes"][-1] > 1 else 0.5


def too_many(draw: Callable[[Any], Any], v: Values) -> None:
    v["n_train"] = v["x"].shape[2] + draw(st.sampled_from([1, 2, 1000, 10**9, 2**70]))


PROBLEM: dict[str, Fault] = {
    "features": partial(rows, "x"),
    "outputs": partial(rows, "target"),
    "network": layers,
    "length": length,
    "x is no tensor": partial(put, "x", NO_TENSOR),
    "target is no tensor": partial(put, "target", NO_TENSOR),
    "x is no number": partial(number, "x", BAD),
    "target is no class": partial(number, "target", st.sampled_from([NAN, INF, 0.3, -1.0, 2.0])),
    "two classes": two_classes,
    "kind of x": partial(kind, "x"),
    "kind of target": partial(kind, "target"),
    "dimensions of x": partial(dimensions, "x"),
    "dimensions of target": partial(dimensions, "target"),
    "copies": copies,
    "loss and outputs": head,
    "loss": partial(put, "loss", st.sampled_from(["", "hinge", None, 3, ["bce"]])),
    "activation": partial(put, "activation", st.sampled_from(["", "step", None, torch.relu])),
    "n_train": partial(put, "n_train", NO_COUNT),
    "no train part": partial(put, "n_train", st.just(0)),
    "n_train is too large": too_many,
    "slope": partial(put, "slope", NO_NUMBER),
    "slopes": partial(put, "slope", st.sampled_from([torch.zeros(2, 1), torch.zeros(2, 2, 1)])),
    "sizes": partial(
        put, "sizes", st.sampled_from([(), (2,), (2, 0, 1), (0, 1), (2, -3, 1), (2, 1.5, 1), None,
                                       "2-1", 2, (2, None, 1), (True, True), {2: 1}]),
    ),
}  # fmt: skip


def problem_of(v: Values) -> Problem:
    names = ("sizes", "activation", "slope", "loss", "x", "target", "n_train")
    return Problem(**{name: v[name] for name in names})


def good_kernel(draw: Callable[[Any], Any]) -> Values:
    v = good_problem(draw)
    dtype, runs = v["x"].dtype, v["runs"]
    g = torch.Generator().manual_seed(1)
    windows = [
        torch.randn(runs, o, i + 1, generator=g, dtype=torch.float64).to(dtype)
        for i, o in zip(v["sizes"], v["sizes"][1:], strict=False)
    ]
    total = sum(w.numel() for w in windows)
    rates = torch.full((total,), 0.1, dtype=dtype) if draw(st.booleans()) else None
    return v | {
        "parameters": windows,
        "name": draw(st.sampled_from(RULES)),
        "learning_rate": 0.1,
        "momentum": 0.9,
        "weight_decay": 0.0,
        "rates": rates,
        "decays": None,
        "batch_size": draw(st.sampled_from([0, 1, 3, 7, 1000])),
        "shuffle_seed": draw(st.sampled_from([0, 999_999, [3] * runs])),
        "lean": draw(st.booleans()),
        "then": None,
        "total": total,
    }


def kernel_of(v: Values) -> Kernel:
    names = ("name", "learning_rate", "momentum", "weight_decay", "rates", "decays")
    optimizer = v.get("optimizer") or Optimizer((), **{name: v[name] for name in names})
    return Kernel(
        problem_of(v), v["parameters"], optimizer, v["batch_size"], v["shuffle_seed"], v["lean"]
    )


def enter_kernel(v: Values) -> None:
    """Train; what the first epoch measured is what PyTorch computes."""
    kernel = kernel_of(v)
    if v["then"] is not None:
        v["then"](kernel)
    scores = kernel.measure().scores[0].clone()
    for r, window in enumerate(zip(*kernel.parameters, strict=True)):
        a = kernel.problem.x[r % len(kernel.problem.x)].T
        for layer, w in enumerate(window):
            a = F.linear(a, w[:, :-1], w[:, -1])
            if layer < len(window) - 1:
                a = ACTIVATIONS[v["activation"]].value(a, v["slope"])
        value = LOSSES[v["loss"]].value(a.T, kernel.problem.target[0]).double()
        expected = [value[: v["n_train"]].sum(), value[v["n_train"] :].sum()]
        torch.testing.assert_close(
            scores[r, :2], torch.stack(expected), rtol=1e-4, atol=1e-4, check_dtype=False
        )
    kernel.run(2)
    kernel.run(1)


def one_window(draw: Callable[[Any], Any], v: Values) -> None:
    """The parameters of another layer, run or precision in one place."""
    at = draw(st.integers(0, len(v["parameters"]) - 1))
    w = v["parameters"][at]
    v["parameters"] = list(v["parameters"])
    v["parameters"][at] = draw(st.sampled_from([
        w[..., :-1], w[:, :0], w[0], w[:0], w.half(), w.repeat(1, 2, 1), w.repeat(1, 1, 2),
        w.repeat(2, 1, 1)[: len(w) + 1] if len(v["parameters"]) > 1 else w[0], w.long(),
        w[..., None], w.numpy(), None, w.to_sparse(), torch.zeros(1, 1, 1),
    ]).filter(lambda other: getattr(other, "shape", None) != w.shape
              or type(other) is not Tensor or other.dtype != w.dtype
              or other.layout != w.layout))  # fmt: skip


def windows(draw: Callable[[Any], Any], v: Values) -> None:
    some = v["parameters"]
    v["parameters"] = draw(st.sampled_from([[], some[:-1], [*some, some[-1]], None, some[0]]))


def vector(name: str, draw: Callable[[Any], Any], v: Values) -> None:
    n, dtype = v["total"], v["x"].dtype
    v[name] = draw(st.sampled_from([
        torch.zeros(n - 1, dtype=dtype), torch.zeros(n + 1, dtype=dtype), torch.zeros(0),
        torch.zeros(n, 1, dtype=dtype), torch.full((n,), NAN), torch.full((n,), -1.0),
        torch.zeros(n, dtype=torch.int64), 0.1, [0.1] * n,
    ]))  # fmt: skip


def seeds(draw: Callable[[Any], Any], v: Values) -> None:
    wrong = [[], [1] * (v["runs"] + 1), "5", None, -1, 2**63, 1.5, [1.5] * v["runs"]]
    if v["runs"] > 2:
        wrong.append([1, 2])
    v["shuffle_seed"] = draw(st.sampled_from(wrong))


def memory(draw: Callable[[Any], Any], v: Values) -> None:
    """A memory of the optimizer that is of other parameters, or of another rule."""

    def remember(kernel: Kernel) -> None:
        p = kernel.p[0]
        own = fresh_state(v["name"], p).vectors
        wrong: list[Any] = [
            None, OptimizerState([*own, p.clone()]), OptimizerState([p[:-1].clone()] * len(own)),
            OptimizerState([torch.zeros(0)]), OptimizerState(own, -1), OptimizerState(own, 1.5),  # type: ignore[arg-type]
            OptimizerState([p.half()] * max(1, len(own))),
        ]  # fmt: skip
        if own:
            wrong += [OptimizerState([]), OptimizerState([torch.zeros(2 * len(p))[::2]] * len(own))]
        state = draw(st.sampled_from(wrong).filter(lambda s: s is None or not _fits(s, own)))
        kernel.state = state

    v["then"] = remember


def _fits(state: OptimizerState, own: list[Tensor]) -> bool:
    shapes = [(x.shape, x.dtype, x.is_contiguous()) for x in state.vectors]
    return shapes == [(x.shape, x.dtype, True) for x in own] and state.steps == 0


def later(draw: Callable[[Any], Any], v: Values) -> None:
    """Parameters, epochs or slots that are wrong once the kernel is there."""
    changed = dict(v)
    one_window(draw, changed)
    calls: list[Callable[[Kernel], object]] = [
        lambda kernel: kernel.run(draw(NO_COUNT)),
        lambda kernel: kernel.run(0),
        lambda kernel: kernel.resize(0),
        lambda kernel: kernel.resize(draw(NO_COUNT)),
        lambda kernel: setattr(kernel, "parameters", changed["parameters"]),
        lambda kernel: setattr(kernel, "parameters", kernel.parameters[:-1]),
    ]
    v["then"] = draw(st.sampled_from(calls))


KERNEL: dict[str, Fault] = {
    "one window": one_window,
    "windows": windows,
    "rates": partial(vector, "rates"),
    "decays": partial(vector, "decays"),
    "learning rate": partial(put, "learning_rate", NO_NUMBER | st.just(-0.1)),
    "weight decay": partial(put, "weight_decay", NO_NUMBER | st.just(-0.1)),
    "momentum": partial(put, "momentum", NO_NUMBER | st.just(-0.1)),
    "rule": partial(put, "name", st.sampled_from(["", "rmsprop", None, 3])),
    "batch size": partial(put, "batch_size", NO_COUNT),
    "seeds": seeds,
    "optimizer": partial(
        put, "optimizer", st.just(torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1))
    ),
    "memory": memory,
    "later": later,
}

# --- labels and examples ------------------------------------------------------------------------


def good_labels(draw: Callable[[Any], Any]) -> Values:
    outputs = draw(st.integers(1, 12))
    labels = draw(st.lists(st.integers(0, max(outputs, 2) - 1), max_size=30))
    dtype = draw(st.sampled_from([*DTYPES, torch.float16, torch.int64, torch.int8, torch.uint8]))
    shape = draw(st.sampled_from([(-1,), (-1, 1)]))
    return {"labels": torch.tensor(labels, dtype=dtype).reshape(shape), "outputs": outputs}


def one_label(values: Any, draw: Callable[[Any], Any], v: Values) -> None:
    flat = v["labels"].reshape(-1).double().tolist()
    flat.insert(draw(st.integers(0, len(flat))), draw(values))
    v["labels"] = torch.tensor(flat, dtype=torch.float64)


def beyond(draw: Callable[[Any], Any], v: Values) -> None:
    """A class that PyTorch's cross entropy has no column for."""
    classes = max(2, v["outputs"])
    flat = [*v["labels"].reshape(-1).long().tolist(), draw(st.integers(classes, 2**40))]
    v["labels"] = torch.tensor(flat)
    with pytest.raises(IndexError):
        F.cross_entropy(torch.zeros(len(flat), classes), v["labels"])


LABELS: dict[str, Fault] = {
    "fraction": partial(one_label, st.floats(-3, 3).filter(lambda f: not f.is_integer())),
    "no number": partial(one_label, BAD),
    "negative": partial(one_label, st.integers(-(2**40), -1)),
    "beyond": beyond,
    "no tensor": partial(put, "labels", NO_TENSOR),
    "shape": partial(put, "labels", st.sampled_from([torch.zeros(2, 2), torch.tensor(0),
                                                     torch.zeros(2, 1, 1)])),
    "kind": partial(put, "labels", st.sampled_from([torch.zeros(2) * 1j,
                                                    torch.zeros(2).to_sparse()])),
}  # fmt: skip


def enter_labels(v: Values) -> None:
    found = class_indices(v["labels"], v["outputs"])
    assert found.dtype == torch.int64
    assert found.tolist() == v["labels"].reshape(-1).tolist()


def good_examples(draw: Callable[[Any], Any]) -> Values:
    n, features = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    return {"x": torch.ones(n, features, dtype=draw(st.sampled_from(DTYPES))), "inputs": features}


def more_inputs(draw: Callable[[Any], Any], v: Values) -> None:
    v["inputs"] += draw(st.integers(1, 10**6))


EXAMPLES: dict[str, Fault] = {
    "no number": partial(number, "x", BAD),
    "inputs": more_inputs,
    "no tensor": partial(put, "x", NO_TENSOR),
    "shape": partial(put, "x", st.sampled_from([torch.zeros(3), torch.zeros(0, 3), torch.zeros(()),
                                                torch.zeros(3, 0), torch.zeros(1, 2, 3)])),
}  # fmt: skip

# --- data sets, batches and ensembles -----------------------------------------------------------

DATA = make_dataset("moons", 30)
PARTS = st.sampled_from(["train", "dev", "test"])


def good_run(draw: Callable[[Any], Any]) -> Values:
    config = RunConfig(
        hidden=tuple(draw(st.lists(st.integers(1, 4), max_size=2))),
        loss=draw(st.sampled_from(["bce", "mse", "cross_entropy"])),
        dtype=draw(st.sampled_from(["float32", "float64"])),
        epochs=2,
    )
    fields = ("train", "dev", "test", "classes", "features")
    return {"config": config, **{name: getattr(DATA, name) for name in fields}}


def part(change: Callable[..., tuple[Any, Any]], draw: Callable[[Any], Any], v: Values) -> None:
    """Another x or y in one part of the data."""
    name = draw(PARTS)
    v[name] = Split(*change(draw, v[name].x, v[name].y))


def changed_label(draw: Callable[[Any], Any], x: Tensor, y: Tensor) -> tuple[Any, Any]:
    y = y.double()
    y[draw(st.integers(0, len(y) - 1))] = draw(st.sampled_from([-1, 2, 9, 0.4, NAN]))
    return x, y


def changed_number(draw: Callable[[Any], Any], x: Tensor, y: Tensor) -> tuple[Any, Any]:
    x = x.clone()
    x[draw(st.integers(0, len(x) - 1)), draw(st.integers(0, 1))] = draw(BAD)
    return x, y


def changed_features(draw: Callable[[Any], Any], x: Tensor, y: Tensor) -> tuple[Any, Any]:
    return torch.zeros(len(x), draw(st.sampled_from([1, 3, 10, 500]))), y


def changed_length(draw: Callable[[Any], Any], x: Tensor, y: Tensor) -> tuple[Any, Any]:
    return (x[:-1], y) if draw(st.booleans()) else (x, y[:-1])


def emptied(draw: Callable[[Any], Any], x: Tensor, y: Tensor) -> tuple[Any, Any]:
    return x[:0], y[:0]


RUN: dict[str, Fault] = {
    "label": partial(part, changed_label),
    "number": partial(part, changed_number),
    "features of a part": partial(part, changed_features),
    "length": partial(part, changed_length),
    "empty": partial(part, emptied),
    "no tensor": partial(part, lambda draw, x, y: (x.numpy(), y) if draw(st.booleans())
                         else (x, y.tolist())),
    "features": partial(put, "features", st.sampled_from([(), ("a",), ("a", "b", "c")])),
    "classes": partial(put, "classes", st.sampled_from([(), ("a",)])),
    "config": partial(put, "config", st.sampled_from([None, "bce", 3])),
}  # fmt: skip


def dataset_of(v: Values) -> Dataset:
    return Dataset("made up", v["train"], v["dev"], v["test"], v["classes"], v["features"])


def enter_ensemble(v: Values) -> None:
    given_for = v["of"] if "of" in v else v["config"]
    ensemble = Ensemble([v["config"]], {given_for: dataset_of(v)})
    assert ensemble.advance() == 1


def another_config(draw: Callable[[Any], Any], v: Values) -> None:
    v["of"] = replace(v["config"], init_seed=draw(st.integers(1, 99)))


def several_classes(draw: Callable[[Any], Any], v: Values) -> None:
    v["classes"], v["config"] = ("a", "b", "c"), replace(v["config"], loss="bce")


def good_batch(draw: Callable[[Any], Any]) -> Values:
    v = good_run(draw)
    return v | {"others": [replace(v["config"], init_seed=1)]}


def another_kind(draw: Callable[[Any], Any], v: Values) -> None:
    c = v["config"]
    v["others"] = [draw(st.sampled_from([
        replace(c, hidden=(*c.hidden, 3)), replace(c, epochs=3), replace(c, optimizer="adam"),
        replace(c, batch_size=2), replace(c, dtype={"float32": "float64",
                                                    "float64": "float32"}[c.dtype]),
    ]))]  # fmt: skip


def enter_batch(v: Values) -> None:
    data = dataset_of(v)
    configs = [v["config"], *v["others"]] if v["others"] is not None else []
    batch = Batch([Member(i, config, data) for i, config in enumerate(configs)])
    while not batch.finished:
        batch.advance()
    assert len(batch.outcomes()) == len(configs)


# --- cases of a file and the command that reads them --------------------------------------------

CASE: Values = {
    "id": "made up",
    "data": "d",
    "hidden": [3],
    "activation": "relu",
    "init": {"kind": "he_normal"},
    "optimizer": "sgd",
    "lr": 0.1,
    "epochs": 2,
    "loss": "bce",
}


def good_case(draw: Callable[[Any], Any]) -> Values:
    dtype = draw(st.sampled_from([np.int8, np.int64, np.float32, np.float64, np.uint16]))
    arrays = {
        "d.x_train": DATA.train.x.numpy(), "d.y_train": DATA.train.y.numpy().astype(dtype),
        "d.x_test": DATA.test.x.numpy(), "d.y_test": DATA.test.y.numpy().astype(dtype),
    }  # fmt: skip
    return CASE | {"hidden": draw(st.lists(st.integers(1, 5), max_size=2)), "arrays": arrays}


def array(name: str, change: Callable[..., Any], draw: Callable[[Any], Any], v: Values) -> None:
    key = f"d.{name}_{draw(st.sampled_from(['train', 'test']))}"
    v["arrays"] = v["arrays"] | {key: change(draw, v["arrays"][key])}


def cut_labels(draw: Callable[[Any], Any], y: Any) -> Any:
    """Soft labels, which .long() would make all 0."""
    return np.where(y == 1, draw(st.sampled_from([0.4, 0.9, NAN, -1.0, -0.0001])), 0.0)


CASES: dict[str, Fault] = {
    "labels": partial(array, "y", cut_labels),
    "counted from 1": partial(
        array, "y", lambda draw, y: (y.astype(int) + 1) * draw(st.sampled_from([-1, 10**9]))
    ),
    "ten classes": partial(array, "y", lambda draw, y: np.arange(len(y)) % 10),
    "shape of labels": partial(array, "y", lambda draw, y: draw(st.sampled_from(
        [y[:, None], y[:-1], y[:0], np.eye(2)[y.astype(int)]]))),
    "text": partial(array, "y", lambda draw, y: y.astype(str)),
    "features": partial(array, "x", lambda draw, x: np.zeros((len(x), draw(st.sampled_from(
        [0, 1, 3, 90])))).astype(x.dtype)),
    "number": partial(array, "x", lambda draw, x: np.where(x == x.max(), draw(BAD), x)),
    "too large": partial(array, "x", lambda draw, x: x.astype(float) * 1e300),
    "dimensions": partial(array, "x", lambda draw, x: draw(st.sampled_from(
        [x[0], x[None], x[:0], x[:, 0], np.array(None)]))),
    "complex": partial(array, "x", lambda draw, x: x * 1j),
    "width": partial(put, "hidden", st.sampled_from([[0], [-1], [1.5], "3", None, [[3]], {}])),
    "loss": partial(put, "loss", st.sampled_from([None, "hinge", ["bce"], 3, {}])),
    "rate": partial(put, "lr", st.sampled_from([None, NAN, INF, -1, "x", [1]])),
    "batch": partial(put, "batch", st.sampled_from([-1, 1.5, "x", [1], {"a": 1}])),
}  # fmt: skip


def enter_case(v: Values) -> None:
    case = case_of({name: v[name] for name in v if name != "arrays"}, v["arrays"])
    runner = case.runner(case.seeded(1))
    assert runner.advance(2) == 2


def enter_command(v: Values) -> None:
    """Run the command; raise what it says on standard error if it refuses, with its status."""
    out, said = io.StringIO(), io.StringIO()
    with TemporaryDirectory() as folder, redirect_stdout(out), redirect_stderr(said):
        cases, data = Path(folder, "cases.json"), Path(folder, "data.npz")
        cases.write_text(json.dumps([{name: v[name] for name in v if name != "arrays"}]))
        np.savez(data, **v["arrays"])
        status = main(["diagnose", str(cases), "--data", str(data), "--language", "en"])
    if status == 2:
        assert out.getvalue() == ""
        raise ValueError(said.getvalue().rstrip("\n").replace(folder, "FOLDER"))
    assert status == 0
    assert json.loads(out.getvalue())["id"] == "made up"


# --- checkpoints --------------------------------------------------------------------------------


def good_file(draw: Callable[[Any], Any]) -> Values:
    config = RunConfig(points=30, hidden=(3,), optimizer=draw(st.sampled_from(RULES)), epochs=9)
    runner = Runner.from_config(config)
    runner.advance(2)
    saved = runner.checkpoint()
    return {"runner": Runner.from_config(config), "steps": saved.steps, "tensors": saved.tensors}


def one_tensor(draw: Callable[[Any], Any], v: Values) -> None:
    name = draw(st.sampled_from(["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]))
    t = v["tensors"][name]
    v["tensors"] = dict(v["tensors"])
    v["tensors"][name] = draw(st.sampled_from([
        t[:0], t[None], t.repeat(2, *[1] * (t.ndim - 1)), t.flatten()[0], t * NAN, t / 0,
        t.half(), t.long(), torch.zeros(1000, 1000),
    ]).filter(lambda other: other.dtype != torch.int64 or len(other) > 1))  # fmt: skip


def missing(draw: Callable[[Any], Any], v: Values) -> None:
    gone = draw(st.sampled_from(["fc1.weight", "fc2.bias"]))
    v["tensors"] = {name: t for name, t in v["tensors"].items() if name != gone}


def surplus(draw: Callable[[Any], Any], v: Values) -> None:
    v["tensors"] = v["tensors"] | {draw(st.sampled_from(["fc3.weight", "x"])): torch.zeros(3)}


def counted(draw: Callable[[Any], Any], v: Values) -> None:
    v["steps"] = draw(st.sampled_from([-1, "", "many", 10**12, 1.5, "²"]))


FILE: dict[str, Fault] = {
    "one tensor": one_tensor,
    "missing": missing,
    "surplus": surplus,
    "steps": counted,
}


def enter_file(v: Values) -> None:
    metadata = {"format": "nndl-lab-1", "epoch": "2", "steps": str(v["steps"])}
    tensors = {name: t.contiguous() for name, t in v["tensors"].items()}
    v["runner"].restore(Checkpoint.from_bytes(safetensors.torch.save(tensors, metadata)))
    assert v["runner"].advance(3) == 3


# --- the Runner ---------------------------------------------------------------------------------


class OwnNetwork(MLP):
    """A student's network: its forward is not the lab's, so autograd trains it."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(2 * x)


def as_arrays(x: Any, y: Any) -> tuple[Any, Any]:
    return tuple(v.numpy() if isinstance(v, Tensor) else v for v in (x, y))  # type: ignore[return-value]


FORMS: dict[str, Callable[[Any, Any], Any]] = {
    "pair": lambda x, y: (x, y),
    "list": lambda x, y: [x, y],
    "Split": Split,
    "arrays": as_arrays,
}
"""How people give their examples."""


def good_training(draw: Callable[[Any], Any]) -> Values:
    loss, outputs = draw(st.sampled_from(HEADS))
    features, n = draw(st.integers(1, 5)), draw(st.integers(2, 20))
    labels = torch.arange(n) % max(2, outputs)
    network = draw(st.sampled_from([MLP, OwnNetwork]))
    return {
        "model": network((features, 3, outputs)),
        "form": draw(st.sampled_from(list(FORMS))),
        "loss": loss,
        "x": torch.ones(n, features),
        "y": labels.float() if draw(st.booleans()) else labels,
        "dev_x": torch.zeros(4, features),
        "dev_y": torch.zeros(4, 1),
    }


class Typed(nn.Module):
    """A network as a student types it, of the shape of an MLP."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.sizes = sizes
        self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in pairwise(sizes)])

    def forward(self, x: Tensor) -> Any:
        return self.layers[1](torch.tanh(self.layers[0](x)))


def good_student(draw: Callable[[Any], Any]) -> Values:
    values = good_training(draw)
    return values | {"model": Typed(values["model"].sizes)}


def columns(name: str, draw: Callable[[Any], Any], v: Values) -> None:
    other = draw(st.sampled_from([1, 2, 3, 10, 1000]).filter(lambda n: n != v[name].shape[1]))
    v[name] = torch.zeros(len(v[name]), other)
    with pytest.raises(RuntimeError):
        v["model"].layers[0](v[name])


def other_dimensions(draw: Callable[[Any], Any], v: Values) -> None:
    """A single example, or many sets of them; a network of one's own may take such."""
    v["model"], x = MLP(v["model"].sizes), v["x"]
    v["x"] = draw(st.sampled_from([x[0], x[None], x[:, 0], torch.tensor(1.0)]))


def other_kind(draw: Callable[[Any], Any], v: Values) -> None:
    """No numbers, or complex ones; a network of one's own may take such."""
    v["model"] = MLP(v["model"].sizes)
    v["x"] = draw(st.sampled_from([None, "x", torch.zeros(2, v["x"].shape[1]) * 1j]))


TRAINING: dict[str, Fault] = {
    "features": partial(columns, "x"),
    "features of dev": partial(columns, "dev_x"),
    "number": partial(number, "x", BAD),
    "number of dev": partial(number, "dev_x", BAD),
    "label": lambda draw, v: v.update(
        y=torch.where(v["y"] == 1, draw(st.sampled_from([-1.0, 0.3, 12.0, NAN])), v["y"])
    ),
    "label of dev": partial(number, "dev_y", st.sampled_from([-1.0, 0.3, 12.0, NAN])),
    "length": lambda draw, v: v.update(y=v["y"][:-1]),
    "empty": lambda draw, v: v.update(x=v["x"][:0], y=v["y"][:0]),
    "empty dev": lambda draw, v: v.update(dev_x=v["dev_x"][:0], dev_y=v["dev_y"][:0]),
    "dimensions": other_dimensions,
    "kind": other_kind,
    "loss": lambda draw, v: v.update(
        loss="cross_entropy" if v["model"].sizes[-1] == 1 else "bce"
    ),
}  # fmt: skip


def runner_of(v: Values) -> Runner:
    model = v["model"]
    return Runner(model, torch.optim.SGD(model.parameters(), lr=0.1), loss_fn=v["loss"])


def enter_train(v: Values) -> None:
    runner = runner_of(v)
    form = FORMS[v["form"]]
    runner.train(form(v["x"], v["y"]), form(v["dev_x"], v["dev_y"]), num_epochs=2)
    assert runner.epoch == 2


def enter_evaluate(v: Values) -> None:
    score, loss = runner_of(v).evaluate(FORMS[v["form"]](v["x"], v["y"]))
    assert 0 <= score <= 1
    assert math.isfinite(loss)


def enter_predict(v: Values) -> None:
    found = runner_of(v).predict(v["x"])
    assert found.shape == (len(v["x"]), v["model"].sizes[-1])


# a network of one's own may take examples of any dimensions, but not none
OWN_TRAINING = TRAINING | {"dimensions": lambda draw, v: v.update(x=torch.tensor(1.0))}
EVALUATION = {name: TRAINING[name] for name in TRAINING if "dev" not in name}
PREDICTION = {name: TRAINING[name] for name in ("features", "number", "dimensions", "kind")}

OWN_EVALUATION = {name: OWN_TRAINING[name] for name in EVALUATION}
OWN_PREDICTION = {name: OWN_TRAINING[name] for name in PREDICTION}

DOORS = [
    Door("Problem", good_problem, PROBLEM, problem_of, 150),
    Door("Kernel", good_kernel, KERNEL, enter_kernel, 150),
    Door("Kernel of a wrong Problem", good_kernel, PROBLEM, enter_kernel, 40),
    Door("class_indices", good_labels, LABELS, enter_labels, 100),
    Door("check_examples", good_examples, EXAMPLES, lambda v: check_examples(**v), 40),
    Door("Ensemble", good_run, RUN | {"another config": another_config,
                                      "several classes": several_classes}, enter_ensemble, 80),
    Door("Batch", good_batch, RUN | {"another kind": another_kind, "none": partial(
        put, "others", st.none())}, enter_batch, 60),
    Door("case_of", good_case, CASES, enter_case, 80),
    Door("diagnose", good_case, CASES, enter_command, 25),
    Door("checkpoint", good_file, FILE, enter_file, 40),
    Door("Runner.train", good_training, TRAINING, enter_train, 80),
    Door("Runner.evaluate", good_training, EVALUATION, enter_evaluate, 40),
    Door("Runner.predict", good_training, PREDICTION, enter_predict, 40),
    Door("Runner.train of one's own", good_student, OWN_TRAINING, enter_train, 60),
    Door("Runner.evaluate of one's own", good_student, OWN_EVALUATION, enter_evaluate, 40),
    Door("Runner.predict of one's own", good_student, OWN_PREDICTION, enter_predict, 40),
]  # fmt: skip
FEWEST = 300


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_good_input_passes(door: Door) -> None:
    @settings(max_examples=max(4, door.examples // 10), suppress_health_check=list(HealthCheck))
    @given(st.data())
    def check(data: st.DataObject) -> None:
        door.enter(door.good(data.draw))

    check()


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_wrong_input_gets_one_sentence(door: Door) -> None:
    @settings(max_examples=door.examples, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def check(data: st.DataObject) -> None:
        values = door.good(data.draw)
        name = data.draw(st.sampled_from(list(door.faults)), label="fault")
        door.faults[name](data.draw, values)
        with pytest.raises((ValueError, TypeError)) as refused:
            door.enter(values)
        check_sentence(str(refused.value))

    check()


def test_enough_wrong_inputs_are_drawn() -> None:
    assert sum(door.examples for door in DOORS) >= FEWEST
