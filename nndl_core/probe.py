"""What the linear layers of any network do while it computes, measured by hooks.

What enters the next linear layer is what the activation of the one before gave out, whether it is a
module, a method or a function in forward. Which function that is, is found by trial: the layers'
outputs are replaced by random numbers once, and what comes of them is compared with each function.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from nndl_core.activations import ACTIVATIONS
from nndl_core.config import ActivationName
from nndl_core.criterion import Output
from nndl_core.i18n import tr
from nndl_core.records import LAYER_FIELDS
from nndl_core.telemetry import FLAT_SLOPE, LIFT, TINY, count_distinct

TRIAL_ROWS = 64
TRIAL_SPREAD = 3.0
"""Standard deviation of the numbers that stand in for pre-activations: both signs, flat ends."""
FAR = 1000.0
"""Times the examples: where what looks straight near 0, as tanh does, is not."""
Row = dict[str, float]
Before = list[list[Tensor]]
"""What makes each layer before an update: its weight, or the parts of it, and then its bias."""


@dataclass(frozen=True)
class Layer:
    """A linear layer in the order in which forward calls them, with what follows it.

    activation is None where it is no function of this lab's list; slope is that of Leaky ReLU, or
    ELU's alpha.
    """

    name: str
    linear: nn.Linear
    activation: ActivationName | None = None
    slope: float = 0.01


@dataclass
class Pass:
    """One call of a layer: what came out, a copy of it, and what the next layer was given.

    An activation that works in place changes what came out, but not its copy.
    """

    out: Tensor
    z: Tensor
    a: Tensor | None = None


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
            row = _parameters(layer.linear, gradients, direction)
            if layer is self.layers[-1]:
                row |= _predictions(outputs.detach(), self.output)
                if self.output == "other" and layer.linear in seen:
                    row |= _dead_outputs(seen[layer.linear], outputs)
            elif layer.linear in seen:
                row |= _activations(layer, seen[layer.linear])
            rows.append(row)
        return rows

    def weights(self) -> Before:
        """Return a copy of the weights and biases of all layers."""
        return [[t.detach().clone() for t in _made_of(layer.linear)] for layer in self.layers]

    def updated(self, rows: list[Row], before: Before) -> None:
        """Add to the rows what the update after them has changed."""
        for row, layer, old in zip(rows, self.layers, before, strict=True):
            now, parts = _made_of(layer.linear), len(_weights_of(layer.linear))
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


def columns_of(rows: list[Row]) -> dict[str, NDArray[np.float64]]:
    """Return the rows of all layers at one epoch as columns [1, 1, layers]."""
    return {
        name: np.array([row.get(name, math.nan) for row in rows], dtype=np.float64)[None, None]
        for name in LAYER_FIELDS
    }


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode, and each of its parts back into its own mode after it."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


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


def norm(values: Tensor) -> float:
    """Return the L2 norm in float64, also of entries whose squares are 0 there."""
    values = values.detach().double()
    plain = float(values.norm())
    if plain < TINY and bool((values != 0).any()):
        return float((values * LIFT).norm()) / LIFT
    return plain


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


def weight_of(linear: nn.Linear) -> Tensor:
    """Return the weight of a layer; of one that is computed from parts no state moves by it."""
    with evaluating(linear):  # spectral norm iterates whenever it is looked at in training
        return linear.weight.detach()


def _weights_of(linear: nn.Linear) -> list[Tensor]:
    """Return what is trained of a weight: itself, or the parts from which it is computed."""
    own = linear.named_parameters()
    parts: list[Tensor] = [p for name, p in own if "bias" not in name.split(".")]
    return parts or [weight_of(linear)]


def _made_of(linear: nn.Linear) -> list[Tensor]:
    return _weights_of(linear) + ([] if linear.bias is None else [linear.bias])


def _parameters(linear: nn.Linear, gradients: dict[Tensor, Tensor], direction: Tensor) -> Row:
    weight, bias = weight_of(linear).double(), linear.bias
    column = weight.new_zeros(len(weight)) if bias is None else bias.detach().double()
    rows = torch.cat([weight, column[:, None]], 1).cpu()
    return {
        "weight_grad_norm": _gradient_norm(_weights_of(linear), gradients),
        "bias_grad_norm": math.nan if bias is None else _gradient_norm([bias], gradients),
        "weight_norm": norm(weight),
        "distinct_units": float(count_distinct(rows[None], direction)[0]),
        "units": float(len(weight)),
        "activation_mean": math.nan,
        "activation_std": math.nan,
        "example_std": math.nan,
        "saturated_share": math.nan,
        "dead_units": 0.0,
    }


def _gradient_norm(parameters: list[Tensor], gradients: dict[Tensor, Tensor]) -> float:
    """Return the norm of a gradient; NaN where none was computed, as of frozen parameters."""
    found = [norm(gradients[p]) for p in parameters if p in gradients]
    return math.hypot(*found) if found else math.nan


def _activations(layer: Layer, seen: Pass) -> Row:
    if seen.a is None or seen.a.shape != seen.z.shape:
        return {}
    units = seen.z.shape[-1]
    if layer.activation is None:
        slopes = _slopes_by_autograd(seen)
        largest = float(slopes.max()) if slopes is not None and slopes.numel() else 1.0
    else:
        act = ACTIVATIONS[layer.activation]
        slopes = act.slope(seen.z, layer.slope).abs()
        largest = float(act.max_slope(layer.slope))
    row = _moments(seen.a.detach().reshape(-1, units))
    if slopes is None:
        return row
    slopes = slopes.reshape(-1, units)
    return row | {
        "saturated_share": float((slopes < FLAT_SLOPE * largest).double().mean()),
        "dead_units": float((slopes == 0).all(0).sum()),
    }


def _dead_outputs(last: Pass, outputs: Tensor) -> Row:
    """Count the outputs that are flat on all examples, as those behind a ReLU can be."""
    if last.z.shape != outputs.shape:
        return {}
    slopes = _slopes_by_autograd(Pass(last.out, last.z, outputs))
    if slopes is None:
        return {}
    return {"dead_units": float((slopes.reshape(len(slopes), -1) == 0).all(0).sum())}


def _slopes_by_autograd(seen: Pass) -> Tensor | None:
    """Return the slopes of a function that is not known, where what is between is element-wise."""
    assert seen.a is not None
    if not (seen.a.requires_grad and seen.out.requires_grad):
        return None
    slopes = torch.autograd.grad(seen.a.sum(), seen.out, retain_graph=True, allow_unused=True)[0]
    return None if slopes is None else slopes.abs()


def _predictions(outputs: Tensor, kind: Output) -> Row:
    """Measure probabilities, as of the lab's own networks; no output unit is called dead."""
    columns = outputs.reshape(len(outputs), -1)
    if kind == "logits":
        columns = torch.sigmoid(columns) if columns.shape[1] == 1 else columns.softmax(1)
    row = _moments(columns)
    if kind in ("logits", "probabilities"):
        slopes = columns * (1 - columns)
        row["saturated_share"] = float((slopes < FLAT_SLOPE / 4).double().mean())
    return row


def _moments(a: Tensor) -> Row:
    """Return mean, spread and signal of outputs [N, units]; see LayerStats."""
    a = a.double()
    return {
        "activation_mean": float(a.mean()),
        "activation_std": float(a.std(correction=0)),
        "example_std": float(a.var(0, correction=0).mean().sqrt()),
    }
