"""The kind and level of a document, and the words behind each piece of evidence."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("version") as batch:
        batch.add_column(sa.Column("kind", sa.String(14)))
        batch.add_column(sa.Column("kind_reason", sa.Text()))
        batch.add_column(sa.Column("level", sa.String(10)))
        batch.add_column(sa.Column("level_reason", sa.Text()))
    with op.batch_alter_table("evidence") as batch:
        batch.add_column(sa.Column("terms", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("evidence", "terms")
    for name in ("level_reason", "level", "kind_reason", "kind"):
        op.drop_column("version", name)
