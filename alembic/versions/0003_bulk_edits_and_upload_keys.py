"""Caption sets remember their last bulk edit, and uploads the key that they came with."""

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "bulk_edits",
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("edit", sa.JSON(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name="fk_bulk_edits_dataset_id"),
        sa.PrimaryKeyConstraint("dataset_id", name="pk_bulk_edits"),
    )
    op.create_table(
        "upload_keys",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_sha256", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name="fk_upload_keys_dataset_id"),
        sa.PrimaryKeyConstraint("key", name="pk_upload_keys"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("upload_keys")
    op.drop_table("bulk_edits")
