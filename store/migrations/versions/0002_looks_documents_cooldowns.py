"""Looks at known articles, documents attached to pages, cool-downs of hosts, progress of imports."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("article") as batch:
        batch.add_column(sa.Column("next_look_at", sa.DateTime(timezone=True)))
        batch.add_column(sa.Column("gone_at", sa.DateTime(timezone=True)))
        batch.create_index("ix_article_source_id_next_look_at", ["source_id", "next_look_at"])
    with op.batch_alter_table("version") as batch:
        batch.add_column(sa.Column("title_from", sa.String(20)))
        batch.add_column(sa.Column("published_at", sa.String(40)))
        batch.add_column(sa.Column("keywords", sa.JSON(), nullable=False, server_default="[]"))
        batch.add_column(sa.Column("declared", sa.JSON(), nullable=False, server_default="{}"))
        batch.add_column(sa.Column("headline_only", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("page") as batch:
        batch.add_column(
            sa.Column("parent_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
        )
        batch.add_column(sa.Column("documents", sa.JSON()))
        batch.create_foreign_key("fk_page_parent_id", "page", ["parent_id"], ["id"])
        batch.create_index("ix_page_parent_id", ["parent_id"])
    op.create_table(
        "cooldown",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("host", name="pk_cooldown"),
    )
    op.create_table(
        "import_progress",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("skipped", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_import_progress"),
    )


def downgrade() -> None:
    op.drop_table("import_progress")
    op.drop_table("cooldown")
    with op.batch_alter_table("page") as batch:
        batch.drop_index("ix_page_parent_id")
        batch.drop_constraint("fk_page_parent_id", type_="foreignkey")
        batch.drop_column("documents")
        batch.drop_column("parent_id")
    with op.batch_alter_table("version") as batch:
        for name in ("headline_only", "declared", "keywords", "published_at", "title_from"):
            batch.drop_column(name)
    with op.batch_alter_table("article") as batch:
        batch.drop_index("ix_article_source_id_next_look_at")
        batch.drop_column("gone_at")
        batch.drop_column("next_look_at")
