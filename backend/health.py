"""/healthz and /readyz."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import Select, func, select
from sqlalchemy.exc import SQLAlchemyError

from backend.bases.service import list_bases
from backend.context import Context, WholeContextDep
from backend.db import now
from backend.errors import Unavailable
from backend.tables import Job, Outbox

router = APIRouter(tags=["health"])

_STALLED_S = 30.0
"""The maintenance's turns are seconds apart; what is due for so long, on top of the reaper's patience, is not done."""


class Health(BaseModel):
    """The process answers."""

    status: str = "ok"


class Readiness(BaseModel):
    """The service can take orders."""

    status: str = "ready"
    bases: list[str]


@router.get("/healthz")
async def healthz() -> Health:
    """Tell that the process is alive; takes no thread, so that no other work keeps it from answering."""
    return Health()


@router.get("/readyz")
def readyz(context: WholeContextDep) -> Readiness:
    """Tell whether the database answers and orders are passed on, and which base models are there."""
    try:
        with context.db.read() as session:
            stalled = session.scalar(_stalled(2 * context.settings.heartbeat_s))
    except SQLAlchemyError as error:
        raise Unavailable(
            "database_not_ready",
            "The database does not answer or has no tables.",
            "Run the migrations, then ask again.",
        ) from error
    if stalled:
        raise Unavailable(
            "queue_stalled",
            f"Found {stalled} jobs that the queue maintenance should have sent on or taken back by now.",
            "See that `python -m backend.maintenance` and the broker run; the maintenance's log says what it lacks.",
        )
    return Readiness(bases=_bases(context))


def _bases(context: Context) -> list[str]:
    """Return the keys of the base models; without one no order can be carried out."""
    found = list_bases(context.settings.models_dir)
    if not found.data:
        raise Unavailable(
            "no_base_model",
            "Found no base model that can be used.",
            "Check out the repository with its models folder, or set SPF_MODELS_DIR to where the models are.",
            [problem.model_dump(include={"code", "message", "hint"}) for problem in found.errors],
        )
    return [base.key for base in found.data]


def _stalled(patience_s: float) -> Select[int]:
    """Count the jobs that show that no queue maintenance is at work: messages not sent, lost jobs not taken back."""
    before = now() - (patience_s + _STALLED_S)
    unsent = select(Outbox.job_id).where(Outbox.sent_at.is_(None))
    waits = (Job.state == "queued") & Job.id.in_(unsent) & (Job.queued_at < before) & (Job.not_before < before)
    lost = Job.state.in_(("running", "canceling")) & (Job.lease_until < before)
    return select(func.count()).select_from(Job).where(waits | lost)
