"""Reviews: a table that only grows.

The database itself refuses to change or remove a row. A later migration that rebuilds the table on SQLite (a
batch operation on `review`) has to make the triggers again: SQLite drops them with the old table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

REFUSAL = "reviews are only added, never changed or removed"


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "review",
        sa.Column("id", number, nullable=False),
        sa.Column("version_id", number, nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("audit", sa.Boolean(), nullable=False),
        sa.Column("relevant", sa.Boolean()),
        sa.Column("dims", sa.JSON()),
        sa.Column("cities", sa.JSON()),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("codebook_version", sa.String(40), nullable=False),
        sa.Column("undoes", number),
        sa.PrimaryKeyConstraint("id", name="pk_review"),
        sa.ForeignKeyConstraint(["version_id"], ["version.id"], name="fk_review_version_id"),
        sa.ForeignKeyConstraint(["undoes"], ["review.id"], name="fk_review_undoes"),
        sa.UniqueConstraint("undoes", name="uq_review_undoes"),
    )
    op.create_index("ix_review_version_id", "review", ["version_id"])
    for statement in guards(op.get_bind().dialect.name):
        op.execute(sa.DDL(statement))


def downgrade() -> None:
    op.drop_table("review")  # and its triggers with it
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.DDL("DROP FUNCTION refuse_review_change()"))


def guards(dialect: str) -> list[str]:
    """The statements that make the table refuse every change of a row."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER review_no_{act.lower()} BEFORE {act} ON review "
            f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            for act in ("UPDATE", "DELETE")
        ] + [  # INSERT OR REPLACE removes the older row without asking the trigger for DELETE
            "CREATE TRIGGER review_no_replace BEFORE INSERT ON review "
            "WHEN EXISTS (SELECT 1 FROM review WHERE id = NEW.id OR undoes = NEW.undoes) "
            f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        ]
    return [
        "CREATE FUNCTION refuse_review_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$",
        "CREATE TRIGGER review_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON review "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_review_change()",
    ]
