"""Any run comes out of the history as it went in; any text of a user stays text."""

from __future__ import annotations

import csv
import io
import itertools
import json
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import URL

from nndl_core.base.config import RunConfig
from nndl_core.reports.export.history import runs_json, table_csv
from nndl_core.store.history import History
from nndl_core.store.packed import pack, unpack
from nndl_core.store.runs import (
    CURVES,
    MOST_NAME,
    MOST_POINTS,
    KeptCurves,
    KeptFinding,
    KeptRun,
    Scores,
    clean_name,
    thinned,
    unique_names,
)

OWNERS = ["a" * 64, "b" * 64, "c" * 64]
SINGLE = st.floats(width=32, allow_nan=True, allow_infinity=True)
SCORE = st.none() | st.floats(allow_nan=False, allow_infinity=False)
MEASURED = ("train_loss", "train_accuracy", "dev_loss", "test_loss", "best_test_accuracy")
COUNT = st.none() | st.integers(0, 200_000)
PRINTED = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@st.composite
def curves_of(draw: st.DrawFn) -> KeptCurves:
    count = draw(st.integers(0, 12) | st.just(MOST_POINTS))
    epochs = draw(st.lists(st.integers(0, 200_000), min_size=count, max_size=count))
    value = draw(st.lists(SINGLE, min_size=4, max_size=4))
    columns = [tuple([value[at]] * count) for at in range(4)]
    return KeptCurves(tuple(epochs), *columns)


@st.composite
def runs(draw: st.DrawFn) -> KeptRun:
    return KeptRun(
        id=draw(st.uuids()).hex,
        name=clean_name(draw(st.text(max_size=200))) or "run",
        finished_at=draw(st.floats(0, 4e9)),
        config=RunConfig(
            activation=draw(st.sampled_from(["relu", "tanh"])), init_seed=draw(st.integers(0, 99))
        ).to_json(),
        engine=draw(st.text("0123456789abcdef", max_size=64)),
        epochs=draw(st.integers(0, 200_000)),
        diverged_at=draw(COUNT),
        repeatable=draw(st.booleans()),
        pinned=draw(st.booleans()),
        scores=Scores(**{name: draw(SCORE) for name in MEASURED}, best_epoch=draw(COUNT)),
        findings=tuple(
            draw(st.lists(st.builds(KeptFinding, st.just("healthy"), PRINTED), max_size=3))
        ),
    )


def bits(curves: KeptCurves) -> list[bytes]:
    """What a float32 is, also where it is no number and equals nothing."""
    return [struct.pack(f"<{len(v)}f", *v) for v in (getattr(curves, n) for n in CURVES)]


@pytest.fixture(scope="module")
def history() -> Iterator[History]:
    with tempfile.TemporaryDirectory() as folder:
        url = URL.create("sqlite", database=str(Path(folder) / "history.sqlite"))
        opened = History.open(url, most_runs=1_000_000)
        yield opened
        opened.close()


@given(curves_of())
def test_packed_curves_are_the_same_bits(curves: KeptCurves) -> None:
    again = unpack(pack(curves))
    assert again.epoch == curves.epoch
    assert bits(again) == bits(curves)


@given(st.binary(max_size=200))
def test_other_bytes_are_no_curves(content: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        unpack(content)


def test_a_bomb_is_no_curve() -> None:
    from zlib import compress

    with pytest.raises(ValueError, match="damaged"):
        unpack(compress(bytes(10_000_000)))


@given(run=runs(), curves=curves_of(), owner=st.sampled_from(OWNERS))
def test_a_run_comes_out_as_it_went_in(
    history: History, run: KeptRun, curves: KeptCurves, owner: str
) -> None:
    history.add(owner, run, curves)
    assert not history.add(owner, run, curves)
    assert [found for found in history.runs(owner) if found.id == run.id] == [run]
    read = history.curves(owner, [run.id])[run.id]
    assert bits(read) == bits(curves)
    for other in set(OWNERS) - {owner}:
        assert run.id not in [found.id for found in history.runs(other)]
        assert history.curves(other, [run.id]) == {}
    assert history.delete(owner, [run.id]) == 1


ACTIONS = st.tuples(
    st.sampled_from(["add", "delete", "pin", "loose", "rename"]),
    st.sampled_from(OWNERS[:2]),
    st.integers(0, 6),
)


@given(st.lists(ACTIONS, max_size=25))
def test_the_history_does_what_a_dictionary_would(history: History, actions: list[Any]) -> None:
    """Each owner's history is a dictionary of its own, whatever the other one does."""
    model: dict[str, dict[str, tuple[str, bool]]] = {owner: {} for owner in OWNERS[:2]}
    nothing = KeptCurves((), (), (), (), ())
    for owner in model:
        history.delete(owner, [run.id for run in history.runs(owner)])
    for what, owner, number in actions:
        run_id, mine = f"{number:032d}", model[owner]
        if what == "add":
            run = KeptRun(run_id, f"run {number}", 0.0, "{}", "", 1)
            assert history.add(owner, run, nothing) == (run_id not in mine)
            mine.setdefault(run_id, (run.name, False))
        elif what == "delete":
            assert history.delete(owner, [run_id]) == (mine.pop(run_id, None) is not None)
        elif what == "rename":
            assert history.rename(owner, run_id, "new") == (run_id in mine)
            mine.update({run_id: ("new", mine[run_id][1])} if run_id in mine else {})
        else:
            history.pin(owner, [run_id], what == "pin")
            mine.update({run_id: (mine[run_id][0], what == "pin")} if run_id in mine else {})
    for owner, mine in model.items():
        assert {run.id: (run.name, run.pinned) for run in history.runs(owner)} == mine


@given(st.text())
def test_a_name_is_short_and_can_be_printed(text: str) -> None:
    name = clean_name(text)
    assert len(name) <= MOST_NAME
    assert name.isprintable()
    assert clean_name(name) == name


@given(st.lists(runs(), max_size=6))
def test_names_in_a_figure_are_told_apart(found: list[KeptRun]) -> None:
    names = unique_names(found)
    assert len(set(names.values())) == len({run.id for run in found})


@given(st.integers(0, 5000), st.integers(2, 500))
def test_thinning_keeps_both_ends_and_evenly_between(count: int, most: int) -> None:
    rows = thinned(count, most)
    assert len(rows) == min(count, most)
    assert rows == sorted(set(rows))
    if count:
        assert (rows[0], rows[-1]) == (0, count - 1)
    steps = [after - before for before, after in itertools.pairwise(rows)]
    assert not steps or max(steps) - min(steps) <= 1


@given(st.lists(runs(), min_size=1, max_size=4))
def test_no_cell_of_the_table_is_a_formula(found: list[KeptRun]) -> None:
    rows = list(csv.DictReader(io.StringIO(table_csv(found).decode())))
    assert len(rows) == len(found)
    for row, run in zip(rows, found, strict=True):
        assert row["name"] in (run.name, f"'{run.name}")
        assert not row["name"].startswith(("=", "+", "-", "@"))
        assert row["train_loss"] == ("" if run.scores.train_loss is None else row["train_loss"])


@given(runs(), curves_of())
def test_the_json_holds_the_run_and_its_curves(run: KeptRun, curves: KeptCurves) -> None:
    (read,) = json.loads(runs_json([run], {run.id: curves}))["runs"]
    assert (read["id"], read["name"]) == (run.id, run.name)
    assert RunConfig.from_dict(read["config"]) == RunConfig.from_json(run.config)
    assert read["curves"]["epoch"] == list(curves.epoch)
    finite = [v if abs(v) < float("inf") else None for v in curves.train_loss]
    assert read["curves"]["train_loss"] == finite
