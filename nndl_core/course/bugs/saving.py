"""Cases about checkpoints: loading, file names and the best score."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from torch import nn
from torch.nn.utils import parameters_to_vector
from torch.optim import SGD

from nndl_core.base.i18n import mark
from nndl_core.course.bugs.case import BugCase
from nndl_core.course.bugs.material import bce, moons, network, train


def difference_after_loading_buggy() -> float:
    """Save a trained network, load it into a new one, return the largest difference."""
    trained = network(2, 5, 1, seed=0, std=1.0)
    train(trained, SGD(trained.parameters(), lr=0.2), moons("train"), epochs=20)
    checkpoint = deepcopy(trained.state_dict())

    loaded: Any = network(2, 5, 1, seed=1, std=1.0)
    loaded.set_state_dict(checkpoint)
    saved = parameters_to_vector(trained.parameters())
    gap = parameters_to_vector(loaded.parameters()) - saved
    return gap.abs().max().item()


def difference_after_loading_fixed() -> float:
    """Save a trained network, load it into a new one, return the largest difference."""
    trained = network(2, 5, 1, seed=0, std=1.0)
    train(trained, SGD(trained.parameters(), lr=0.2), moons("train"), epochs=20)
    checkpoint = deepcopy(trained.state_dict())

    loaded: Any = network(2, 5, 1, seed=1, std=1.0)
    loaded.load_state_dict(checkpoint)
    saved = parameters_to_vector(trained.parameters())
    gap = parameters_to_vector(loaded.parameters()) - saved
    return gap.abs().max().item()


def difference_to_first_buggy() -> float:
    """Train two networks, load the first one again, return the largest difference."""
    folder: dict[str, Any] = {}

    def trained(seed: int) -> nn.Module:
        model = network(2, 5, 1, seed=seed, std=1.0)
        train(model, SGD(model.parameters(), lr=0.2), moons("train"), epochs=50)
        folder["best_model.pt"] = deepcopy(model.state_dict())
        return model

    first, second = trained(seed=0), trained(seed=1)
    second.load_state_dict(folder["best_model.pt"])
    wanted = parameters_to_vector(first.parameters())
    gap = parameters_to_vector(second.parameters()) - wanted
    return gap.abs().max().item()


def difference_to_first_fixed() -> float:
    """Train two networks, load the first one again, return the largest difference."""
    folder: dict[str, Any] = {}

    def trained(seed: int) -> nn.Module:
        model = network(2, 5, 1, seed=seed, std=1.0)
        train(model, SGD(model.parameters(), lr=0.2), moons("train"), epochs=50)
        folder[f"best_model_{seed}.pt"] = deepcopy(model.state_dict())
        return model

    first, second = trained(seed=0), trained(seed=1)
    second.load_state_dict(folder["best_model_0.pt"])
    wanted = parameters_to_vector(first.parameters())
    gap = parameters_to_vector(second.parameters()) - wanted
    return gap.abs().max().item()


def saved_checkpoints_buggy() -> float:
    """Train 50 epochs with minus the dev loss as score; count the checkpoints."""
    model = network(2, 5, 1, seed=0, std=1.0)
    optimizer = SGD(model.parameters(), lr=0.2)
    X, y = moons("dev")
    checkpoints = []
    best_score = 0.0
    for _ in range(50):
        score = -bce(model(X), y).item()
        if score > best_score:
            best_score = score
            checkpoints.append(deepcopy(model.state_dict()))
        train(model, optimizer, moons("train"), epochs=1)
    return len(checkpoints)


def saved_checkpoints_fixed() -> float:
    """Train 50 epochs with minus the dev loss as score; count the checkpoints."""
    model = network(2, 5, 1, seed=0, std=1.0)
    optimizer = SGD(model.parameters(), lr=0.2)
    X, y = moons("dev")
    checkpoints = []
    best_score = float("-inf")
    for _ in range(50):
        score = -bce(model(X), y).item()
        if score > best_score:
            best_score = score
            checkpoints.append(deepcopy(model.state_dict()))
        train(model, optimizer, moons("train"), epochs=1)
    return len(checkpoints)


CASES = (
    BugCase(
        id="load",
        title=mark("The model that cannot be loaded"),
        story=mark(
            "A trained network was saved. Loading it into a fresh network ends with an error."
        ),
        buggy=difference_after_loading_buggy,
        fixed=difference_after_loading_fixed,
        label=mark("Largest difference between saved and loaded parameters"),
        unit="",
        hint=mark("Which of these method names belongs to another framework?"),
        explanation=mark(
            "`set_state_dict` is Paddle's name. PyTorch's is `load_state_dict`, and it takes the "
            "dictionary itself, not the name of a file."
        ),
    ),
    BugCase(
        id="file",
        title=mark("The best model is somebody else"),
        story=mark(
            "Two networks are trained and saved. The first one is loaded again for the test, and "
            "gives the scores of the second."
        ),
        buggy=difference_to_first_buggy,
        fixed=difference_to_first_fixed,
        label=mark("Largest difference between the loaded and the first network"),
        unit=mark("between two parameters"),
        hint=mark("How many files are there at the end?"),
        explanation=mark(
            "Both runs save under one name, so the second overwrites the first. As both networks "
            "have the same shapes, loading raises no error. Put what tells the runs apart into "
            "the name of the file. Here a dictionary stands for the folder."
        ),
    ),
    BugCase(
        id="best-score",
        title=mark("No model was good enough"),
        story=mark(
            "The score is minus the dev loss, so that larger is better. It rises from epoch to "
            "epoch, but at the end there is no checkpoint to load."
        ),
        buggy=saved_checkpoints_buggy,
        fixed=saved_checkpoints_fixed,
        label=mark("Saved checkpoints"),
        unit="in 50 epochs",
        hint=mark("Which score would the first model need to be saved?"),
        explanation=mark(
            "The best score starts at 0 and the comparison is strict. A score that is never "
            "above 0, such as minus a loss, or the accuracy of a model that is always wrong, is "
            "then never saved. Start at minus infinity: the first model is the best so far."
        ),
    ),
)
