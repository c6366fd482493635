"""Cases about what is measured: gradients, their norms, accuracy and loss."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import SGD

from nndl_core.base.i18n import mark
from nndl_core.course.bugs.case import BugCase
from nndl_core.course.bugs.material import bce, blobs, moons, network, train


def gradient_norm_buggy() -> float:
    """Return the L2 norm of the gradient of the first layer's weights."""
    model = network(2, 3, 3, 3, 3, 1, seed=0, std=0.01, bias=1.0)
    X, y = moons("train")
    bce(model(X), y).backward()  # type: ignore[no-untyped-call]
    norms: dict[str, float] = {}
    for name, p in model.named_parameters():
        if p.grad is not None:
            norms[name] = p.double().norm().item()
    return norms["fc1.weight"]


def gradient_norm_fixed() -> float:
    """Return the L2 norm of the gradient of the first layer's weights."""
    model = network(2, 3, 3, 3, 3, 1, seed=0, std=0.01, bias=1.0)
    X, y = moons("train")
    bce(model(X), y).backward()  # type: ignore[no-untyped-call]
    norms: dict[str, float] = {}
    for name, p in model.named_parameters():
        if p.grad is not None:
            norms[name] = p.grad.double().norm().item()
    return norms["fc1.weight"]


def tiny_norm_buggy() -> float:
    """Return the L2 norm of a very small gradient: ELU, all biases -9."""
    model = network(2, 3, 3, 3, 3, 1, seed=0, std=0.01, bias=-9.0, act=nn.ELU)
    X, y = moons("train")
    bce(model(X), y).backward()  # type: ignore[no-untyped-call]
    gradient = dict(model.named_parameters())["fc1.weight"].grad
    if gradient is None:
        return 0.0
    norm: float = gradient.norm().item()
    return norm


def tiny_norm_fixed() -> float:
    """Return the L2 norm of a very small gradient: ELU, all biases -9."""
    model = network(2, 3, 3, 3, 3, 1, seed=0, std=0.01, bias=-9.0, act=nn.ELU)
    X, y = moons("train")
    bce(model(X), y).backward()  # type: ignore[no-untyped-call]
    gradient = dict(model.named_parameters())["fc1.weight"].grad
    if gradient is None:
        return 0.0
    norm: float = gradient.double().norm().item()
    return norm


def dev_accuracy_buggy() -> float:
    """Train a network and return its share of right answers on the dev set."""
    model = network(2, 5, 1, seed=0, std=1.0)
    optimizer = SGD(model.parameters(), lr=0.2)
    train(model, optimizer, moons("train"), epochs=500)

    X, y = moons("dev")
    labels = y.flatten()
    predictions = (model(X) >= 0).float()
    score: float = (predictions == labels).double().mean().item()
    return score


def dev_accuracy_fixed() -> float:
    """Train a network and return its share of right answers on the dev set."""
    model = network(2, 5, 1, seed=0, std=1.0)
    optimizer = SGD(model.parameters(), lr=0.2)
    train(model, optimizer, moons("train"), epochs=500)

    X, y = moons("dev")
    labels = y.reshape(-1, 1)
    predictions = (model(X) >= 0).float()
    score: float = (predictions == labels).double().mean().item()
    return score


def final_loss_buggy() -> float:
    """Train on two groups that a line separates; return the final loss."""
    X, y = blobs()
    model = network(2, 1, seed=0)
    optimizer = SGD(model.parameters(), lr=5.0)
    loss = torch.zeros(())
    for _ in range(1000):
        optimizer.zero_grad()
        logits = torch.sigmoid(model(X))
        loss = F.binary_cross_entropy_with_logits(logits, y)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return loss.item()


def final_loss_fixed() -> float:
    """Train on two groups that a line separates; return the final loss."""
    X, y = blobs()
    model = network(2, 1, seed=0)
    optimizer = SGD(model.parameters(), lr=5.0)
    loss = torch.zeros(())
    for _ in range(1000):
        optimizer.zero_grad()
        logits = model(X)
        loss = F.binary_cross_entropy_with_logits(logits, y)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return loss.item()


CASES = (
    BugCase(
        id="gradient",
        title=mark("The gradient that does not vanish"),
        story=mark(
            "Five sigmoid layers with weights near 0.01: the chapter says that the gradient "
            "vanishes towards fc1. The printed norms do not show it."
        ),
        buggy=gradient_norm_buggy,
        fixed=gradient_norm_fixed,
        label=mark("L2 norm printed for fc1"),
        unit=mark("as gradient"),
        hint=mark("A parameter is a tensor and has a gradient. Which of the two is measured?"),
        explanation=mark(
            "`p` is the weight itself, `p.grad` is its gradient. What was printed are the norms "
            "of the weights, which the initialization fixes, and which say nothing about "
            "back-propagation."
        ),
    ),
    BugCase(
        id="float32",
        title=mark("A dead layer that lives"),
        story=mark(
            "An ELU network with all biases at -9. Its first layer is reported as dead: the norm "
            "of the gradient is exactly 0. Yet the derivative of ELU is never exactly 0."
        ),
        buggy=tiny_norm_buggy,
        fixed=tiny_norm_fixed,
        label=mark("L2 norm of the gradient of fc1"),
        unit="",
        hint=mark("The norm squares every entry. What is the smallest number of float32?"),
        explanation=mark(
            "The entries are near 1e-24 and exist in float32, but their squares would be near "
            "1e-48, below the smallest float32 number of 1.4e-45, and become 0. Convert to "
            "float64 before taking the norm, and call a gradient dead only where every entry is "
            "exactly 0."
        ),
    ),
    BugCase(
        id="shape",
        title=mark("Guessing on the dev set"),
        story=mark(
            "The train loss falls as it should, the boundary looks right, and yet the dev "
            "accuracy stays near one half."
        ),
        buggy=dev_accuracy_buggy,
        fixed=dev_accuracy_fixed,
        label=mark("Accuracy on the dev set"),
        unit=mark("share of right answers"),
        hint=mark("Write down the shape of both sides of the comparison."),
        explanation=mark(
            "Labels of shape [160] against predictions of shape [160, 1] broadcast to [160, "
            "160]: every prediction is compared with every label. No error is raised. Give both "
            "one shape, and check it, as this project's accuracy does."
        ),
    ),
    BugCase(
        id="logits",
        title=mark("The loss that has a floor"),
        story=mark(
            "A straight line separates the two groups, so the loss could come close to 0. It "
            "falls for a while and then stays where it is, however long the training."
        ),
        buggy=final_loss_buggy,
        fixed=final_loss_fixed,
        label=mark("Loss after 1000 epochs"),
        unit=mark("cross entropy"),
        hint=mark("What does this loss function do with its first argument?"),
        explanation=mark(
            "The loss applies the sigmoid itself; it wants logits, any real numbers. Here it "
            "gets probabilities between 0 and 1, and the sigmoid of those lies between 0.5 and "
            "0.73: the network cannot say that it is sure. For points of class 1 the loss stays "
            "above 0.31, for class 0 above 0.69."
        ),
    ),
)
