"""Checkpoints: the parameters of a model as safetensors, with the config as JSON beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from nndl_core.checks import check_count, check_tensor
from nndl_core.config import ConfigError, RunConfig, short
from nndl_core.i18n import tr

MAX_BYTES = 5_000_000
MAX_COUNT_DIGITS = 9
MOST_STEPS = 2**62
FORMAT = "nndl-lab-1"
PRECISIONS = (torch.float32, torch.float64)


class CheckpointError(ValueError):
    """A file that cannot be loaded; the text is one sentence for the person who chose it."""


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds: fc1.weight, fc1.bias, ..., optimizer vectors, epoch and config.

    steps counts the updates that the optimizer vectors remember; 0 without such vectors. Raises
    TypeError or ValueError with one sentence for tensors or counts that no run can have.
    """

    tensors: dict[str, Tensor]
    epoch: int
    config: RunConfig | None
    steps: int = 0

    def __post_init__(self) -> None:
        for name, tensor in self.tensors.items():
            check_tensor(short(name), tensor, PRECISIONS)
        for name, count in (("epoch", self.epoch), ("steps", self.steps)):
            check_count(name, count, 0, MOST_STEPS)

    def to_bytes(self) -> bytes:
        """Write the file; nothing in it is executable."""
        metadata = {"format": FORMAT, "epoch": str(self.epoch), "steps": str(self.steps)}
        if self.config is not None:
            metadata["config"] = self.config.to_json()
        tensors = {name: t.detach().contiguous() for name, t in self.tensors.items()}
        return safetensors.torch.save(tensors, metadata)

    @classmethod
    def from_bytes(cls, content: bytes) -> Checkpoint:
        """Read a file; raise CheckpointError if it is foreign, truncated or oversized."""
        if len(content) > MAX_BYTES:
            raise CheckpointError(
                tr(
                    "The file has {count:,} bytes; a checkpoint has at most {max_bytes:,}.",
                    count=len(content),
                    max_bytes=MAX_BYTES,
                )
            )
        try:
            tensors = safetensors.torch.load(content)
            header = int.from_bytes(content[:8], "little")
            metadata = json.loads(content[8 : 8 + header]).get("__metadata__", {})
        except (safetensors.SafetensorError, ValueError, KeyError, RecursionError):
            raise CheckpointError(
                tr(
                    "The file is not a complete safetensors checkpoint; it may be truncated or of "
                    "another kind."
                )
            ) from None
        if metadata is None or metadata.get("format") != FORMAT:
            raise CheckpointError(tr("The file was not saved by this lab."))
        if not all(t.dtype in PRECISIONS and t.isfinite().all() for t in tensors.values()):
            raise CheckpointError(tr("The file holds values that are not finite numbers."))
        epoch, steps = _count(metadata, "epoch"), _count(metadata, "steps")
        return cls(tensors, epoch, _config(metadata.get("config")), steps)


def check_shapes(tensors: dict[str, Tensor], expected: dict[str, torch.Size]) -> None:
    """Raise CheckpointError unless every expected tensor is there in its shape, and no other."""
    own = {name: t.shape for name, t in tensors.items() if not name.startswith("optimizer.")}
    for name in expected.keys() - own.keys():
        raise CheckpointError(
            tr("The checkpoint has no {name}; it belongs to another network.", name=name)
        )
    for name, shape in own.items():
        if name not in expected or shape != expected[name]:
            raise CheckpointError(
                tr(
                    "The checkpoint's {name} has shape {shape}, which this network has not; it "
                    "belongs to another network.",
                    name=name,
                    shape=list(shape),
                )
            )


def in_precision(tensors: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Convert tensors; raise CheckpointError where a value is too large for the precision."""
    converted = {name: t.to(dtype) for name, t in tensors.items()}
    for name, t in converted.items():
        if not t.isfinite().all():
            precision = str(dtype).removeprefix("torch.")
            raise CheckpointError(
                tr(
                    "The checkpoint's {name} holds values too large for {precision}.",
                    name=name,
                    precision=precision,
                )
            )
    return converted


def _count(metadata: dict[str, str], name: str) -> int:
    text = metadata.get(name, "")
    if not text.isdecimal() or len(text) > MAX_COUNT_DIGITS:
        raise CheckpointError(
            tr("The file does not say its {name} count; it may be damaged.", name=name)
        )
    return int(text)


def _config(text: str | None) -> RunConfig | None:
    if text is None:
        return None
    try:
        return RunConfig.from_json(text)
    except ConfigError as error:
        raise CheckpointError(
            tr("The checkpoint's configuration cannot be used: {error}", error=error)
        ) from None
