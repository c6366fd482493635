"""Checkpoints: the parameters of a model as safetensors, with the config as JSON beside them.

The tensors of a file are exactly the state dict, so that plain PyTorch loads them too; what the
optimizer remembers stands with the config. A plain state dict, as safetensors or as torch.save
writes it, can be read as well.
"""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from nndl_core.base.checks import check_count, check_tensor
from nndl_core.base.config import ConfigError, RunConfig
from nndl_core.base.i18n import tr
from nndl_core.base.knobs import short

MAX_BYTES = 5_000_000
MAX_COUNT_DIGITS = 9
MOST_STEPS = 2**62
FORMAT = "nndl-lab-1"
PLAIN = "pt"
"""How other programs mark PyTorch's tensors, if they mark them at all."""
PRECISIONS = (torch.float32, torch.float64)
OTHERS = (
    torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8,
    torch.bool,
)  # fmt: skip
"""What a network of one's own may hold besides: counters, indices, masks, short numbers."""
VECTOR_TYPES = {"float32": np.float32, "float64": np.float64}
ZIP = b"PK\x03\x04"
"""How a file of torch.save begins."""
OLD_VECTOR = "optimizer."
"""How the optimizer's vectors were called when they stood among the tensors."""


State = dict[str, Tensor]


class CheckpointError(ValueError):
    """A file that cannot be loaded; the text is one sentence for the person who chose it."""


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds: fc1.weight, fc1.bias, ..., the optimizer's vectors, epoch and config.

    steps counts the updates that the optimizer's vectors remember; 0 without such vectors. Raises
    TypeError or ValueError with one sentence for tensors or counts that no run can have.
    """

    tensors: dict[str, Tensor]
    epoch: int
    config: RunConfig | None
    steps: int = 0
    vectors: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, tensor in self.tensors.items():
            check_tensor(short(name), tensor, (*PRECISIONS, *OTHERS))
        for vector in self.vectors:
            check_tensor("optimizer", vector, PRECISIONS)
        for name, count in (("epoch", self.epoch), ("steps", self.steps)):
            check_count(name, count, 0, MOST_STEPS)

    def to_bytes(self) -> bytes:
        """Write the file; nothing in it is executable."""
        metadata = {"format": FORMAT, "epoch": str(self.epoch), "steps": str(self.steps)}
        if self.config is not None:
            metadata["config"] = self.config.to_json()
        if self.vectors:
            metadata["optimizer"] = json.dumps([_packed(vector) for vector in self.vectors])
        tensors = {name: t.detach().contiguous() for name, t in self.tensors.items()}
        return safetensors.torch.save(tensors, metadata)

    def to_bytes_for(self, path: str | Path) -> bytes:
        """Write what the ending of a path asks for: safetensors, or else torch.save's form."""
        if Path(path).suffix == ".safetensors":
            return self.to_bytes()
        file = io.BytesIO()
        torch.save(self.tensors, file)
        return file.getvalue()

    @classmethod
    def from_file(cls, path: str | Path, own: State | None = None) -> Checkpoint:
        """Read a file of one's own, of torch.save too; raise CheckpointError with a sentence.

        own is the state dict of the network that it is for: the file may then be as large as that
        network needs, and hold what is no number of a weight where the network does.
        """
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise CheckpointError(
                tr("{path} cannot be read: {strerror}.", path=path, strerror=error.strerror)
            ) from None
        if content.startswith(ZIP):
            return cls(_checked(_state_dict(content, _most(own)), own), 0, None)
        return cls.from_bytes(content, own)

    @classmethod
    def from_bytes(cls, content: bytes, own: State | None = None) -> Checkpoint:
        """Read safetensors; raise CheckpointError if it is foreign, truncated or oversized."""
        _check_size(len(content), _most(own))
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
        if not tensors:
            raise CheckpointError(tr("The file holds no weights."))
        made_by = (metadata or {}).get("format", PLAIN)
        if made_by not in (FORMAT, PLAIN):
            raise CheckpointError(tr("The file was not saved by this lab."))
        if made_by == PLAIN:
            return cls(_in_order(_checked(tensors, own)), 0, None)
        parts = {name: t for name, t in tensors.items() if not name.startswith(OLD_VECTOR)}
        old = [t for name, t in sorted(tensors.items()) if name.startswith(OLD_VECTOR)]
        vectors = _vectors(metadata["optimizer"]) if "optimizer" in metadata else old
        _checked(dict(enumerate(vectors)), None)
        epoch, steps = _count(metadata, "epoch"), _count(metadata, "steps")
        return cls(_checked(parts, own), epoch, _config(metadata.get("config")), steps, vectors)


def _packed(vector: Tensor) -> dict[str, str]:
    """Write a vector of the optimizer as text."""
    content = vector.detach().cpu().numpy().tobytes()
    return {
        "dtype": str(vector.dtype).removeprefix("torch."),
        "data": base64.b64encode(content).decode(),
    }


def _vectors(text: str) -> list[Tensor]:
    """Read the vectors of the optimizer."""
    try:
        return [
            torch.from_numpy(
                np.frombuffer(
                    base64.b64decode(entry["data"], validate=True), VECTOR_TYPES[entry["dtype"]]
                ).copy()
            )
            for entry in json.loads(text)
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CheckpointError(
            tr("What the file holds of the optimizer cannot be read; it may be damaged.")
        ) from None


def _most(own: State | None) -> int:
    """Return the most bytes of a file: weights, two vectors of the optimizer as text, and some."""
    return MAX_BYTES + 4 * sum(t.nbytes for t in (own or {}).values())


def _check_size(count: int, most: int) -> None:
    if count > most:
        raise CheckpointError(
            tr(
                "The file has {count:,} bytes; a checkpoint has at most {max_bytes:,}.",
                count=count,
                max_bytes=most,
            )
        )


def _state_dict(content: bytes, most: int) -> dict[str, Tensor]:
    """Read what torch.save wrote of a state dict; code in it is not run."""
    found: Any = None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # small entries can unpack to gigabytes
            _check_size(sum(entry.file_size for entry in archive.infolist()), most)
        found = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except CheckpointError:
        raise
    except Exception:  # what is damaged in the archive decides which of a dozen kinds it is
        pass
    pairs = list(found.items()) if isinstance(found, dict) else []
    if not pairs or not all(isinstance(n, str) and isinstance(t, Tensor) for n, t in pairs):
        raise CheckpointError(
            tr(
                "The file holds no state dict that can be read; write one with "
                "torch.save(model.state_dict(), path), or as safetensors."
            )
        )
    return dict(pairs)


def _checked(tensors: dict[Any, Tensor], own: State | None) -> dict[Any, Tensor]:
    """Return tensors of real numbers that are finite, or as those of the network's own state."""
    for name, t in tensors.items():
        if not _is_sound(t, (own or {}).get(name)):
            raise CheckpointError(tr("The file holds values that are not finite numbers."))
    return tensors


def _is_sound(t: Tensor, own: Tensor | None) -> bool:
    """Tell whether these are finite numbers of a weight, a counter, or what the network holds."""
    if own is not None and t.dtype == own.dtype:
        return not t.is_floating_point() or bool(t.isfinite().all()) or torch.equal(t, own)
    counts = t.dtype == torch.int64 and t.ndim == 0
    return counts or (t.dtype in PRECISIONS and bool(t.isfinite().all()))


def _in_order(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Sort a foreign file's tensors by layer, weight before bias: safetensors knows no order."""

    def place(name: str) -> tuple[list[tuple[bool, int, str]], bool]:
        layer, _, kind = name.rpartition(".")
        parts = re.findall(r"\d+|\D+", layer)
        return [(not p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts], (
            kind != "weight"
        )

    return {name: tensors[name] for name in sorted(tensors, key=place)}


def fitted(tensors: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors under the names of a network's own state dict, in its order.

    Other names are taken one by one if all shapes fit in this order. Raises CheckpointError.
    """
    shapes = [t.shape for t in own.values()]
    if tensors.keys().isdisjoint(own) and [t.shape for t in tensors.values()] == shapes:
        return dict(zip(own, tensors.values(), strict=True))
    for name in own:
        if name not in tensors:
            raise CheckpointError(
                tr("The checkpoint has no {name}; it belongs to another network.", name=name)
            )
    for name, t in tensors.items():
        if name not in own or t.shape != own[name].shape:
            raise CheckpointError(
                tr(
                    "The checkpoint's {name} has shape {shape}, which this network has not; it "
                    "belongs to another network.",
                    name=name,
                    shape=list(t.shape),
                )
            )
    return {name: tensors[name] for name in own}


def in_precision(tensors: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Convert tensors to a network's own types; raise CheckpointError if one is too large."""
    converted = {name: t.to(own[name].dtype) for name, t in tensors.items()}
    for name, t in converted.items():
        if not (t.isfinite().all() or torch.equal(t, own[name].cpu())):
            raise CheckpointError(
                tr(
                    "The checkpoint's {name} holds values too large for {precision}.",
                    name=name,
                    precision=str(t.dtype).removeprefix("torch."),
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
