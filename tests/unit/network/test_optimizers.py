"""Optimizers: twenty steps of each beside torch.optim, and which of torch's are taken."""

from collections.abc import Callable, Iterable
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from nndl_core.base.config import OptimizerName, RunConfig
from nndl_core.network.optimizers import OPTIMIZERS, STATE_VECTORS, Optimizer, fresh_state, update

NAMES: tuple[OptimizerName, ...] = get_args(OptimizerName)
Make = Callable[[Iterable[Tensor], float, float, float], torch.optim.Optimizer]
TORCH: dict[OptimizerName, Make] = {
    "sgd": lambda p, lr, m, wd: torch.optim.SGD(p, lr=lr, weight_decay=wd),
    "momentum": lambda p, lr, m, wd: torch.optim.SGD(p, lr=lr, momentum=m, weight_decay=wd),
    "nesterov": lambda p, lr, m, wd: torch.optim.SGD(
        p, lr=lr, momentum=m, weight_decay=wd, nesterov=True
    ),
    "adam": lambda p, lr, m, wd: torch.optim.Adam(p, lr=lr, betas=(m, 0.999), weight_decay=wd),
}


def parameter() -> torch.nn.Parameter:
    g = torch.Generator().manual_seed(1)
    return torch.nn.Parameter(torch.randn(37, generator=g, dtype=torch.float64))


def gradient(theta: Tensor, step: int) -> Tensor:
    """Depend on the parameters, over many sizes and with exact zeros, like a real one."""
    g = torch.Generator().manual_seed(step)
    size = torch.logspace(-12, 2, 37, dtype=torch.float64)
    noise = torch.randn(37, generator=g, dtype=torch.float64)
    return torch.where(torch.arange(37) % 9 == 0, 0.0, size * (noise + torch.sin(theta)))


def test_every_name_of_the_config_has_a_rule() -> None:
    assert set(OPTIMIZERS) == set(NAMES) == set(STATE_VECTORS) == set(TORCH)


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("weight_decay", [0.0, 0.03])
@pytest.mark.parametrize("momentum", [0.5, 0.9, 0.999])
@pytest.mark.parametrize("name", NAMES)
def test_twenty_steps_are_those_of_torch(
    name: OptimizerName, momentum: float, weight_decay: float, in_place: bool
) -> None:
    reference = parameter()
    theirs = TORCH[name]([reference], 0.1, momentum, weight_decay)
    ours = Optimizer((), name, 0.1, momentum, weight_decay)
    theta = parameter().detach().clone()
    state = fresh_state(name, theta)
    for step in range(20):
        g = gradient(theta, step)
        kept = g.clone()
        out = theta if in_place else torch.full_like(theta, float("nan"))
        update(ours, state, theta, g, out)
        theta = out
        assert torch.equal(g, kept)
        reference.grad = gradient(reference.detach(), step)
        theirs.step()
        torch.testing.assert_close(theta, reference.detach(), rtol=1e-12, atol=1e-12)
    assert state.steps == 20


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_learning_rate_counts_from_the_next_step(name: OptimizerName) -> None:
    reference = parameter()
    theirs = TORCH[name]([reference], 0.1, 0.9, 0.0)
    ours, theta = Optimizer((), name, 0.1, 0.9), parameter().detach().clone()
    state = fresh_state(name, theta)
    for step in range(10):
        ours.learning_rate = theirs.param_groups[0]["lr"] = 0.1 / (step + 1)
        update(ours, state, theta, gradient(theta, step), theta)
        reference.grad = gradient(reference.detach(), step)
        theirs.step()
    torch.testing.assert_close(theta, reference.detach(), rtol=1e-12, atol=1e-12)


def test_momentum_zero_is_plain_descent() -> None:
    theta, state = parameter().detach(), fresh_state("momentum", parameter())
    out, plain = torch.empty_like(theta), torch.empty_like(theta)
    for name, target in (("momentum", out), ("sgd", plain)):
        rule = Optimizer.from_config([], RunConfig.from_dict({"optimizer": name, "momentum": 0}))
        update(rule, state, theta, gradient(theta, 0), target)
    assert torch.equal(out, plain)


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_of_a_torch_optimizer_are_read(name: OptimizerName) -> None:
    p = parameter()
    ours = Optimizer.from_torch(TORCH[name]([p], 0.3, 0.8, 0.02))
    momentum = ours.momentum if name == "sgd" else 0.8
    assert ours == Optimizer((p,), name, 0.3, momentum, 0.02)


def test_the_settings_of_a_config_are_read() -> None:
    p = parameter()
    config = RunConfig(optimizer="adam", learning_rate=0.01, momentum=0.8, weight_decay=0.1)
    assert Optimizer.from_config([p], config) == Optimizer((p,), "adam", 0.01, 0.8, 0.1)


def groups(**second: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD([{"params": [parameter()]}, {"params": [parameter()]} | second], lr=0.1)


REFUSED: list[Callable[[], torch.optim.Optimizer]] = [
    lambda: torch.optim.RMSprop([parameter()], lr=0.1),
    lambda: torch.optim.AdamW([parameter()], lr=0.1),
    lambda: torch.optim.SGD([parameter()], lr=0.1, momentum=0.9, dampening=0.5),
    lambda: torch.optim.SGD([parameter()], lr=0.1, maximize=True),
    lambda: torch.optim.Adam([parameter()], lr=0.1, betas=(0.9, 0.99)),
    lambda: torch.optim.Adam([parameter()], lr=0.1, eps=1e-3),
    lambda: torch.optim.Adam([parameter()], lr=0.1, amsgrad=True),
    lambda: torch.optim.Adam([parameter()], lr=0.1, maximize=True),
    lambda: groups(lr=0.2),
    lambda: groups(momentum=0.5),
]


@pytest.mark.parametrize("make", REFUSED)
def test_an_update_rule_that_would_be_trained_differently_is_refused(
    make: Callable[[], torch.optim.Optimizer],
) -> None:
    with pytest.raises(ValueError, match=r"^The Runner trains with torch.optim.SGD or Adam, .*\.$"):
        Optimizer.from_torch(make())


def test_equal_groups_count_as_one() -> None:
    assert len(Optimizer.from_torch(groups()).parameters) == 2
