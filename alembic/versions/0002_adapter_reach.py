"""Adapters tell which tools load them. Those from before have null, for unknown."""

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("adapters", sa.Column("loads_in", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("adapters", sa.Column("loads_in_reason", sa.String(), nullable=True))


def downgrade() -> None:
    """Undo."""
    op.drop_column("adapters", "loads_in_reason")
    op.drop_column("adapters", "loads_in")
