"""Cases about evaluation: histories and modes."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.optim import SGD

from nndl_core.base.i18n import mark
from nndl_core.course.bugs.case import BugCase
from nndl_core.course.bugs.material import accuracy, moons, network, train


def length_of_history_buggy() -> float:
    """Train 100 epochs, test once, and return the length of the dev history."""
    model = network(2, 5, 1, seed=0, std=1.0)
    optimizer = SGD(model.parameters(), lr=0.2)
    dev_scores: list[float] = []

    def evaluate(X: Tensor, y: Tensor) -> float:
        score = accuracy(model(X), y)
        dev_scores.append(score)
        return score

    for _ in range(100):
        train(model, optimizer, moons("train"), epochs=1)
        evaluate(*moons("dev"))
    evaluate(*moons("test"))
    return len(dev_scores)


def length_of_history_fixed() -> float:
    """Train 100 epochs, test once, and return the length of the dev history."""
    model = network(2, 5, 1, seed=0, std=1.0)
    optimizer = SGD(model.parameters(), lr=0.2)
    dev_scores: list[float] = []

    def evaluate(X: Tensor, y: Tensor) -> float:
        score = accuracy(model(X), y)
        return score

    for _ in range(100):
        train(model, optimizer, moons("train"), epochs=1)
        dev_scores.append(evaluate(*moons("dev")))
    evaluate(*moons("test"))
    return len(dev_scores)


def counted_steps_buggy() -> float:
    """Train 10 epochs; return how many training steps the batch norm counted."""
    batch_norm: Any = nn.BatchNorm1d(2)
    model = nn.Sequential(batch_norm, network(2, 5, 1, seed=0, std=1.0))
    optimizer = SGD(model.parameters(), lr=0.2)

    def evaluate(X: Tensor, y: Tensor) -> float:
        model.eval()
        score = accuracy(model(X), y)
        return score

    for _ in range(10):
        train(model, optimizer, moons("train"), epochs=1)
        evaluate(*moons("dev"))
    return float(batch_norm.num_batches_tracked)


def counted_steps_fixed() -> float:
    """Train 10 epochs; return how many training steps the batch norm counted."""
    batch_norm: Any = nn.BatchNorm1d(2)
    model = nn.Sequential(batch_norm, network(2, 5, 1, seed=0, std=1.0))
    optimizer = SGD(model.parameters(), lr=0.2)

    def evaluate(X: Tensor, y: Tensor) -> float:
        was_training = model.training
        model.eval()
        score = accuracy(model(X), y)
        model.train(was_training)
        return score

    for _ in range(10):
        train(model, optimizer, moons("train"), epochs=1)
        evaluate(*moons("dev"))
    return float(batch_norm.num_batches_tracked)


CASES = (
    BugCase(
        id="history",
        title=mark("A curve with one point too many"),
        story=mark(
            "After 100 epochs the test set is evaluated. Then the dev curve cannot be drawn: its "
            "length is not that of the epoch axis."
        ),
        buggy=length_of_history_buggy,
        fixed=length_of_history_fixed,
        label=mark("Entries of the dev history"),
        unit="for 100 epochs",
        hint=mark("What else does the function that evaluates do?"),
        explanation=mark(
            "`evaluate` writes into the dev history, whatever set it is given. The test score "
            "becomes a point of the dev curve, and may even be picked as its best. Let "
            "`evaluate` return the score, and let the training loop keep the history."
        ),
    ),
    BugCase(
        id="eval-mode",
        title=mark("Training that has stopped to train"),
        story=mark(
            "The network has a batch norm, and the dev set is evaluated after every epoch. The "
            "running mean of the batch norm hardly moves away from its start."
        ),
        buggy=counted_steps_buggy,
        fixed=counted_steps_fixed,
        label=mark("Training steps that the batch norm counted"),
        unit="of 10",
        hint=mark("In which mode is the model when the second epoch begins?"),
        explanation=mark(
            "`model.eval()` stays in force until `model.train()` is called. From the second "
            "epoch on, batch norm no longer updates its statistics, and dropout would be off. A "
            "function that changes the mode must put it back."
        ),
    ),
)
