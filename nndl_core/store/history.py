"""The repository: runs go in and come out as plain values, and only their owner reaches them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields
from typing import Any

from sqlalchemy import URL, ColumnElement, Connection, Engine, delete, func, insert, select, update

from nndl_core.base.i18n import tr
from nndl_core.store.database import open_database, reading, writing
from nndl_core.store.errors import RefusedError
from nndl_core.store.packed import pack, unpack
from nndl_core.store.runs import (
    MOST_PINNED,
    MOST_RUNS,
    KeptCurves,
    KeptFinding,
    KeptRun,
    RunFilter,
    Scores,
    clean_name,
    folded,
)
from nndl_core.store.tables import FINDINGS, RUNS

SCORES = tuple(f.name for f in fields(Scores))
PLAIN = ("id", "name", "finished_at", "config", "engine", "epochs", "diverged_at", "repeatable")
"""The fields of a run that are columns of the same name."""


class History:
    """The runs of all owners in one database; a method reaches those of one owner.

    An owner is a text of at most 64 characters that nobody else can guess. Methods raise
    HistoryError with one sentence.
    """

    def __init__(self, engine: Engine, most_runs: int = MOST_RUNS) -> None:
        self.engine, self.most_runs = engine, most_runs

    @classmethod
    def open(cls, url: URL, most_runs: int = MOST_RUNS) -> History:
        """Open a database; raise UnavailableError or NewerSchemaError with one sentence."""
        return cls(open_database(url), most_runs)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def add(self, owner: str, run: KeptRun, curves: KeptCurves) -> bool:
        """Write a finished run; return False where it is written already, and change nothing.

        When this returns, the run is on disk. The oldest run that is not pinned makes room.
        """
        try:
            with writing(self.engine) as connection:
                if connection.scalar(select(RUNS.c.id).where(_of(owner, [run.id]))) is not None:
                    return False
                connection.execute(insert(RUNS).values(_row(owner, run, curves)))
                if run.findings:
                    connection.execute(insert(FINDINGS), _finding_rows(owner, run))
                self._make_room(connection, owner)
        except RefusedError:
            if self._has(owner, run.id):  # another writer of the same run was faster
                return False
            raise
        return True

    def _has(self, owner: str, run_id: str) -> bool:
        with reading(self.engine) as connection:
            return connection.scalar(select(RUNS.c.id).where(_of(owner, [run_id]))) is not None

    def _make_room(self, connection: Connection, owner: str) -> None:
        mine, loose = RUNS.c.owner == owner, RUNS.c.pinned.is_(False)
        count = connection.scalar(select(func.count()).select_from(RUNS).where(mine)) or 0
        if count > self.most_runs:
            oldest = select(RUNS.c.id).where(mine, loose).order_by(RUNS.c.finished_at, RUNS.c.id)
            gone = connection.scalars(oldest.limit(count - self.most_runs)).all()
            connection.execute(delete(RUNS).where(_of(owner, gone)))

    def runs(self, owner: str, wanted: RunFilter | None = None) -> list[KeptRun]:
        """List an owner's runs without their curves: the pinned ones first, then the newest."""
        columns = [column for column in RUNS.c if column.name != "curves"]
        order = (RUNS.c.pinned.desc(), RUNS.c.finished_at.desc(), RUNS.c.id)
        chosen = (RUNS.c.owner == owner, *_conditions(wanted or RunFilter()))
        said = select(FINDINGS).where(FINDINGS.c.owner == owner).order_by(FINDINGS.c.position)
        with reading(self.engine) as connection:
            rows = connection.execute(select(*columns).where(*chosen).order_by(*order)).all()
            found: dict[str, list[KeptFinding]] = {}
            for row in connection.execute(said):
                found.setdefault(row.run_id, []).append(KeptFinding(row.disease, row.sentence))
        return [_run(row._mapping, tuple(found.get(row.id, ()))) for row in rows]

    def curves(self, owner: str, ids: Sequence[str]) -> dict[str, KeptCurves]:
        """Read the curves of some runs; what is not this owner's is not there."""
        asked = select(RUNS.c.id, RUNS.c.curves).where(_of(owner, ids))
        with reading(self.engine) as connection:
            rows = connection.execute(asked).all()
        try:
            return {row.id: unpack(row.curves) for row in rows}
        except ValueError as error:
            raise RefusedError(str(error)) from None

    def rename(self, owner: str, run_id: str, name: str) -> bool:
        """Give a run another name; return False where there is no such run or no name is left."""
        cleaned = clean_name(name)
        if not cleaned:
            return False
        values = {"name": cleaned, "folded_name": folded(cleaned)}
        with writing(self.engine) as connection:
            done = connection.execute(update(RUNS).where(_of(owner, [run_id])).values(values))
        return done.rowcount == 1

    def pin(self, owner: str, ids: Sequence[str], pinned: bool) -> None:
        """Pin runs, so that no newer run pushes them out, or let go of them.

        Raises RefusedError with one sentence where more than MOST_PINNED would be pinned.
        """
        with writing(self.engine) as connection:
            connection.execute(update(RUNS).where(_of(owner, ids)).values(pinned=pinned))
            held = select(func.count()).where(RUNS.c.owner == owner, RUNS.c.pinned)
            if pinned and (connection.scalar(held) or 0) > min(MOST_PINNED, self.most_runs - 1):
                raise RefusedError(
                    tr(
                        "At most {most_pinned} runs can be pinned; let go of one first.",
                        most_pinned=MOST_PINNED,
                    )
                )

    def delete(self, owner: str, ids: Sequence[str]) -> int:
        """Delete runs for good; return how many there were."""
        with writing(self.engine) as connection:
            return connection.execute(delete(RUNS).where(_of(owner, ids))).rowcount


def _of(owner: str, ids: Sequence[str]) -> ColumnElement[bool]:
    return (RUNS.c.owner == owner) & RUNS.c.id.in_(ids)


def _conditions(wanted: RunFilter) -> Iterator[ColumnElement[bool]]:
    if name := folded(wanted.name):
        yield RUNS.c.folded_name.contains(name, autoescape=True)
    if wanted.activation:
        yield RUNS.c.activation == wanted.activation
    if wanted.dataset:
        yield RUNS.c.dataset == wanted.dataset
    if wanted.disease:
        same_run = (FINDINGS.c.owner == RUNS.c.owner) & (FINDINGS.c.run_id == RUNS.c.id)
        disease = FINDINGS.c.disease == wanted.disease
        yield select(FINDINGS.c.run_id).where(same_run, disease).exists()
    if wanted.pinned is not None:
        yield RUNS.c.pinned.is_(wanted.pinned)


def _row(owner: str, run: KeptRun, curves: KeptCurves) -> dict[str, Any]:
    name = clean_name(run.name) or "run"
    return {
        **{field: getattr(run, field) for field in PLAIN},
        **dict(zip(SCORES, astuple(run.scores), strict=True)),
        "owner": owner,
        "name": name,
        "folded_name": folded(name),
        "pinned": run.pinned,
        "dataset": str(run.settings.get("dataset", ""))[:32],
        "activation": str(run.settings.get("activation", ""))[:32],
        "curves": pack(curves),
    }


def _finding_rows(owner: str, run: KeptRun) -> list[dict[str, Any]]:
    return [
        {"owner": owner, "run_id": run.id, "position": at, **vars(said)}
        for at, said in enumerate(run.findings)
    ]


def _run(row: Any, findings: tuple[KeptFinding, ...]) -> KeptRun:
    scores = Scores(**{name: row[name] for name in SCORES})
    plain = {name: row[name] for name in PLAIN}
    return KeptRun(**plain, pinned=row["pinned"], scores=scores, findings=findings)
