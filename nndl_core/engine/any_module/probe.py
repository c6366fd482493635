"""What the linear layers of any network do while it computes, measured by hooks.

What enters the next linear layer is what the activation of the one before gave out, whether it is a
module, a method or a function in forward. Which function that is, is found by trial: the layers'
outputs are replaced by random numbers once, and what comes of them is compared with each function.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from nndl_core.base.config import ActivationName
from nndl_core.base.i18n import tr
from nndl_core.engine.any_module.criterion import Output
from nndl_core.engine.any_module.layer_stats import (
    Layer,
    Pass,
    Row,
    activation_row,
    dead_output_row,
    evaluating,
    made_of,
    norm,
    parameter_row,
    prediction_row,
    weights_of,
)
from nndl_core.network.activations import ACTIVATIONS

TRIAL_ROWS = 64
TRIAL_SPREAD = 3.0
"""Standard deviation of the numbers that stand in for pre-activations: both signs, flat ends."""
FAR = 1000.0
"""Times the examples: where what looks straight near 0, as tanh does, is not."""
Before = list[list[Tensor]]
"""What makes each layer before an update: its weight, or the parts of it, and then its bias."""


class Probe:
    """Finds the linear layers of a network and measures them in each pass over the train set.

    Raises ValueError with one sentence if the network cannot take such examples.
    """

    def __init__(self, model: nn.Module, x: Tensor) -> None:
        self.model = model
        named = {m: name for name, m in model.named_modules() if isinstance(m, nn.Linear)}
        with evaluating(model), torch.no_grad(), torch.random.fork_rng(devices=[]):
            with self._watching(named) as seen, _calls() as used:
                outputs = called(model, x[:TRIAL_ROWS])
            self.unknown = _unknown(used, model)
            self.layers = [Layer(named[m], m) for m in seen]
            self.outputs = outputs.shape[1] if outputs.ndim > 1 else 1
            with self._watching(named, replaced=True) as seen:
                outputs = called(model, x[:TRIAL_ROWS])
            self.layers = [_identified(layer, seen.get(layer.linear)) for layer in self.layers]
            last = seen[self.layers[-1].linear].z if self.layers else None
            self.output: Output = _output_of(last, outputs)
        self.directions = _directions([layer.linear.in_features for layer in self.layers])

    @contextmanager
    def watching(self) -> Iterator[dict[nn.Linear, Pass]]:
        """Note what every layer computes inside the block; the hooks are gone after it."""
        with self._watching({layer.linear: layer.name for layer in self.layers}) as seen:
            yield seen

    @contextmanager
    def _watching(
        self, layers: dict[nn.Linear, str], replaced: bool = False
    ) -> Iterator[dict[nn.Linear, Pass]]:
        seen: dict[nn.Linear, Pass] = {}
        previous: list[Pass] = []
        generator = torch.Generator().manual_seed(0)

        def before(module: nn.Linear, args: tuple[Any, ...]) -> None:
            if previous and args and isinstance(args[0], Tensor):
                previous.pop().a = args[0]

        def after(module: nn.Linear, args: tuple[Any, ...], out: Tensor) -> Tensor | None:
            if replaced:
                noise = torch.randn(out.shape, generator=generator, dtype=torch.float64)
                out = (TRIAL_SPREAD * noise).to(out.device, out.dtype)
            step = Pass(out, out.detach().clone())
            previous[:] = [step]
            seen.setdefault(module, step)
            return out if replaced else None

        handles = [layer.register_forward_pre_hook(before) for layer in layers]
        handles += [layer.register_forward_hook(after) for layer in layers]
        try:
            yield seen
        finally:
            for handle in handles:
                handle.remove()

    def measure(
        self, seen: dict[nn.Linear, Pass], outputs: Tensor, gradients: dict[Tensor, Tensor]
    ) -> list[Row]:
        """Return what is told of each layer before its update, by the names of LayerStats."""
        rows = []
        for layer, direction in zip(self.layers, self.directions, strict=True):
            row = parameter_row(layer.linear, gradients, direction)
            if layer is self.layers[-1]:
                row |= prediction_row(outputs.detach(), self.output)
                if self.output == "other" and layer.linear in seen:
                    row |= dead_output_row(seen[layer.linear], outputs)
            elif layer.linear in seen:
                row |= activation_row(layer, seen[layer.linear])
            rows.append(row)
        return rows

    def weights(self) -> Before:
        """Return a copy of the weights and biases of all layers."""
        return [[t.detach().clone() for t in made_of(layer.linear)] for layer in self.layers]

    def updated(self, rows: list[Row], before: Before) -> None:
        """Add to the rows what the update after them has changed."""
        for row, layer, old in zip(rows, self.layers, before, strict=True):
            now, parts = made_of(layer.linear), len(weights_of(layer.linear))
            steps = [n.detach().double() - o.double() for n, o in zip(now, old, strict=True)]
            size = math.hypot(*map(norm, old[:parts]))
            row["update_ratio"] = (
                math.hypot(*map(norm, steps[:parts])) / size if size > 0 else math.nan
            )
            changed = sum(int((n != o).sum()) for n, o in zip(now, old, strict=True))
            row["changed_share"] = changed / sum(o.numel() for o in old)


@contextmanager
def _calls() -> Iterator[list[nn.Module]]:
    """Note every module that computes inside the block, also one that no network holds."""
    used: list[nn.Module] = []
    handle = register_module_forward_hook(lambda module, args, out: used.append(module))
    try:
        yield used
    finally:
        handle.remove()


def _unknown(used: list[nn.Module], model: nn.Module) -> list[str]:
    """Name the modules that were used with parameters which could be trained and are not held."""
    held = {id(p) for p in model.parameters()}
    names = {
        module: f"{type(module).__name__}({module.extra_repr()})"
        for module in used
        if any(p.requires_grad and id(p) not in held for p in module.parameters(recurse=False))
    }
    return list(names.values())


def called(model: nn.Module, x: Tensor) -> Tensor:
    """Return the outputs [n, K] or [n] of a network; raise ValueError if it gives none for x."""
    try:
        outputs = model(x)
    except (RuntimeError, IndexError) as error:
        lines = str(error).strip().splitlines()
        raise ValueError(
            tr(
                "The network cannot compute examples of shape {shape}: {why}.",
                shape=list(x.shape),
                why=(lines[0] if lines else type(error).__name__).rstrip("."),
            )
        ) from error
    if not isinstance(outputs, Tensor) or not outputs.ndim or len(outputs) != len(x):
        what = list(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise ValueError(
            tr(
                "forward has to return a tensor with one row for each of the {count} examples, and "
                "it returned {what}.",
                count=len(x),
                what=what,
            )
        )
    return outputs


def is_affine(model: nn.Module, x: Tensor) -> bool:
    """Tell whether a network draws a straight boundary: midway its outputs are midway, also far."""
    far = FAR * x[:TRIAL_ROWS]
    with evaluating(model), torch.no_grad(), torch.random.fork_rng(devices=[]):
        ends = called(model, far).double(), called(model, far.flip(0)).double()
        middle = called(model, (far + far.flip(0)) / 2).double()
    size = max(float(end.abs().max()) for end in ends)
    return float((ends[0] + ends[1] - 2 * middle).abs().max()) <= 1e-4 * size


def _directions(sizes: list[int]) -> list[Tensor]:
    """Return a fixed direction for each layer, on which equal units fall together."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(n + 1, 1, generator=generator).double() for n in sizes]


def _identified(layer: Layer, trial: Pass | None) -> Layer:
    if trial is None or trial.a is None or trial.a.shape != trial.z.shape:
        return layer
    z, a = trial.z.double(), trial.a.detach().double()
    for name, slope in _candidates(z, a):
        value = ACTIVATIONS[name].value(z, slope)
        if torch.allclose(a, value, rtol=1e-4, atol=1e-5):
            return replace(layer, activation=name, slope=slope)
    return layer


def _candidates(z: Tensor, a: Tensor) -> Iterator[tuple[ActivationName, float]]:
    """Yield every activation with the parameter that the numbers below zero suggest."""
    low = z < -0.5
    leaky = float((a[low] / z[low]).median()) if low.any() else 0.01
    alpha = float((a[low] / torch.expm1(z[low])).median()) if low.any() else 1.0
    yield "identity", 0.01  # first, for Leaky ReLU with slope 1 is nothing else
    for name in ACTIVATIONS:
        if name == "leaky_relu":
            yield name, leaky
        elif name == "elu":
            yield name, alpha
        else:
            yield name, 0.01


def _output_of(z: Tensor | None, outputs: Tensor) -> Output:
    """Say what a network does with the numbers of its last linear layer."""
    if z is None or z.numel() != outputs.numel():
        return "other"
    z, given = z.double().reshape(outputs.shape), outputs.detach().double()
    kinds: dict[Output, Tensor] = {"logits": z, "probabilities": torch.sigmoid(z)}
    if z.ndim > 1 and z.shape[1] > 1:
        kinds |= {"log_probabilities": z.log_softmax(1), "probabilities": z.softmax(1)}
    for kind, value in kinds.items():
        if torch.allclose(given, value, rtol=1e-4, atol=1e-5):
            return kind
    return "other"
