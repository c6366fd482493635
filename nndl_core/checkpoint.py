"""Checkpoints: the parameters of a model as safetensors, with the config as JSON beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from nndl_core.config import ConfigError, RunConfig

MAX_BYTES = 5_000_000
FORMAT = "nndl-lab-1"


class CheckpointError(ValueError):
    """A file that cannot be loaded; the text is one sentence for the person who chose it."""


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds: fc1.weight, fc1.bias, ..., optimizer vectors, epoch and config."""

    tensors: dict[str, Tensor]
    epoch: int
    config: RunConfig | None

    def to_bytes(self) -> bytes:
        """Write the file; nothing in it is executable."""
        metadata = {"format": FORMAT, "epoch": str(self.epoch)}
        if self.config is not None:
            metadata["config"] = self.config.to_json()
        tensors = {name: t.detach().contiguous() for name, t in self.tensors.items()}
        return safetensors.torch.save(tensors, metadata)

    @classmethod
    def from_bytes(cls, content: bytes) -> Checkpoint:
        """Read a file; raise CheckpointError if it is foreign, truncated or oversized."""
        if len(content) > MAX_BYTES:
            raise CheckpointError(
                f"The file has {len(content):,} bytes; a checkpoint has at most {MAX_BYTES:,}."
            )
        try:
            tensors = safetensors.torch.load(content)
            header = int.from_bytes(content[:8], "little")
            metadata = json.loads(content[8 : 8 + header]).get("__metadata__", {})
        except (safetensors.SafetensorError, ValueError, KeyError, RecursionError):
            raise CheckpointError(
                "The file is not a complete safetensors checkpoint; it may be truncated or "
                "of another kind."
            ) from None
        if metadata.get("format") != FORMAT or not str(metadata.get("epoch")).isdecimal():
            raise CheckpointError("The file was not saved by this lab.")
        if not all(t.is_floating_point() and t.isfinite().all() for t in tensors.values()):
            raise CheckpointError("The file holds values that are not finite numbers.")
        return cls(tensors, int(metadata["epoch"]), _config(metadata.get("config")))


def check_shapes(tensors: dict[str, Tensor], expected: dict[str, torch.Size]) -> None:
    """Raise CheckpointError unless every expected tensor is there in its shape, and no other."""
    own = {name: t.shape for name, t in tensors.items() if not name.startswith("optimizer.")}
    for name in expected.keys() - own.keys():
        raise CheckpointError(f"The checkpoint has no {name}; it belongs to another network.")
    for name, shape in own.items():
        if name not in expected or shape != expected[name]:
            raise CheckpointError(
                f"The checkpoint's {name} has shape {list(shape)}, which this network has not; "
                "it belongs to another network."
            )


def _config(text: str | None) -> RunConfig | None:
    if text is None:
        return None
    try:
        return RunConfig.from_json(text)
    except ConfigError as error:
        raise CheckpointError(f"The checkpoint's configuration cannot be used: {error}") from None
