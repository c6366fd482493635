"""The first schema: runs with their findings."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

MEASURES = ("loss", "accuracy")


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "runs",
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("folded_name", sa.String(240), nullable=False),
        sa.Column("finished_at", sa.Double, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("dataset", sa.String(32), nullable=False),
        sa.Column("activation", sa.String(32), nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("engine", sa.String(64), nullable=False),
        sa.Column("epochs", sa.Integer, nullable=False),
        sa.Column("diverged_at", sa.Integer),
        sa.Column("repeatable", sa.Boolean, nullable=False),
        *_scores(),
        sa.Column("curves", sa.LargeBinary, nullable=False),
    )
    op.create_index("runs_by_time", "runs", ["owner", "finished_at"])
    _create_findings()


def _scores() -> list[sa.Column[float] | sa.Column[int]]:
    doubles = [f"{part}_{what}" for part in ("train", "dev", "test") for what in MEASURES]
    best = ["best_dev_accuracy", "best_test_accuracy"]
    return [
        *(sa.Column(name, sa.Double) for name in doubles),
        sa.Column("best_epoch", sa.Integer),
        *(sa.Column(name, sa.Double) for name in best),
    ]


def _create_findings() -> None:
    op.create_table(
        "findings",
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("run_id", sa.String(32), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("disease", sa.String(32), nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["owner", "run_id"], ["runs.owner", "runs.id"], ondelete="CASCADE"),
    )
