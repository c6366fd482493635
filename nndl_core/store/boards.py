"""The repository of class boards: who knows a code may look and join, its teacher may change it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from nndl_core.base.config import KNOBS, RunConfig
from nndl_core.base.i18n import tr
from nndl_core.store.board_values import (
    IDLE_DAYS,
    MOST_BOARDS,
    MOST_ENTRIES,
    MOST_MEMBERS,
    Board,
    Entry,
    folded_nickname,
    misfit,
    new_code,
    read_code,
    read_nickname,
    read_title,
)
from nndl_core.store.database import reading, writing
from nndl_core.store.errors import RefusedError
from nndl_core.store.runs import KeptRun
from nndl_core.store.tables import BOARDS, ENTRIES, MEMBERS

DAY = 86_400.0
SCORES = ("train_accuracy", "dev_accuracy", "test_accuracy")


class Boards:
    """All boards of a database.

    An owner is a text that nobody else can guess; a method that changes a board does nothing and
    returns False for anybody but its teacher. Raises HistoryError with one sentence.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def open(self, owner: str, title: str, config: RunConfig, locked: Sequence[str]) -> str:
        """Make a board and return its code; raise RefusedError beyond MOST_BOARDS."""
        now, code = time.time(), new_code()
        with writing(self.engine) as connection:
            connection.execute(delete(BOARDS).where(BOARDS.c.used_at < now - IDLE_DAYS * DAY))
            count = select(func.count()).select_from(BOARDS).where(BOARDS.c.owner == owner)
            if (connection.scalar(count) or 0) >= MOST_BOARDS:
                raise RefusedError(tr("You have {n} boards; close one first.", n=MOST_BOARDS))
            row = {"code": code, "owner": owner, "used_at": now, "version": 1}
            values = row | {"title": read_title(title)} | _experiment(config, locked)
            connection.execute(insert(BOARDS).values(values))
        return code

    def board(self, code: str, owner: str) -> Board | None:
        """Return a board as an owner sees it; None where no board has this code."""
        with reading(self.engine) as connection:
            row = connection.execute(select(BOARDS).where(BOARDS.c.code == code)).first()
            name = connection.scalar(
                select(MEMBERS.c.nickname).where(MEMBERS.c.code == code, MEMBERS.c.owner == owner)
            )
        if row is None:
            return None
        locked = tuple(n for n in row.locked.split(",") if n in KNOBS)
        mine = row.owner == owner
        return Board(code, row.title, row.config, locked, row.version, mine, name or "")

    def boards_of(self, owner: str) -> list[tuple[str, str]]:
        """List code and title of a teacher's boards, the last used first."""
        asked = select(BOARDS.c.code, BOARDS.c.title).where(BOARDS.c.owner == owner)
        with reading(self.engine) as connection:
            rows = connection.execute(asked.order_by(BOARDS.c.used_at.desc(), BOARDS.c.code))
            return [(row.code, row.title) for row in rows]

    def version(self, code: str) -> int:
        """Return a number that changes with the board; 0 where there is none."""
        with reading(self.engine) as connection:
            return connection.scalar(select(BOARDS.c.version).where(BOARDS.c.code == code)) or 0

    def join(self, code: str, owner: str, nickname: str) -> str:
        """Join a board, or take another nickname on it, and return it as it is written.

        Raises RefusedError with a sentence for a nickname that cannot be used or is taken.
        """
        name = read_nickname(nickname)
        folded = folded_nickname(name)
        on = MEMBERS.c.code == code
        with self._changing(code) as connection:
            taken = select(MEMBERS.c.owner).where(on, MEMBERS.c.folded == folded)
            if connection.scalar(taken) not in (None, owner):
                raise RefusedError(
                    tr("{name} is taken on this board; choose another nickname.", name=repr(name))
                )
            is_new = self._renamed(connection, code, owner, name, folded) == 0
            if is_new:
                count = connection.scalar(select(func.count()).select_from(MEMBERS).where(on))
                if (count or 0) >= MOST_MEMBERS:
                    raise RefusedError(tr("This board is full: {n} have joined.", n=MOST_MEMBERS))
                row = {"code": code, "owner": owner, "nickname": name, "folded": folded}
                connection.execute(insert(MEMBERS).values(row))
        return name

    def _renamed(
        self, connection: Connection, code: str, owner: str, name: str, folded: str
    ) -> int:
        me = (MEMBERS.c.code == code, MEMBERS.c.owner == owner)
        values = {"nickname": name, "folded": folded}
        return connection.execute(update(MEMBERS).where(*me).values(values)).rowcount

    def enter(self, code: str, owner: str, run: KeptRun) -> str:
        """Put a member's run on a board once; return a sentence: that it is there, or why not.

        Only a run that its settings repeat counts, and whose locked settings are the experiment's.
        The code comes from an address: RefusedError where it can be none.
        """
        code = read_code(code)
        board = self.board(code, owner)
        if board is None:
            return tr("Not on the board: there is none with this code any more.")
        if board.is_mine and not board.nickname:
            return tr("Not on the board: you are its teacher.")
        if not board.nickname:
            return tr("Not on the board: join it with a nickname first.")
        if not run.repeatable:
            return tr("Not on the board: the run was loaded or changed on its way.")
        if problem := misfit(board, RunConfig.from_json(run.config)):
            return problem
        mine = (ENTRIES.c.code == code, ENTRIES.c.owner == owner)
        with self._changing(code) as connection:
            if connection.scalar(select(ENTRIES.c.run_id).where(*mine, ENTRIES.c.run_id == run.id)):
                return tr("On the board.")
            connection.execute(insert(ENTRIES).values(_row(code, owner, run)))
            newest = select(ENTRIES.c.run_id).where(*mine)
            newest = newest.order_by(ENTRIES.c.finished_at.desc(), ENTRIES.c.run_id)
            kept = connection.scalars(newest.limit(MOST_ENTRIES)).all()
            connection.execute(delete(ENTRIES).where(*mine, ENTRIES.c.run_id.not_in(kept)))
        return tr("On the board.")

    def entries(self, code: str) -> list[Entry]:
        """List what is on a board, the newest first, with the nicknames of those who ran it."""
        columns = [column for column in ENTRIES.c if column.name not in ("code", "owner")]
        asked = select(*columns, MEMBERS.c.nickname)
        together = (MEMBERS.c.code == ENTRIES.c.code) & (MEMBERS.c.owner == ENTRIES.c.owner)
        asked = asked.join(MEMBERS, together).where(ENTRIES.c.code == code)
        order = (ENTRIES.c.finished_at.desc(), ENTRIES.c.run_id)
        with reading(self.engine) as connection:
            rows = connection.execute(asked.order_by(*order)).all()
        return [Entry(**row._mapping) for row in rows]

    def members(self, code: str) -> list[str]:
        """List the nicknames on a board in alphabetical order."""
        asked = select(MEMBERS.c.nickname).where(MEMBERS.c.code == code).order_by(MEMBERS.c.folded)
        with reading(self.engine) as connection:
            return list(connection.scalars(asked))

    def set_experiment(
        self, owner: str, code: str, config: RunConfig, locked: Sequence[str]
    ) -> bool:
        """Give a board another experiment; the runs of the old one leave it."""
        with self._teaching(owner, code) as connection:
            if connection is None:
                return False
            values = _experiment(config, locked)
            connection.execute(update(BOARDS).where(BOARDS.c.code == code).values(values))
            connection.execute(delete(ENTRIES).where(ENTRIES.c.code == code))
        return True

    def clear(self, owner: str, code: str) -> bool:
        """Take all runs off a board; who has joined stays."""
        with self._teaching(owner, code) as connection:
            if connection is None:
                return False
            connection.execute(delete(ENTRIES).where(ENTRIES.c.code == code))
        return True

    def remove(self, owner: str, code: str, nickname: str) -> bool:
        """Take a member and all runs of theirs off a board; they may join again."""
        with self._teaching(owner, code) as connection:
            if connection is None:
                return False
            folded = folded_nickname(nickname)
            gone = delete(MEMBERS).where(MEMBERS.c.code == code, MEMBERS.c.folded == folded)
            return connection.execute(gone).rowcount == 1

    def close(self, owner: str, code: str) -> bool:
        """Delete a board with all that is on it."""
        with writing(self.engine) as connection:
            mine = (BOARDS.c.code == code, BOARDS.c.owner == owner)
            return connection.execute(delete(BOARDS).where(*mine)).rowcount == 1

    @contextmanager
    def _changing(self, code: str) -> Iterator[Connection]:
        """Open a transaction that changes a board; raise RefusedError where there is none."""
        with writing(self.engine) as connection:
            if not _touch(connection, code):
                raise RefusedError(tr("There is no board with this code; ask for it again."))
            yield connection

    @contextmanager
    def _teaching(self, owner: str, code: str) -> Iterator[Connection | None]:
        """Open a transaction for a board's teacher; None for anybody else."""
        with writing(self.engine) as connection:
            mine = select(BOARDS.c.code).where(BOARDS.c.code == code, BOARDS.c.owner == owner)
            is_mine = connection.scalar(mine) is not None and _touch(connection, code)
            yield connection if is_mine else None


def _touch(connection: Connection, code: str) -> bool:
    """Count a change of a board, and lock its row until the transaction ends."""
    values = {"version": BOARDS.c.version + 1, "used_at": time.time()}
    done = connection.execute(update(BOARDS).where(BOARDS.c.code == code).values(values))
    return done.rowcount == 1


def _experiment(config: RunConfig, locked: Sequence[str]) -> dict[str, Any]:
    if config.dataset == "csv":
        raise RefusedError(
            tr("A board cannot hold an uploaded table; choose a data set of the lab.")
        )
    names = ",".join(name for name in KNOBS if name in locked)
    return {"config": config.to_json(), "locked": names}


def _row(code: str, owner: str, run: KeptRun) -> dict[str, Any]:
    return {
        "code": code,
        "owner": owner,
        "run_id": run.id,
        "finished_at": run.finished_at,
        "config": run.config,
        "epochs": run.epochs,
        "disease": run.findings[0].disease if run.findings else "",
        **{name: getattr(run.scores, name) for name in SCORES},
    }
