"""The cache of runs: read back bit for bit, never trusted, shared, and bounded in size."""

import hashlib
import itertools
import json
import math
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import grimp
import pytest

from nndl_core.base.config import RunConfig
from nndl_core.engine import version
from nndl_core.engine.batch import Outcome
from nndl_core.engine.ensemble import Ensemble
from nndl_core.studies.sweep import cache as run_cache
from nndl_core.studies.sweep.cache import MOST_ENTRY_BYTES, RunCache
from nndl_core.studies.sweep.cells import Sweep
from nndl_core.studies.sweep.outcome_file import DIGEST_BYTES, encode

BASE = RunConfig(hidden=(3,), points=60, epochs=40, activation="relu", weight_decay=1.0)
AXES: dict[str, list[Any]] = {"depth": [1, 2, 3], "learning_rate": [0.01, 0.1, 1000]}
SEEDS = 2


def encoded(done: Sweep) -> list[bytes]:
    assert done.finished
    return [encode(outcome) for cell in done.cells if cell for outcome in cell.outcomes]


def run(folder: Path | None = None, seeds: int = SEEDS) -> Sweep:
    done = Sweep(BASE, AXES, seeds, cache=folder)
    done.advance()
    return done


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    run(folder)
    return folder


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[RunConfig]:
    """Note every config that is trained and not read."""
    configs: list[RunConfig] = []

    def counting(some: Sequence[RunConfig]) -> Ensemble:
        configs.extend(some)
        return Ensemble(some)

    monkeypatch.setattr("nndl_core.studies.sweep.tasks.Ensemble", counting)
    return configs


def test_a_second_opening_trains_nothing(filled: Path, trained: list[RunConfig]) -> None:
    assert len(files(filled)) == 9 * SEEDS
    again = run(filled)
    assert trained == []
    assert again.share == 1.0
    assert encoded(again) == encoded(run())
    assert any(o.diverged_at is not None for cell in again.cells if cell for o in cell.outcomes)


def test_an_interrupted_sweep_goes_on(tmp_path: Path, trained: list[RunConfig]) -> None:
    first = Sweep(BASE, AXES, SEEDS, cache=tmp_path)
    seen = [cell.index for cell in itertools.islice(first, 4)]
    before = list(trained)
    again = Sweep(BASE, AXES, SEEDS, cache=tmp_path)
    assert [cell.index for cell in again][:4] == seen
    assert len(trained) == len(set(trained)) == 9 * SEEDS
    assert len(before) == 4 * SEEDS
    assert encoded(again) == encoded(run())


def test_more_seeds_and_more_values_train_only_what_is_new(
    filled: Path, tmp_path: Path, trained: list[RunConfig]
) -> None:
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    run(tmp_path, SEEDS + 1)
    assert {config.init_seed for config in trained} == {SEEDS}
    trained.clear()
    Sweep(BASE, AXES | {"depth": [3, 4]}, SEEDS, cache=tmp_path).advance()
    assert {config.hidden for config in trained} == {(3,) * 4}


def forged(good: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Change the header of an entry and make its checksum right again."""
    body = good[DIGEST_BYTES:]
    end = 8 + int.from_bytes(body[:8], "little")
    header = json.loads(body[8:end])
    change(header)
    head = json.dumps(header).encode()
    body = len(head).to_bytes(8, "little") + head + body[end:]
    return hashlib.sha256(body).digest() + body


def swap(header: dict[str, Any], name: str) -> None:
    """Have the records stand under another name, and what that names in their place."""
    header[name], header["records"] = header["records"], header[name]


def flat(header: dict[str, Any], name: str) -> list[int]:
    """Return the shape of an array as one row of numbers."""
    return [math.prod(header[name]["shape"])]


NO_JSON = (4).to_bytes(8, "little") + b"none"
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda good: b"",
    "truncated": lambda good: good[: len(good) // 2],
    "one byte less": lambda good: good[:-1],
    "one bit": lambda good: good[:400] + bytes([good[400] ^ 1]) + good[401:],
    "text": lambda good: b"these are not the numbers\n",
    "another format": lambda good: b"nndl-outcome-1\n" + good,
    "too long": lambda good: good + b"\0" * MOST_ENTRY_BYTES,
    "no movement": lambda good: forged(good, lambda head: head.pop("movement")),
    "movement as records": lambda good: forged(good, lambda head: swap(head, "movement")),
    "scores as records": lambda good: forged(good, lambda head: swap(head, "scores")),
    "more records": lambda good: forged(
        good, lambda head: head["records"].update(shape=[10**9, 10**9])
    ),
    "one record": lambda good: forged(
        good, lambda head: head["records"].update(shape=[1, *flat(head, "records")])
    ),
    "no table": lambda good: forged(
        good, lambda head: head["records"].update(shape=flat(head, "records"))
    ),
    "shorter curves": lambda good: forged(good, lambda head: head["curve.epoch"].update(shape=[1])),
    "another config": lambda good: forged(good, lambda head: swap(head, "config")),
    "no JSON": lambda good: hashlib.sha256(NO_JSON).digest() + NO_JSON,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_entry_is_trained_again_and_replaced(
    damage: str, filled: Path, tmp_path: Path, trained: list[RunConfig]
) -> None:
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    good = files(tmp_path)
    config = replace(BASE, learning_rate=0.1, hidden=(3, 3), data_seed=1, init_seed=1)
    path = RunCache(tmp_path).path(config)
    path.write_bytes(DAMAGE[damage](good[path]))
    assert RunCache(tmp_path).get(config) is None
    assert encoded(run(tmp_path)) == encoded(run(filled))
    assert trained == [config]
    assert files(tmp_path) == good


def test_an_entry_in_the_place_of_another_is_trained_again(
    filled: Path, tmp_path: Path, trained: list[RunConfig]
) -> None:
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    good = files(tmp_path)
    for path, content in zip(good, reversed(good.values()), strict=True):
        path.write_bytes(content)
    assert encoded(run(tmp_path)) == encoded(run(filled))
    assert len(trained) == 9 * SEEDS
    assert files(tmp_path) == good


def test_another_engine_has_entries_of_its_own(
    filled: Path, tmp_path: Path, trained: list[RunConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(run_cache, "ENGINE_VERSION", "another")
    run(tmp_path)
    assert len(trained) == 9 * SEEDS
    assert len(files(tmp_path)) == 2 * 9 * SEEDS


def test_the_engine_holds_everything_that_an_ensemble_imports() -> None:
    """A file too many would only train again what is known; a file too few would be a lie."""
    graph = grimp.build_graph("nndl_core")
    found = graph.find_upstream_modules("nndl_core.engine.ensemble")
    rooms = {name.split(".")[1] for name in found if name != "nndl_core"}
    assert rooms <= set(version.PACKAGES)


def test_the_version_changes_with_every_engine_file_and_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = Path(version.__file__).parents[1]
    for name in version.PACKAGES:
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(version, "__file__", str(tmp_path / "engine" / "version.py"))
    seen = [version.engine_version()]
    for path in sorted(tmp_path.rglob("*.py")):
        path.write_text(path.read_text() + "#")
        seen.append(version.engine_version())
    (tmp_path / "network" / "losses.py").rename(tmp_path / "network" / "costs.py")
    seen.append(version.engine_version())
    monkeypatch.setattr("torch.__version__", "0")
    seen.append(version.engine_version())
    assert len(set(seen)) == len(seen)


def outcome_of(config: RunConfig) -> Outcome:
    ensemble = Ensemble([config])
    ensemble.advance()
    (found,) = ensemble.outcomes
    assert found is not None
    return found


def test_the_folder_is_bounded_and_keeps_the_newest(tmp_path: Path) -> None:
    content = encode(outcome_of(BASE))
    configs = [replace(BASE, init_seed=seed) for seed in range(30)]
    cache = RunCache(tmp_path, most_bytes=10 * len(content))
    for age, config in enumerate(configs):
        cache.put(config, content)
        os.utime(cache.path(config), (age, age))
        kept = [c for c in configs if cache.path(c).exists()]
        assert kept == configs[age + 1 - len(kept) : age + 1]
        assert min(age + 1, 7) <= len(kept) <= 10
    again = RunCache(tmp_path, most_bytes=4 * len(content))
    again.put(configs[0], content)
    assert len(files(tmp_path)) == 3


def test_many_writers_and_readers_of_one_entry_never_see_half_of_it(tmp_path: Path) -> None:
    content = encode(outcome_of(BASE))
    RunCache(tmp_path).put(BASE, content)
    stop = threading.Event()

    def write() -> None:
        cache = RunCache(tmp_path)
        while not stop.is_set():
            cache.put(BASE, content)

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    missed = sum(RunCache(tmp_path).get(BASE) is None for _ in range(200))
    stop.set()
    for writer in writers:
        writer.join()
    assert missed == 0
    assert len(files(tmp_path)) == 1


def test_a_write_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError("the disk is full")

    cache = RunCache(tmp_path)
    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(OSError, match="the disk is full"):
        cache.put(BASE, b"content")
    assert files(tmp_path) == {}
