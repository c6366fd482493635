"""The walk through a network against torch autograd, plain arithmetic and its own order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from nndl_core.base.config import ActivationName, RunConfig
from nndl_core.course.walkthrough.case import MOST_EXAMPLES, case_of, pen_and_paper
from nndl_core.course.walkthrough.formulas import FORMULAS
from nndl_core.course.walkthrough.steps import Step, walk
from nndl_core.data.catalog import dataset_of
from nndl_core.network.gradients import by_autograd
from nndl_core.network.losses import LOSSES, targets
from nndl_core.network.model import MLP

W = [0.2, -0.4, 0.5, 0.6, 0.1, -0.5, -0.3, 0.8]
X, Y = [0.5, 0.3], [0.23, -0.07]


def arrays(steps: Sequence[Step]) -> dict[str, Tensor]:
    """All arrays of a walk by name."""
    tables = [t for step in steps for t in (*step.inputs, *step.outputs)]
    return {t.name: torch.tensor(t.rows, dtype=torch.float64) for t in tables}


def homework_loss(w: Sequence[Any]) -> Any:
    """The homework in the letters of its sheet, one number at a time."""
    h1 = torch.sigmoid(w[0] * X[0] + w[2] * X[1])
    h2 = torch.sigmoid(w[1] * X[0] + w[3] * X[1])
    o1 = torch.sigmoid(w[4] * h1 + w[6] * h2)
    o2 = torch.sigmoid(w[5] * h1 + w[7] * h2)
    return ((o1 - Y[0]) ** 2 + (o2 - Y[1]) ** 2) / 2


def test_pen_and_paper_equals_autograd() -> None:
    w = torch.tensor(W, dtype=torch.float64, requires_grad=True)
    loss = homework_loss(list(w))
    (g,) = torch.autograd.grad(loss, w)
    found = arrays(walk(pen_and_paper()))
    assert found["L"].item() == pytest.approx(loss.item(), abs=1e-15)
    # row = unit that the weight leads to, column = unit that it comes from
    first, second = torch.stack([g[[0, 2]], g[[1, 3]]]), torch.stack([g[[4, 6]], g[[5, 7]]])
    torch.testing.assert_close(found["dL/dW1"], first, rtol=0, atol=1e-15)
    torch.testing.assert_close(found["dL/dW2"], second, rtol=0, atol=1e-15)


def test_the_step_on_paper_has_learning_rate_one() -> None:
    w = torch.tensor(W, dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(homework_loss(list(w)), w)
    moved = (w - g).detach()
    found = arrays(walk(pen_and_paper()))
    assert found["new W1"].flatten().tolist() == pytest.approx(moved[[0, 2, 1, 3]].tolist())
    assert found["new L"].item() == pytest.approx(homework_loss(list(moved)).item(), abs=1e-15)
    assert found["new L"] < found["L"]


CONFIGS: list[dict[str, Any]] = [
    {},
    {"hidden": (4, 3), "activation": "tanh", "bias": 0.3},
    {"hidden": (), "loss": "mse"},
    {"hidden": (6,), "activation": "leaky_relu", "loss": "mse", "dataset": "blobs3"},
    {"hidden": (3, 3), "activation": "gelu", "loss": "cross_entropy", "dataset": "iris"},
]


@pytest.mark.parametrize("values", CONFIGS)
def test_a_config_walks_to_its_autograd_gradient_and_next_loss(values: dict[str, Any]) -> None:
    config = RunConfig.from_dict({**values, "learning_rate": 0.7, "dtype": "float64"})
    data = dataset_of(config)
    model = MLP.from_config(config, len(data.features), len(data.classes))
    x, y = data.train.x[:5].double(), targets(data.train.y[:5], model.sizes[-1], torch.float64).T
    gradients = by_autograd(model, x, y, config.loss)
    found = arrays(walk(case_of(config, 5)))
    for i, g in enumerate(gradients, start=1):
        torch.testing.assert_close(found[f"dL/dW{i}"], g.weight, rtol=1e-12, atol=1e-15)
        torch.testing.assert_close(found[f"dL/db{i}"][0], g.bias, rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(found["P"], model.predict(x))
    sgd = torch.optim.SGD(model.parameters(), lr=0.7)
    for fc, g in zip(model.layers, gradients, strict=True):
        fc.weight.grad, fc.bias.grad = g.weight, g.bias
    sgd.step()
    after = LOSSES[config.loss].value(model.logits(x).T, y.T).mean()
    assert found["new L"].item() == pytest.approx(after.item(), rel=1e-12)


def test_deltas_and_passed_gradients_are_those_of_autograd() -> None:
    case = case_of(RunConfig(hidden=(4, 3), activation="silu", dtype="float64"), 4)
    kept: list[Tensor] = []
    a = case.x
    for weight, bias in zip(case.weights, case.biases, strict=True):
        z = (a @ weight.T + bias).requires_grad_()
        a = nn.functional.silu(z)
        kept += [z, a]
    loss = nn.functional.binary_cross_entropy_with_logits(kept[-2], case.target)
    expected = torch.autograd.grad(loss, kept[:-1])
    found = arrays(walk(case))
    for name, value in zip(("Z1", "A1", "Z2", "A2", "Z3"), expected, strict=True):
        torch.testing.assert_close(found[f"dL/d{name}"], value, rtol=1e-12, atol=1e-16)


def test_every_input_of_a_step_was_seen_before() -> None:
    steps = walk(case_of(RunConfig(hidden=(3, 2))))
    known = {"X", "Y", "W1", "W2", "W3", "b1", "b2", "b3"}
    for step in steps:
        assert {t.name for t in step.inputs} <= known, step.name
        known |= {t.name for t in step.outputs}
    phases = [step.phase for step in steps]
    assert phases == sorted(phases, key=["forward", "backward", "update"].index)


def test_a_network_without_hidden_layers_or_biases_has_no_step_for_them() -> None:
    names = [step.name for step in walk(case_of(RunConfig(hidden=())))]
    assert not any("Back through" in name or "Activation" in name for name in names)
    assert not any(re.search(r"\bb_", step.formula) for step in walk(pen_and_paper()))
    assert not any("bias" in step.sentence for step in walk(pen_and_paper()))


def test_every_activation_has_its_formula() -> None:
    assert set(FORMULAS) == set(get_args(ActivationName))
    for name in FORMULAS:
        steps = walk(case_of(RunConfig(activation=name, slope=0.25)))
        text = "".join(step.formula for step in steps)
        assert "%" not in text
        assert ("0.25" in text) == (name in ("leaky_relu", "elu"))
        assert text.count("{") == text.count("}")


@pytest.mark.parametrize("examples", [0, MOST_EXAMPLES + 1])
def test_a_foreign_number_of_examples_is_refused(examples: int) -> None:
    with pytest.raises(ValueError, match=f"examples: {examples} is out of range"):
        case_of(RunConfig(), examples)
