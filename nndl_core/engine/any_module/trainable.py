"""What a Runner is given to train: refused with a sentence, or sent to the loop that can do it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from nndl_core.base.config import LossName
from nndl_core.base.i18n import tr
from nndl_core.engine.any_module.criterion import named_loss
from nndl_core.engine.kernel_loop import Metric
from nndl_core.network.losses import accuracy
from nndl_core.network.model import MLP, is_plain
from nndl_core.network.optimizers import Optimizer

AnyMetric = Callable[[Tensor, Tensor], Any]
"""(outputs [n, ...], labels [n, ...]) -> a number, or a tensor of one; larger is better."""
PRECISIONS = (torch.float32, torch.float64)


def check_model(model: object) -> None:
    """Raise TypeError or ValueError with one sentence for what cannot be trained."""
    if not isinstance(model, nn.Module):
        raise TypeError(
            tr(
                "model is of type {name}; expected is an instance of torch.nn.Module.",
                name=_named(model),
            )
        )
    parameters = list(model.parameters())
    if not any(p.requires_grad for p in parameters):
        raise ValueError(
            tr("The model has no parameter that can be trained: none of them requires a gradient.")
        )


def check_optimizer(optimizer: object, model: nn.Module) -> None:
    """Raise TypeError or ValueError with one sentence for an optimizer of something else."""
    if not isinstance(optimizer, Optimizer | torch.optim.Optimizer):
        raise TypeError(
            tr(
                "optimizer is of type {name}; expected is an optimizer such as "
                "torch.optim.SGD(model.parameters(), lr=0.2).",
                name=_named(optimizer),
            )
        )
    groups: list[Any] = (
        [{"params": optimizer.parameters}]
        if isinstance(optimizer, Optimizer)
        else optimizer.param_groups
    )
    held = {id(p) for group in groups for p in group["params"]}
    trained = {id(p) for p in model.parameters() if p.requires_grad}
    if not trained <= held <= {id(p) for p in model.parameters()}:
        raise ValueError(
            tr(
                "The optimizer does not hold this model's parameters; make one from "
                "model.parameters() of the model that you train."
            )
        )


def check_metric(metric: object) -> None:
    """Raise TypeError with one sentence for what gives no score."""
    if not callable(metric):
        raise TypeError(
            tr(
                "metric is of type {name}; expected is a function of (outputs, labels), or None "
                "for the accuracy.",
                name=_named(metric),
            )
        )


def why_by_autograd(model: nn.Module, optimizer: object, loss_fn: object, train_set: object) -> str:
    """Return what the machine code cannot train, in a few words; empty if it can train all."""
    if not is_plain(model) or next(model.parameters()).dtype not in PRECISIONS:
        if type(model) is MLP:
            return tr("frozen parameters, hooks or other changes of the network")
        return tr("the network {name}", name=type(model).__name__)
    assert isinstance(model, MLP)
    loss = named_loss(loss_fn)
    if loss is None or not fits(model, loss):
        return tr("the loss {name}", name=getattr(loss_fn, "__name__", type(loss_fn).__name__))
    if isinstance(train_set, DataLoader):
        return tr("the DataLoader")
    return _why_optimizer(optimizer)


def fits(model: MLP, loss: LossName) -> bool:
    """Tell whether a loss is one for the number of outputs of a network."""
    return loss == "mse" or (loss == "bce") == (model.sizes[-1] == 1)


def _why_optimizer(optimizer: object) -> str:
    if isinstance(optimizer, Optimizer):
        return ""
    assert isinstance(optimizer, torch.optim.Optimizer)
    known = not (optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks)
    try:
        Optimizer.from_torch(optimizer)
    except ValueError:
        known = False
    return "" if known else tr("the optimizer {name}", name=type(optimizer).__name__)


def score_of(metric: AnyMetric, outputs: Tensor, labels: Tensor) -> float:
    """Return a metric's score as a number; raise ValueError with one sentence if it is none."""
    value: Any = metric(outputs, labels)
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        what = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(
            tr("metric has to return one number, and it returned {what}.", what=what)
        ) from None


def own_metric(metric: AnyMetric) -> Metric | None:
    """Return a metric that gives numbers, None for the accuracy, which is counted anyway."""
    if metric is accuracy:
        return None
    return lambda outputs, labels: score_of(metric, outputs, labels)


def _named(value: object) -> str:
    if isinstance(value, type):
        return tr("type, the class {name} itself", name=value.__name__)
    return type(value).__name__
