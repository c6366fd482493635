"""The tables of the run history and the class boards; they change only with a migration."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

# The owner is part of every key: a run's id alone finds nothing.
RUNS = Table(
    "runs",
    METADATA,
    Column("owner", String(64), primary_key=True),
    Column("id", String(32), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("folded_name", String(240), nullable=False),
    Column("finished_at", Double, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("dataset", String(32), nullable=False),
    Column("activation", String(32), nullable=False),
    Column("config", Text, nullable=False),
    Column("engine", String(64), nullable=False),
    Column("epochs", Integer, nullable=False),
    Column("diverged_at", Integer),
    Column("repeatable", Boolean, nullable=False),
    Column("train_loss", Double),
    Column("train_accuracy", Double),
    Column("dev_loss", Double),
    Column("dev_accuracy", Double),
    Column("test_loss", Double),
    Column("test_accuracy", Double),
    Column("best_epoch", Integer),
    Column("best_dev_accuracy", Double),
    Column("best_test_accuracy", Double),
    Column("curves", LargeBinary, nullable=False),
    Index("runs_by_time", "owner", "finished_at"),
)
FINDINGS = Table(
    "findings",
    METADATA,
    Column("owner", String(64), primary_key=True),
    Column("run_id", String(32), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("disease", String(32), nullable=False),
    Column("sentence", Text, nullable=False),
    ForeignKeyConstraint(["owner", "run_id"], ["runs.owner", "runs.id"], ondelete="CASCADE"),
)
BOARDS = Table(
    "boards",
    METADATA,
    Column("code", String(10), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("title", String(80), nullable=False),
    Column("config", Text, nullable=False),
    Column("locked", Text, nullable=False),
    Column("used_at", Double, nullable=False),
    Column("version", Integer, nullable=False),
    Index("boards_by_owner", "owner"),
)
MEMBERS = Table(
    "members",
    METADATA,
    Column("code", String(10), primary_key=True),
    Column("owner", String(64), primary_key=True),
    Column("nickname", String(24), nullable=False),
    Column("folded", String(96), nullable=False),
    ForeignKeyConstraint(["code"], ["boards.code"], ondelete="CASCADE"),
    UniqueConstraint("code", "folded", name="one_nickname"),
)
ENTRIES = Table(
    "entries",
    METADATA,
    Column("code", String(10), primary_key=True),
    Column("owner", String(64), primary_key=True),
    Column("run_id", String(32), primary_key=True),
    Column("finished_at", Double, nullable=False),
    Column("config", Text, nullable=False),
    Column("epochs", Integer, nullable=False),
    Column("disease", String(32), nullable=False),
    Column("train_accuracy", Double),
    Column("dev_accuracy", Double),
    Column("test_accuracy", Double),
    ForeignKeyConstraint(["code", "owner"], ["members.code", "members.owner"], ondelete="CASCADE"),
)
