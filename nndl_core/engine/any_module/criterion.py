"""What a training loop makes small: a loss by name, a loss module or a function of one's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nndl_core.base.checks import class_indices
from nndl_core.base.config import LossName
from nndl_core.base.i18n import tr
from nndl_core.network.losses import LOSSES, constant_loss

Wants = Literal["probability", "logit", "class_logits", "log_probabilities", "amount", "unknown"]
"""What a loss takes from the network: a probability or a logit with labels 0 and 1, logits or log
probabilities of several classes with class indices, or an amount with an amount."""
Output = Literal["logits", "probabilities", "log_probabilities", "other"]
"""What a network gives: its last linear layer as it is, or after a sigmoid or a (log) softmax."""

FUNCTIONS: dict[Callable[..., Tensor], Wants] = {
    F.binary_cross_entropy: "probability",
    F.binary_cross_entropy_with_logits: "logit",
    F.cross_entropy: "class_logits",
    F.nll_loss: "log_probabilities",
    F.mse_loss: "amount",
    F.l1_loss: "amount",
    F.smooth_l1_loss: "amount",
    F.huber_loss: "amount",
}
MODULES: dict[type[nn.Module], Wants] = {
    nn.BCELoss: "probability",
    nn.BCEWithLogitsLoss: "logit",
    nn.CrossEntropyLoss: "class_logits",
    nn.NLLLoss: "log_probabilities",
    nn.MSELoss: "amount",
    nn.L1Loss: "amount",
    nn.SmoothL1Loss: "amount",
    nn.HuberLoss: "amount",
}
BINARY: tuple[Wants, ...] = ("probability", "logit")
SEVERAL: tuple[Wants, ...] = ("class_logits", "log_probabilities")
LOGITS: tuple[Wants, ...] = ("logit", "class_logits")
ENGINE: dict[Any, LossName] = {
    F.binary_cross_entropy_with_logits: "bce",
    nn.BCEWithLogitsLoss: "bce",
    F.cross_entropy: "cross_entropy",
    nn.CrossEntropyLoss: "cross_entropy",
}
"""The losses of PyTorch, with their default settings, that the machine code computes too."""

SEARCH_RATE, SEARCH_STEPS = 0.05, 200
"""Of the search for the best constant answer to a loss with weights: ln 1000 is 140 steps away."""
LossFunction = Callable[[Any, Any], Any]


def named_loss(loss_fn: object) -> LossName | None:
    """Return the loss of the engine that a name, function or module stands for, None if none."""
    if isinstance(loss_fn, str):
        return next((name for name in get_args(LossName) if name == loss_fn), None)
    if isinstance(loss_fn, nn.Module):
        known = ENGINE.get(type(loss_fn))
        return known if known and _is_default(loss_fn) else None
    try:
        return ENGINE.get(loss_fn)
    except TypeError:  # cannot be a key, so it is none of them
        return None


def check_loss(loss_fn: object) -> None:
    """Raise ValueError or TypeError with one sentence for what is no loss."""
    if isinstance(loss_fn, str):
        if loss_fn not in LOSSES:
            raise ValueError(
                tr(
                    "loss_fn: {loss_fn!r} is not known; choose one of {known}.",
                    loss_fn=loss_fn,
                    known=list(LOSSES),
                )
            )
    elif isinstance(loss_fn, type) and issubclass(loss_fn, nn.Module):
        raise TypeError(
            tr("loss_fn is the class {name}; write {name}() to make one.", name=loss_fn.__name__)
        )
    elif not callable(loss_fn):
        raise TypeError(
            tr(
                "loss_fn is of type {name}; expected is a name such as 'bce', a loss module such "
                "as nn.BCELoss(), or a function of (outputs, labels).",
                name=type(loss_fn).__name__,
            )
        )


@dataclass(frozen=True)
class Criterion:
    """A loss for a network whose kind of output is known; call it with outputs and fitted labels.

    wants says what the loss takes, so that labels can be checked and a score can be given.
    """

    loss_fn: LossFunction
    wants: Wants
    output: Output

    @classmethod
    def of(cls, loss_fn: str | LossFunction, output: Output, outputs: int) -> Criterion:
        """Make the criterion of a loss; raise ValueError where loss and network cannot agree."""
        if isinstance(loss_fn, str):
            return cls(*_by_name(loss_fn, output, outputs), output)
        wants = wanted_by(loss_fn)
        _check_agreement(wants, output, outputs)
        return cls(loss_fn, wants, output)

    def __call__(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss, a tensor of one number; raise ValueError for anything else."""
        if self.wants == "probability" and not _are_probabilities(outputs):
            return outputs.sum()  # not finite: PyTorch refuses it, and the run has diverged
        value = self.loss_fn(outputs, labels)
        if not isinstance(value, Tensor) or value.numel() != 1:
            what = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(
                tr(
                    "loss_fn has to return a tensor of one number, and it returned {what}; take "
                    "its mean, or reduction='mean'.",
                    what=what,
                )
            )
        return value.reshape(())

    def fitted(self, labels: Tensor, outputs: Tensor) -> Tensor:
        """Return labels in the shape and type that go with outputs [n, K] or [n].

        Raises ValueError for labels of no class where the loss learns classes, and for shapes that
        would be stretched silently over each other.
        """
        columns = outputs.shape[1] if outputs.ndim > 1 else 1
        if self.wants in SEVERAL and labels.shape != outputs.shape:
            return class_indices(labels, columns).to(labels.device)
        if self.wants in BINARY and columns == 1:
            labels = class_indices(labels.reshape(len(labels), -1), 1).to(labels.device)
        if labels.numel() == outputs.numel():
            return labels.reshape(outputs.shape).to(outputs.dtype)
        if self.wants != "unknown":
            raise ValueError(
                tr(
                    "The network gives outputs of shape {outputs} for labels of shape {labels}; "
                    "this loss needs one label for each output.",
                    outputs=list(outputs.shape),
                    labels=list(labels.shape),
                )
            )
        return labels

    @property
    def threshold(self) -> float:
        """The output from which on one output answers class 1."""
        if self.output == "probabilities":
            return 0.5
        logit = self.wants == "logit" or (self.wants == "unknown" and self.output == "logits")
        return 0.0 if logit else 0.5

    @property
    def doubt(self) -> str:
        """Say what is trained in earnest and yet is hardly meant; empty if there is nothing."""
        if self.output != "probabilities" or wanted_by(self.loss_fn) not in LOGITS:
            return ""
        return tr(
            "[Runner] The network gives probabilities, and this loss takes logits: sigmoid or "
            "softmax is applied twice, and learning is slow; leave it out at the end of forward."
        )

    def score(self, outputs: Tensor, labels: Tensor) -> float:
        """Return the accuracy of outputs [n, K] or [n]; raise ValueError for labels of no class."""
        if outputs.ndim > 1 and outputs.shape[1] > 1:
            one_hot = labels.shape == outputs.shape
            truth = labels.argmax(1) if one_hot else self._classes(labels, outputs.shape[1])
            right = outputs.argmax(1) == truth.to(outputs.device)
        else:
            truth = self._classes(labels.reshape(len(labels), -1), 1).to(outputs.device)
            right = (outputs.reshape(-1) >= self.threshold).long() == truth
        return right.double().mean().item()

    def _classes(self, labels: Tensor, outputs: int) -> Tensor:
        """Return class indices; of amounts, which these losses learn too, say what is missing."""
        try:
            return class_indices(labels, outputs)
        except ValueError:
            if self.wants in (*BINARY, *SEVERAL) or not labels.isfinite().all():
                raise
            raise ValueError(
                tr(
                    "The labels are not numbers of classes, so no accuracy can be counted; pass a "
                    "metric of which more is better, such as "
                    "lambda outputs, labels: -(outputs - labels).square().mean()."
                )
            ) from None

    def constant_loss(self, labels: Tensor, outputs: Tensor) -> float:
        """Return the least loss of an answer that is the same for all examples, NaN if unknown."""
        columns = outputs.shape[1] if outputs.ndim > 1 else 1
        if self.wants in (*SEVERAL, *BINARY):
            several = labels.ndim == 1 and columns > 1
            target = F.one_hot(labels, columns).T if several else labels.reshape(-1, columns).T
            if not self.is_default:
                return self._least_of_constants(target.double().mean(1), labels, outputs)
            return constant_loss("cross_entropy" if columns > 1 else "bce", target.double())
        if labels.shape != outputs.shape:
            return self._of_shares(labels, outputs)
        answers = [labels.double().mean(0), labels.double().median(0).values]
        if self.wants == "unknown" and self.output == "logits":
            answers.append(torch.logit(answers[0], 1e-12))
        return min(self._of_constant(answer, labels, outputs) for answer in answers)

    @property
    def is_default(self) -> bool:
        """Whether this is a mean over all examples: no weights, no smoothing, no sum."""
        own = isinstance(self.loss_fn, nn.Module) and type(self.loss_fn) in MODULES
        return not own or _is_default(self.loss_fn)  # type: ignore[arg-type]

    def _least_of_constants(self, shares: Tensor, labels: Tensor, outputs: Tensor) -> float:
        """Search the constant answer of least loss from the shares of the classes on, by Adam."""
        begin = torch.logit(shares, 1e-12) if len(shares) == 1 else shares.clamp_min(1e-12).log()
        logits = begin.to(outputs.dtype).requires_grad_()
        optimizer, least = torch.optim.Adam([logits], SEARCH_RATE), math.inf
        for _ in range(SEARCH_STEPS):
            with torch.enable_grad():
                answer = torch.sigmoid(logits) if self.wants == "probability" else logits
                answer = answer.log_softmax(0) if self.wants == "log_probabilities" else answer
                loss = self(answer.expand(len(outputs), -1).reshape(outputs.shape), labels)
                optimizer.zero_grad()
                torch.autograd.backward(loss)
            least = min(least, float(loss.detach()))
            optimizer.step()
        return least

    def _of_shares(self, labels: Tensor, outputs: Tensor) -> float:
        """Return the loss of one's own of an answer made of the shares of classes; else NaN."""
        try:
            classes = class_indices(labels, outputs.shape[-1])
        except ValueError:
            return math.nan
        shares = F.one_hot(classes, max(2, outputs.shape[-1])).double().mean(0)
        answers = [a for a in (shares, shares.clamp_min(1e-12).log()) if outputs.ndim == 2]
        least = min((self._of_constant(a, labels, outputs) for a in answers), default=math.inf)
        return least if math.isfinite(least) else math.nan

    def _of_constant(self, answer: Tensor, labels: Tensor, outputs: Tensor) -> float:
        """Return the loss of one answer for all; infinite where the loss cannot take it."""
        with torch.no_grad():
            try:
                value = float(self(answer.to(outputs.dtype).expand_as(outputs).clone(), labels))
            except (RuntimeError, ValueError):
                return math.inf
        return value if math.isfinite(value) else math.inf


def wanted_by(loss_fn: Any) -> Wants:
    """Return what a function or module takes from a network, as far as it is one of PyTorch's."""
    if isinstance(loss_fn, nn.Module):
        return MODULES.get(type(loss_fn), "unknown")
    try:
        return FUNCTIONS.get(loss_fn, "unknown")
    except TypeError:
        return "unknown"


def _check_agreement(wants: Wants, output: Output, outputs: int) -> None:
    """Raise ValueError with one sentence where the numbers of a loss would mean nothing."""
    if wants == "probability" and output == "logits":
        raise ValueError(
            tr(
                "The network gives logits, and this loss takes probabilities; end forward "
                "with torch.sigmoid, or take F.binary_cross_entropy_with_logits."
            )
        )
    if wants == "log_probabilities" and output in ("logits", "probabilities"):
        raise ValueError(
            tr(
                "This loss takes log probabilities, and the network gives none; end forward with "
                "torch.log_softmax in place of softmax, or give logits to F.cross_entropy."
            )
        )
    if wants == "class_logits" and outputs == 1:
        raise ValueError(
            tr(
                "This loss needs an output for each class, and of one output it is always 0; give "
                "the network two, or take F.binary_cross_entropy_with_logits."
            )
        )


def _are_probabilities(outputs: Tensor) -> bool:
    """Tell whether outputs are from 0 to 1, or else not finite; raise ValueError for others."""
    if bool(((outputs < 0) | (outputs > 1)).any()) and bool(outputs.isfinite().all()):
        raise ValueError(
            tr(
                "The network gives {value:g}, and this loss takes probabilities from 0 to 1; end "
                "forward with torch.sigmoid, or take F.binary_cross_entropy_with_logits.",
                value=float(outputs.detach().flatten()[(outputs - 0.5).abs().argmax()]),
            )
        )
    return bool(outputs.isfinite().all())


def _is_default(module: nn.Module) -> bool:
    fresh = type(module)()
    names = ("weight", "reduction", "ignore_index", "label_smoothing", "pos_weight")
    return all(getattr(module, n, None) == getattr(fresh, n, None) for n in names)


def _by_name(name: str, output: Output, outputs: int) -> tuple[LossFunction, Wants]:
    """Return a named loss for what the network gives, and what it takes."""
    if name == "bce" and outputs > 1:
        raise ValueError(
            tr(
                "loss_fn: 'bce' is for a network of one output, and this one has {outputs}; "
                "choose 'cross_entropy'.",
                outputs=outputs,
            )
        )
    if name == "cross_entropy" and outputs == 1:
        raise ValueError(
            tr("loss_fn: 'cross_entropy' needs an output for each class; with one, choose 'bce'.")
        )
    if name == "bce":
        given = output == "probabilities"
        return (F.binary_cross_entropy, "probability") if given else (_bce_logits, "logit")
    if name == "cross_entropy":
        if output in ("probabilities", "log_probabilities"):
            return partial(_nll, is_log=output == "log_probabilities"), "log_probabilities"
        return F.cross_entropy, "class_logits"
    if outputs > 1:
        return partial(_squared, output=output), "class_logits"
    return partial(_squared, output=output), "logit" if output == "logits" else "probability"


def _bce_logits(outputs: Tensor, labels: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(outputs, labels)


def _nll(outputs: Tensor, labels: Tensor, is_log: bool) -> Tensor:
    logs = outputs if is_log else outputs.clamp_min(torch.finfo(outputs.dtype).tiny).log()
    return F.nll_loss(logs, labels)


def _squared(outputs: Tensor, labels: Tensor, output: Output) -> Tensor:
    """The squared error of probabilities, summed over classes, as the lab's 'mse'."""
    several = outputs.ndim > 1 and outputs.shape[1] > 1
    if output == "logits":
        outputs = outputs.softmax(1) if several else torch.sigmoid(outputs)
    target = F.one_hot(labels, outputs.shape[1]).to(outputs.dtype) if several else labels
    return (outputs - target).square().flatten(1).sum(1).mean()
