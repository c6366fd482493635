"""Cases about how a run starts: initial weights and seeds."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.optim import SGD

from nndl_core.base.i18n import mark
from nndl_core.course.bugs.case import BugCase
from nndl_core.course.bugs.material import moons, network, train


def spread_of_weights_buggy() -> float:
    """Draw all weights from N(0, 0.01) and return their standard deviation."""
    model = network(2, 3, 3, 3, 3, 1, seed=1)
    g = Generator().manual_seed(0)
    for _, item in model.named_parameters():
        if isinstance(item, nn.Linear):
            nn.init.normal_(item.weight, std=0.01, generator=g)
            nn.init.constant_(item.bias, 1.0)
    weights = [p.flatten() for p in model.parameters() if p.dim() == 2]
    return torch.cat(weights).std().item()


def spread_of_weights_fixed() -> float:
    """Draw all weights from N(0, 0.01) and return their standard deviation."""
    model = network(2, 3, 3, 3, 3, 1, seed=1)
    g = Generator().manual_seed(0)
    for _, item in model.named_modules():
        if isinstance(item, nn.Linear):
            nn.init.normal_(item.weight, std=0.01, generator=g)
            nn.init.constant_(item.bias, 1.0)
    weights = [p.flatten() for p in model.parameters() if p.dim() == 2]
    return torch.cat(weights).std().item()


def difference_of_layers_buggy() -> float:
    """Make two hidden layers; return the largest difference of their weights."""
    g = Generator().manual_seed(0)

    def hidden_layer(w_init: Tensor = torch.randn(3, 3, generator=g)) -> nn.Linear:  # noqa: B008
        layer = nn.Linear(3, 3)
        layer.weight = nn.Parameter(w_init.clone())
        return layer

    fc2 = hidden_layer()
    fc3 = hidden_layer()
    return (fc2.weight - fc3.weight).abs().max().item()


def difference_of_layers_fixed() -> float:
    """Make two hidden layers; return the largest difference of their weights."""
    g = Generator().manual_seed(0)

    def hidden_layer() -> nn.Linear:
        w_init = torch.randn(3, 3, generator=g)
        layer = nn.Linear(3, 3)
        layer.weight = nn.Parameter(w_init.clone())
        return layer

    fc2 = hidden_layer()
    fc3 = hidden_layer()
    return (fc2.weight - fc3.weight).abs().max().item()


def difference_of_runs_buggy() -> float:
    """Train one network twice; return the difference of the two final losses."""

    def final_loss(g: Generator) -> float:
        model = network(2, 5, 1, seed=g, std=1.0)
        optimizer = SGD(model.parameters(), lr=0.2)
        return train(model, optimizer, moons("train"), epochs=100)

    g = Generator().manual_seed(0)
    first = final_loss(g)
    second = final_loss(g)
    return abs(first - second)


def difference_of_runs_fixed() -> float:
    """Train one network twice; return the difference of the two final losses."""

    def final_loss(g: Generator) -> float:
        model = network(2, 5, 1, seed=g, std=1.0)
        optimizer = SGD(model.parameters(), lr=0.2)
        return train(model, optimizer, moons("train"), epochs=100)

    g = Generator().manual_seed(0)
    first = final_loss(g)
    g.manual_seed(0)
    second = final_loss(g)
    return abs(first - second)


CASES = (
    BugCase(
        id="init",
        title=mark("The initialization that changes nothing"),
        story=mark(
            "All weights shall be drawn with standard deviation 0.01, so that the gradient "
            "vanishes. The code runs without an error, but the gradient does not look small."
        ),
        buggy=spread_of_weights_buggy,
        fixed=spread_of_weights_fixed,
        label=mark("Standard deviation of all weights"),
        unit=mark("wanted: 0.01"),
        hint=mark("What does the loop run over: layers, or tensors?"),
        explanation=mark(
            "`named_parameters()` yields tensors such as `fc1.weight`, and a tensor is never an "
            "`nn.Linear`. The test is false every time, nothing is drawn, and the weights stay "
            "as `nn.Linear` made them. `named_modules()` yields the layers."
        ),
    ),
    BugCase(
        id="shared-draw",
        title=mark("Twins among the layers"),
        story=mark(
            "Each hidden layer shall get random weights of its own. Two layers of the finished "
            "network turn out to be alike in every entry."
        ),
        buggy=difference_of_layers_buggy,
        fixed=difference_of_layers_fixed,
        label=mark("Largest difference between fc2 and fc3"),
        unit=mark("between two weights"),
        hint=mark("When is the value of a default argument computed, and how often?"),
        explanation=mark(
            "Python computes a default argument once, when the function is defined. Every layer "
            "that is made without an argument then gets that one drawn tensor. Draw inside the "
            "function, so that each call draws anew."
        ),
    ),
    BugCase(
        id="seed",
        title=mark("Two equal runs that differ"),
        story=mark(
            "Before two networks are compared, the same network is trained twice as a check. The "
            "two losses should be equal to the last digit."
        ),
        buggy=difference_of_runs_buggy,
        fixed=difference_of_runs_fixed,
        label=mark("Difference between the two final losses"),
        unit=mark("in cross entropy"),
        hint=mark("In what state is the generator when the second network is drawn?"),
        explanation=mark(
            "The seed is set once. The second network is drawn from where the first left the "
            "generator, so the runs differ in their weights and a comparison would measure luck. "
            "Set the seed again before every run that is compared."
        ),
    ),
)
