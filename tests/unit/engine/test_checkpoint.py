"""Checkpoints: what goes in comes out, and no other file does anything but give a sentence."""

import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from nndl_core.base.config import RunConfig
from nndl_core.engine.checkpoint import MAX_BYTES, Checkpoint, CheckpointError
from nndl_core.engine.runner import Runner
from nndl_core.network.model import MLP

CONFIG = RunConfig(points=60, epochs=50, hidden=(3,), optimizer="momentum")


def trained(config: RunConfig = CONFIG, epochs: int = 10) -> Runner:
    runner = Runner.from_config(config)
    runner.advance(epochs)
    return runner


def state(runner: Runner) -> tuple[list[list[float]], int, int]:
    values = [p.detach().flatten().tolist() for p in runner.model.parameters()]
    return values, runner.epoch, len(runner.records)


def parameters(model: torch.nn.Module) -> list[list[float]]:
    return [p.detach().flatten().tolist() for p in model.parameters()]


def refusal(content: bytes) -> str:
    """Return the one sentence that a file is refused with."""
    with pytest.raises(CheckpointError) as caught:
        Checkpoint.from_bytes(content)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    assert len(text) < 400
    return text


def file_of(tensors: dict[str, Tensor] | None = None, **metadata: str) -> bytes:
    """Write a file of the lab's kind with something changed."""
    known = {"format": "nndl-lab-1", "epoch": "3", "steps": "3"}
    own = {"fc1.weight": torch.ones(1, 2)} if tensors is None else tensors
    return safetensors.torch.save(own, known | metadata)


def raw(header: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + data


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_file_gives_back_what_was_saved(dtype: str) -> None:
    config = RunConfig.from_dict({"points": 60, "dtype": dtype, "optimizer": "adam"})
    saved = trained(config).checkpoint()
    read = Checkpoint.from_bytes(saved.to_bytes())
    assert (read.epoch, read.steps, read.config) == (10, 10, config)
    assert set(read.tensors) == {"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}
    assert len(read.vectors) == 2
    for found, vector in zip(read.vectors, saved.vectors, strict=True):
        assert torch.equal(found, vector)
        assert found.dtype is getattr(torch, dtype)
    for name, tensor in saved.tensors.items():
        assert torch.equal(read.tensors[name], tensor)
        assert read.tensors[name].dtype is getattr(torch, dtype)


def test_a_checkpoint_is_a_copy_of_its_moment() -> None:
    runner = trained()
    content = runner.checkpoint()
    before = {name: t.clone() for name, t in content.tensors.items()}
    runner.advance(10)
    assert all(torch.equal(content.tensors[name], t) for name, t in before.items())


def test_saving_and_loading_through_a_file(tmp_path: Path) -> None:
    runner, path = trained(), tmp_path / "a.safetensors"
    runner.save_model(path)
    other = Runner.from_config(RunConfig(points=60, epochs=50, hidden=(3,), init_seed=9))
    other.load_model(str(path))
    assert state(other)[0] == state(runner)[0]
    assert other.epoch == 10


def test_a_file_without_config_is_fine() -> None:
    tensors = {"fc1.weight": torch.ones(1, 2), "fc1.bias": torch.zeros(1)}
    assert Checkpoint.from_bytes(Checkpoint(tensors, 0, None).to_bytes()).config is None


def test_every_truncation_is_refused() -> None:
    content = file_of()
    assert Checkpoint.from_bytes(content).epoch == 3
    for length in range(len(content)):
        refusal(content[:length])
    refusal(content + b"\0")


def test_every_damaged_byte_is_refused_or_still_a_checkpoint() -> None:
    content = file_of()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        try:
            read = Checkpoint.from_bytes(bytes(damaged))
        except CheckpointError:
            continue
        assert all(t.isfinite().all() for t in read.tensors.values())


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was executed",))


FOREIGN: list[tuple[str, bytes]] = [
    ("empty", b""),
    ("text", b"these are my weights"),
    ("pickle", pickle.dumps(Bomb())),
    ("zip", b"PK\x03\x04" + bytes(100)),
    ("json", b'{"fc1.weight": [[1, 2]]}'),
    ("image", b"\x89PNG\r\n\x1a\n" + bytes(64)),
    ("zeros", bytes(1000)),
    ("huge header length", struct.pack("<Q", 2**63) + b"{}"),
    ("longest header length", struct.pack("<Q", 2**64 - 1) + b"{}"),
    ("header that is no object", raw(b"[]")),
    ("header bomb", raw(b"[" * 100_000)),
    ("header bomb of objects", raw(b'{"a":' * 100_000)),
    ("metadata null", raw(b'{"__metadata__":null}')),
    ("metadata a list", raw(b'{"__metadata__":[]}')),
    ("metadata not text", raw(b'{"__metadata__":{"format":5}}')),
    ("another format", file_of(format="nndl-lab-2")),
    ("optimizer no json", file_of(optimizer="{")),
    ("optimizer a number", file_of(optimizer="5")),
    ("optimizer of no base64", file_of(optimizer='[{"dtype": "float32", "data": "?"}]')),
    ("optimizer of an odd length", file_of(optimizer='[{"dtype": "float32", "data": "AAAA"}]')),
    ("optimizer of objects", file_of(optimizer='[{"dtype": "object", "data": ""}]')),
    ("optimizer bomb", file_of(optimizer="[" * 100_000)),
    ("optimizer infinite", file_of(optimizer='[{"dtype": "float32", "data": "AACAfw=="}]')),
    ("no epoch", file_of(epoch="")),
    ("epoch below zero", file_of(epoch="-1")),
    ("epoch a fraction", file_of(epoch="1.5")),
    ("epoch of 5000 digits", file_of(epoch="9" * 5000)),
    ("epoch of 30 digits", file_of(epoch="9" * 30)),
    ("steps a word", file_of(steps="many")),
    ("steps of 5000 digits", file_of(steps="9" * 5000)),
    ("no number", file_of({"fc1.weight": torch.tensor([[float("nan"), 1.0]])})),
    ("infinite", file_of({"fc1.weight": torch.tensor([[float("inf"), 1.0]])})),
    ("integers", file_of({"fc1.weight": torch.ones(1, 2, dtype=torch.int64)})),
    ("truth values", file_of({"fc1.weight": torch.ones(1, 2, dtype=torch.bool)})),
    ("eight bit floats", file_of({"fc1.weight": torch.ones(1, 2).to(torch.float8_e4m3fn)})),
    ("config no json", file_of(config="{")),
    ("config a list", file_of(config="[]")),
    ("config bomb", file_of(config="[" * 100_000)),
    ("config value", file_of(config='{"points": 1}')),
    ("config unknown setting", file_of(config='{"point": 100}')),
]


@pytest.mark.parametrize(("kind", "content"), FOREIGN, ids=[kind for kind, _ in FOREIGN])
def test_a_foreign_file_gives_a_sentence_and_changes_nothing(
    kind: str, content: bytes, tmp_path: Path
) -> None:
    refusal(content)
    runner, path = trained(), tmp_path / "foreign"
    before = state(runner)
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        runner.load_model(path)
    assert state(runner) == before
    assert runner.advance(1) == 1


def test_a_wrong_config_in_a_file_is_explained() -> None:
    text = refusal(file_of(config='{"points": 1}'))
    assert "points: 1 is out of range; allowed is from 20 to 5000." in text


def test_an_oversized_file_is_refused_before_it_is_read() -> None:
    assert f"at most {MAX_BYTES:,}" in refusal(bytes(MAX_BYTES + 1))
    large = {"fc1.weight": torch.zeros(MAX_BYTES // 4)}
    assert "bytes" in refusal(file_of(large))


def test_a_header_that_points_outside_is_refused() -> None:
    for offsets in ([0, 80], [8, 0], [0, 2**62], [-8, 0]):
        entry = {"fc1.weight": {"dtype": "F32", "shape": [1, 2], "data_offsets": offsets}}
        refusal(raw(json.dumps(entry).encode(), bytes(8)))
    for shape in ([2**40, 2**40], [1, 3], [-1, -2]):
        entry = {"fc1.weight": {"dtype": "F32", "shape": shape, "data_offsets": [0, 8]}}
        refusal(raw(json.dumps(entry).encode(), bytes(8)))


WRONG: list[tuple[str, Callable[[dict[str, Tensor]], object]]] = [
    ("fc1.weight", lambda t: t.update({"fc1.weight": torch.ones(2, 3)})),
    ("fc1.weight", lambda t: t.update({"fc1.weight": torch.ones(6)})),
    ("fc2.bias", lambda t: t.pop("fc2.bias")),
    ("fc3.weight", lambda t: t.update({"fc3.weight": torch.ones(1, 1)})),
    ("fc1.weight", lambda t: t.update({"fc1.weight": torch.ones(0)})),
]


@pytest.mark.parametrize(("name", "change"), WRONG)
def test_tensors_of_another_network_are_refused_by_name(
    name: str, change: Callable[[dict[str, Tensor]], object]
) -> None:
    runner = trained()
    before = state(runner)
    tensors = runner.checkpoint().tensors
    change(tensors)
    with pytest.raises(CheckpointError, match=rf"^The checkpoint.*{name}.*another network\.$"):
        runner.restore(Checkpoint.from_bytes(Checkpoint(tensors, 3, CONFIG).to_bytes()))
    assert state(runner) == before


def test_values_that_overflow_this_precision_are_refused() -> None:
    runner = trained()
    before = state(runner)
    tensors = {n: t.double() for n, t in runner.checkpoint().tensors.items()}
    tensors["fc1.bias"] += 1e300
    with pytest.raises(CheckpointError, match=r"too large for float32.*\.$"):
        runner.restore(Checkpoint(tensors, 3, None))
    assert state(runner) == before


@pytest.mark.parametrize("vector", [torch.ones(3), torch.ones(2, 2), torch.ones(0)])
def test_an_optimizer_memory_that_does_not_fit_is_not_used(vector: Tensor) -> None:
    runner, fresh = trained(), trained(epochs=0)
    runner.restore(Checkpoint(fresh.checkpoint().tensors, 0, None, 7, [vector]))
    runner.advance(5)
    fresh.advance(5)
    assert runner.train_loss == fresh.train_loss


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_a_path_that_is_no_file_gives_a_sentence(kind: str, tmp_path: Path) -> None:
    path = tmp_path if kind == "folder" else tmp_path / "missing"
    with pytest.raises(CheckpointError, match=r"cannot be read: .*\.$"):
        trained().load_model(path)


def test_plain_pytorch_loads_what_the_lab_saves_and_the_lab_what_pytorch_saves(
    tmp_path: Path,
) -> None:
    runner = trained(RunConfig(points=60, epochs=50, hidden=(3,), optimizer="adam"))
    for ending in ("safetensors", "pt", "pdparams"):
        path = tmp_path / f"lab.{ending}"
        runner.save_model(path)
        if ending == "safetensors":
            plain = safetensors.torch.load_file(path)
        else:
            plain = torch.load(path, weights_only=True)
        twin = MLP((2, 3, 1))
        twin.load_state_dict(plain)
        assert parameters(twin) == parameters(runner.model)
        other = trained(epochs=0)
        other.load_model(path)
        assert parameters(other.model) == parameters(runner.model)


@pytest.mark.parametrize("form", ["safetensors", "pt"])
def test_a_state_dict_of_another_class_is_loaded_where_its_shapes_fit(
    form: str, tmp_path: Path
) -> None:
    runner, path = trained(), tmp_path / "theirs"
    theirs = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    if form == "pt":
        torch.save(theirs.state_dict(), path)
    else:
        safetensors.torch.save_file(theirs.state_dict(), path)
    runner.load_model(path)
    assert parameters(runner.model) == parameters(theirs)
    wider = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    torch.save(wider.state_dict(), path)
    with pytest.raises(CheckpointError, match="another network"):
        runner.load_model(path)
    assert parameters(runner.model) == parameters(theirs)


def test_loading_keeps_the_curves_of_what_was_trained(tmp_path: Path) -> None:
    runner, path = trained(), tmp_path / "best.pt"
    runner.save_model(path, best=True)
    losses = list(runner.train_loss)
    runner.load_model(path)
    assert runner.train_loss == losses
    assert runner.epoch == len(losses)
    best = runner.best
    assert best is not None
    assert runner.dataset is not None
    assert runner.evaluate(runner.dataset.dev)[0] == best.score
    runner.advance(5)
    assert [r.epoch for r in runner.records] == list(range(15))


def test_a_file_of_before_with_the_optimizer_among_the_tensors_is_still_read() -> None:
    runner = trained()
    now = runner.checkpoint()
    tensors = now.tensors | {f"optimizer.{i}": v for i, v in enumerate(now.vectors)}
    content = safetensors.torch.save(
        tensors, {"format": "nndl-lab-1", "epoch": "10", "steps": "10", "config": CONFIG.to_json()}
    )
    read = Checkpoint.from_bytes(content)
    assert len(read.vectors) == len(now.vectors) == 1
    assert torch.equal(read.vectors[0], now.vectors[0])
    twin = trained(epochs=0)
    twin.restore(read)
    twin.advance(5)
    runner.advance(5)
    assert parameters(twin.model) == parameters(runner.model)


WRAPPED: list[tuple[str, Any]] = [
    ("a module", torch.nn.Linear(2, 1)),
    ("code", Bomb()),
    ("a list", [torch.ones(2)]),
    ("a checkpoint of a loop", {"model": {"fc1.weight": torch.ones(3, 2)}, "epoch": 3}),
    ("numbers that are not finite", {"fc1.weight": torch.full((3, 2), float("nan"))}),
]


@pytest.mark.parametrize(("kind", "content"), WRAPPED, ids=[kind for kind, _ in WRAPPED])
def test_what_torch_saves_beside_a_state_dict_is_refused_and_never_run(
    kind: str, content: Any, tmp_path: Path
) -> None:
    path, runner = tmp_path / "theirs.pt", trained()
    torch.save(content, path)
    before = state(runner)
    with pytest.raises(CheckpointError):
        runner.load_model(path)
    assert state(runner) == before


def test_a_zip_that_unpacks_to_more_than_a_checkpoint_holds_is_not_unpacked(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(200_000_000))
    assert path.stat().st_size < MAX_BYTES
    with pytest.raises(CheckpointError, match="200,000,000 bytes; a checkpoint has at most"):
        Checkpoint.from_file(path)


def test_no_pickle_is_ever_loaded_of_what_is_uploaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*args: Any, **options: Any) -> None:
        pytest.fail("a pickle loader was called")

    for module, name in ((torch, "load"), (pickle, "load"), (pickle, "loads")):
        monkeypatch.setattr(module, name, forbidden)
    monkeypatch.setattr(pickle, "Unpickler", forbidden)
    Checkpoint.from_bytes(trained().checkpoint().to_bytes())
    for _, content in FOREIGN:
        refusal(content)
