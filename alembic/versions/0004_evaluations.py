"""Evaluations, the adapters that a job works with, and the queue that a job waits in.

Which kinds of jobs there are is no longer the database's business: each is declared in `backend.jobs.kinds`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KINDS = "kind IN ('training', 'comparison')"

# As in 0001: it goes with the table that SQLite has to make anew.
_GUARD_JOB_MOVES = """
CREATE TRIGGER guard_job_moves BEFORE UPDATE OF state ON jobs
WHEN OLD.state != NEW.state AND NOT (
    (OLD.state = 'queued' AND NEW.state IN ('running', 'failed', 'canceled'))
    OR (OLD.state = 'running' AND NEW.state IN ('queued', 'succeeded', 'failed', 'canceling'))
    OR (OLD.state = 'canceling' AND NEW.state IN ('canceled'))
)
BEGIN SELECT RAISE(ABORT, 'illegal job transition'); END
"""


def upgrade() -> None:
    """Apply."""
    op.add_column("jobs", sa.Column("queue", sa.String(), nullable=True))
    op.execute("UPDATE jobs SET queue = CASE kind WHEN 'training' THEN 'train' ELSE 'draw' END")
    with _jobs() as jobs:
        jobs.alter_column("queue", existing_type=sa.String(), nullable=False)
        jobs.drop_constraint(op.f("ck_jobs_kind"), type_="check")
    op.create_table(
        "job_adapters",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("adapter_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_adapters_job_id"),
        sa.PrimaryKeyConstraint("job_id", "adapter_id", name="pk_job_adapters"),
    )
    op.create_index("ix_job_adapters_adapter_id", "job_adapters", ["adapter_id"])
    _fill_job_adapters()
    op.create_table(
        "evaluations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("adapter_id", sa.String(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["adapter_id"], ["adapters.id"], name="fk_evaluations_adapter_id"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_evaluations_job_id"),
        sa.PrimaryKeyConstraint("id", name="pk_evaluations"),
        sa.UniqueConstraint("job_id", name="uq_evaluations_job_id"),
    )


def downgrade() -> None:
    """Undo; evaluations go, with their jobs."""
    op.drop_table("evaluations")
    op.drop_index("ix_job_adapters_adapter_id", "job_adapters")
    op.drop_table("job_adapters")
    unknown = "(SELECT id FROM jobs WHERE NOT (" + _KINDS + "))"
    for table in ("job_events", "outbox", "idempotency_keys"):
        op.execute(f"DELETE FROM {table} WHERE job_id IN {unknown}")
    op.execute(f"DELETE FROM jobs WHERE id IN {unknown}")
    with _jobs() as jobs:
        jobs.drop_column("queue")
        jobs.create_check_constraint(op.f("ck_jobs_kind"), _KINDS)


@contextmanager
def _jobs() -> Iterator[Any]:
    """Change the table of jobs. SQLite makes it anew and loses the trigger on the way."""
    with op.batch_alter_table("jobs") as jobs:
        yield jobs
    if op.get_bind().dialect.name == "sqlite":
        op.execute(_GUARD_JOB_MOVES)


def _fill_job_adapters() -> None:
    """Say of every comparison which adapters it was ordered with."""
    jobs = sa.table("jobs", sa.column("id"), sa.column("source_adapter_id"), sa.column("spec", sa.JSON()))
    filled = sa.table("job_adapters", sa.column("job_id"), sa.column("adapter_id"))
    rows = op.get_bind().execute(sa.select(jobs.c.id, jobs.c.source_adapter_id, jobs.c.spec)).all()
    found = {
        (job_id, adapter_id)
        for job_id, first, spec in rows
        for adapter_id in (first, *(use["adapter"] for use in spec.get("adapters", ())))
        if adapter_id is not None
    }
    op.bulk_insert(filled, [{"job_id": job_id, "adapter_id": adapter_id} for job_id, adapter_id in sorted(found)])
