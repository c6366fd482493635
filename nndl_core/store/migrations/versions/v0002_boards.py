"""The second schema: class boards, who has joined them, and the runs on them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "boards",
        sa.Column("code", sa.String(10), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("title", sa.String(80), nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("locked", sa.Text, nullable=False),
        sa.Column("used_at", sa.Double, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_index("boards_by_owner", "boards", ["owner"])
    op.create_table(
        "members",
        sa.Column("code", sa.String(10), primary_key=True),
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("nickname", sa.String(24), nullable=False),
        sa.Column("folded", sa.String(96), nullable=False),
        sa.ForeignKeyConstraint(["code"], ["boards.code"], ondelete="CASCADE"),
        sa.UniqueConstraint("code", "folded", name="one_nickname"),
    )
    op.create_table(
        "entries",
        sa.Column("code", sa.String(10), primary_key=True),
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("run_id", sa.String(32), primary_key=True),
        sa.Column("finished_at", sa.Double, nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("epochs", sa.Integer, nullable=False),
        sa.Column("disease", sa.String(32), nullable=False),
        sa.Column("train_accuracy", sa.Double),
        sa.Column("dev_accuracy", sa.Double),
        sa.Column("test_accuracy", sa.Double),
        sa.ForeignKeyConstraint(
            ["code", "owner"], ["members.code", "members.owner"], ondelete="CASCADE"
        ),
    )
