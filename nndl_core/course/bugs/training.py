"""Cases about the update: optimizer, learning rate and the order of things in an epoch."""

from __future__ import annotations

from torch.nn.utils import parameters_to_vector
from torch.optim import SGD

from nndl_core.base.i18n import mark
from nndl_core.course.bugs.case import BugCase
from nndl_core.course.bugs.material import bce, moons, network, train


def moved_parameters_buggy() -> float:
    """Train a second network for 10 epochs; count its parameters that moved."""
    first = network(2, 5, 1, seed=0, std=1.0)
    optimizer = SGD(first.parameters(), lr=0.2)
    train(first, optimizer, moons("train"), epochs=10)

    second = network(2, 5, 1, seed=1, std=1.0)
    before = parameters_to_vector(second.parameters())
    train(second, optimizer, moons("train"), epochs=10)
    after = parameters_to_vector(second.parameters())
    return (after != before).sum().item()


def moved_parameters_fixed() -> float:
    """Train a second network for 10 epochs; count its parameters that moved."""
    first = network(2, 5, 1, seed=0, std=1.0)
    optimizer = SGD(first.parameters(), lr=0.2)
    train(first, optimizer, moons("train"), epochs=10)

    second = network(2, 5, 1, seed=1, std=1.0)
    before = parameters_to_vector(second.parameters())
    optimizer = SGD(second.parameters(), lr=0.2)
    train(second, optimizer, moons("train"), epochs=10)
    after = parameters_to_vector(second.parameters())
    return (after != before).sum().item()


def effect_of_learning_rate_buggy() -> float:
    """Return how far two learning rates bring the final losses apart."""

    def final_loss(**settings: float) -> float:
        lr = settings.get("lr", 0.2)
        epochs = int(settings.get("epochs", 100))
        model = network(2, 5, 1, seed=0, std=1.0)
        optimizer = SGD(model.parameters(), lr=lr)
        return train(model, optimizer, moons("train"), epochs)

    slow = final_loss(learning_rate=0.02, epochs=200)
    fast = final_loss(learning_rate=2.0, epochs=200)
    return slow - fast


def effect_of_learning_rate_fixed() -> float:
    """Return how far two learning rates bring the final losses apart."""

    def final_loss(**settings: float) -> float:
        lr = settings.get("lr", 0.2)
        epochs = int(settings.get("epochs", 100))
        model = network(2, 5, 1, seed=0, std=1.0)
        optimizer = SGD(model.parameters(), lr=lr)
        return train(model, optimizer, moons("train"), epochs)

    slow = final_loss(lr=0.02, epochs=200)
    fast = final_loss(lr=2.0, epochs=200)
    return slow - fast


def gap_of_curves_buggy() -> float:
    """Use one set as train and as dev set; return the largest gap of the curves."""
    X, y = moons("train")
    model = network(2, 5, 1, seed=0, std=1.0)
    optimizer = SGD(model.parameters(), lr=0.2)
    gaps = []
    for _ in range(100):
        optimizer.zero_grad()
        train_loss = bce(model(X), y)
        train_loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        dev_loss = bce(model(X), y)
        gaps.append(abs(train_loss.item() - dev_loss.item()))
    return max(gaps)


def gap_of_curves_fixed() -> float:
    """Use one set as train and as dev set; return the largest gap of the curves."""
    X, y = moons("train")
    model = network(2, 5, 1, seed=0, std=1.0)
    optimizer = SGD(model.parameters(), lr=0.2)
    gaps = []
    for _ in range(100):
        optimizer.zero_grad()
        train_loss = bce(model(X), y)
        train_loss.backward()  # type: ignore[no-untyped-call]
        dev_loss = bce(model(X), y)
        optimizer.step()
        gaps.append(abs(train_loss.item() - dev_loss.item()))
    return max(gaps)


CASES = (
    BugCase(
        id="optimizer",
        title=mark("The second model does not learn"),
        story=mark(
            "A first network learns. Then a second one is trained in the same notebook, and its "
            "loss does not change in any digit."
        ),
        buggy=moved_parameters_buggy,
        fixed=moved_parameters_fixed,
        label=mark("Parameters of the second network that moved"),
        unit="of 21",
        hint=mark("Whose parameters does the optimizer hold?"),
        explanation=mark(
            "An optimizer updates the tensors that it was made with. This one still holds the "
            "first network: the second gets gradients, but nobody applies them. Such a network "
            "is easily taken for a dead one. Make an optimizer for each model; this project's "
            "Runner refuses one that holds other parameters."
        ),
    ),
    BugCase(
        id="keyword",
        title=mark("The learning rate without effect"),
        story=mark(
            "The training is tried with two learning rates, one a hundred times larger. Both "
            "give the same loss in every digit."
        ),
        buggy=effect_of_learning_rate_buggy,
        fixed=effect_of_learning_rate_fixed,
        label=mark("Loss with the small minus loss with the large learning rate"),
        unit=mark("in cross entropy"),
        hint=mark("Compare the names that are passed with the names that are read."),
        explanation=mark(
            "`**settings` accepts any name. `learning_rate` is passed, `lr` is read, so the "
            "default 0.2 is used both times. Better still, write the names into the signature, "
            "`def final_loss(*, lr=0.2, epochs=100)`: Python then answers a wrong name with a "
            "TypeError."
        ),
    ),
    BugCase(
        id="order",
        title=mark("One set, two curves"),
        story=mark(
            "As a check, the training set is used as dev set too. The two loss curves should lie "
            "on each other, but one runs ahead."
        ),
        buggy=gap_of_curves_buggy,
        fixed=gap_of_curves_fixed,
        label=mark("Largest gap between the two curves"),
        unit=mark("in cross entropy"),
        hint=mark("With which parameters is each of the two losses computed?"),
        explanation=mark(
            "The train loss is computed before the update and the dev loss after it, so the two "
            "belong to different parameters. The dev curve is one epoch ahead, and a gap between "
            "the curves is no measure of overfitting. Compute both before the update."
        ),
    ),
)
