"""The feed-forward network: linear layers fc1..fcL with an activation between them."""

from __future__ import annotations

import itertools
from typing import cast

import torch
from torch import Tensor, nn

from nndl_core.base.checks import check_sizes
from nndl_core.base.config import ActivationName, RunConfig
from nndl_core.network.activations import ACTIVATIONS
from nndl_core.network.initializers import INITIALIZERS
from nndl_core.network.losses import output_units, probabilities


class MLP(nn.Module):
    """A multi-layer perceptron; ``sizes`` counts inputs, hidden units and outputs, 2-5-1 say.

    forward gives logits and keeps what back-propagation needs: ``inputs[l]``, the input of layer
    l, and ``pre_activations[l]``, its output z before the activation.
    """

    def __init__(
        self,
        sizes: tuple[int, ...],
        activation: ActivationName = "sigmoid",
        slope: float = 0.01,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.sizes = check_sizes(sizes)
        self.activation: ActivationName = activation
        self.slope = slope
        for i, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes), start=1):
            self.add_module(f"fc{i}", nn.Linear(fan_in, fan_out, dtype=dtype))
        self.inputs: list[Tensor] = []
        self.pre_activations: list[Tensor] = []

    @classmethod
    def from_config(cls, config: RunConfig, features: int, classes: int) -> MLP:
        """Build and initialize the network of a config for data of this many features."""
        outputs = output_units(config.loss, classes)
        sizes = (features, *config.hidden, outputs)
        model = cls(sizes, config.activation, config.slope, getattr(torch, config.dtype))
        model.init_weights(config)
        return model

    @property
    def layers(self) -> list[nn.Linear]:
        """The linear layers, from fc1 on."""
        return [cast(nn.Linear, layer) for layer in self.children()]

    def init_weights(self, config: RunConfig) -> None:
        """Draw all weights anew from the config's weight seed and set every bias.

        The draw is layer by layer and in float32 whatever the precision, so that equal seeds
        give equal networks.
        """
        generator = torch.Generator().manual_seed(config.init_seed)
        draw = INITIALIZERS[config.init]
        with torch.no_grad():
            for layer in self.layers:
                fan_out, fan_in = layer.weight.shape
                layer.weight.copy_(draw(fan_out, fan_in, generator, config.init_scale))
                layer.bias.fill_(config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits [n, outputs] of examples [n, features]."""
        phi = ACTIVATIONS[self.activation].value
        self.inputs, self.pre_activations = [], []
        layers = self.layers
        a = x
        for layer in layers:
            self.inputs.append(a)
            z = layer(a)  # a W^T + b
            self.pre_activations.append(z)
            a = phi(z, self.slope) if layer is not layers[-1] else z
        return a

    def logits(self, x: Tensor) -> Tensor:
        """Return the logits [n, outputs] in the model's precision, without a graph."""
        with torch.no_grad():
            z: Tensor = self(x.to(self.layers[0].weight.dtype))
            return z

    def predict(self, x: Tensor) -> Tensor:
        """Return probabilities [n, outputs]."""
        columns: Tensor = probabilities(self.logits(x).T).T
        return columns


def is_plain(model: nn.Module) -> bool:
    """Tell whether a module is an MLP and nothing else: what trains it may go past its forward.

    A subclass, a forward of its own, a layer put in by hand, frozen parameters and hooks need the
    module itself to be called.
    """
    if type(model) is not MLP or "forward" in vars(model):
        return False
    shapes = [(o, i) for i, o in itertools.pairwise(model.sizes)]
    layers = list(model.named_children())
    if [name for name, _ in layers] != [f"fc{i}" for i in range(1, len(shapes) + 1)]:
        return False
    return not _has_hooks(model) and all(
        type(layer) is nn.Linear
        and layer.weight.shape == shape
        and layer.bias is not None
        and "forward" not in vars(layer)
        and not _has_hooks(layer)
        and all(p.requires_grad and not _has_hooks(p) for p in (layer.weight, layer.bias))
        for (_, layer), shape in zip(layers, shapes, strict=True)
    )


HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_post_accumulate_grad_hooks",
)


def _has_hooks(part: nn.Module | Tensor) -> bool:
    return any(getattr(part, name, None) for name in HOOKS)


def pack(model: MLP) -> list[Tensor]:
    """Return the parameters as windows [1, fan_out, fan_in + 1], the bias as last column."""
    return [torch.cat([fc.weight, fc.bias[:, None]], 1).detach()[None] for fc in model.layers]


def unpack(windows: list[Tensor], state: dict[str, Tensor]) -> None:
    """Write windows into a state dict fc1.weight, fc1.bias, ..."""
    with torch.no_grad():
        for i, window in enumerate(windows, start=1):
            state[f"fc{i}.weight"].copy_(window[0, :, :-1])
            state[f"fc{i}.bias"].copy_(window[0, :, -1])
