"""Caption sets, jobs and the keys of requests belong to somebody; what there is, to the local owner.

On the way down API keys and sessions go, and with them the Idempotency-Keys of all other owners.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_LOCAL_OWNER = "local"
_OWNED = ("datasets", "jobs")
_REQUEST_KEYS = ("idempotency_keys", "upload_keys")


def upgrade() -> None:
    """Apply."""
    for table in _OWNED:
        # A constant default spares SQLite from making the table anew, which would lose its trigger.
        op.add_column(table, sa.Column("belongs_to", sa.String(), nullable=False, server_default=_LOCAL_OWNER))
        op.create_index(f"ix_{table}_belongs_to", table, ["belongs_to"])
    for table in _REQUEST_KEYS:
        op.add_column(table, sa.Column("belongs_to", sa.String(), nullable=False, server_default=_LOCAL_OWNER))
        _change_primary_key(table, ["belongs_to", "key"])
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("secret_sha256", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.Column("revoked_at", sa.Double(), nullable=True),
        sa.Column("last_used_at", sa.Double(), nullable=True),
        sa.CheckConstraint("scope IN ('read', 'write', 'admin')", name=op.f("ck_api_keys_scope")),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
    )
    op.create_table(
        "page_sessions",
        sa.Column("token_sha256", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name="fk_page_sessions_key_id"),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_page_sessions"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("page_sessions")
    op.drop_table("api_keys")
    for table in _REQUEST_KEYS:
        op.execute(f"DELETE FROM {table} WHERE belongs_to != '{_LOCAL_OWNER}'")
        _change_primary_key(table, ["key"])
        op.drop_column(table, "belongs_to")
    for table in _OWNED:
        op.drop_index(f"ix_{table}_belongs_to", table)
        op.drop_column(table, "belongs_to")


def _change_primary_key(table: str, columns: Sequence[str]) -> None:
    """Make other columns tell the rows of a table apart; the owner is named by whoever adds one."""
    with op.batch_alter_table(table) as changed:
        changed.alter_column("belongs_to", existing_type=sa.String(), server_default=None)
        changed.drop_constraint(f"pk_{table}", type_="primary")
        changed.create_primary_key(f"pk_{table}", list(columns))
