"""/healthz and /readyz."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from backend.bases.service import list_bases
from backend.context import ContextDep
from backend.errors import Unavailable

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process answers."""

    status: str = "ok"


class Readiness(BaseModel):
    """The service can take orders."""

    status: str = "ready"
    bases: list[str]


@router.get("/healthz")
def healthz() -> Health:
    """Tell that the process is alive."""
    return Health()


@router.get("/readyz")
def readyz(context: ContextDep) -> Readiness:
    """Tell whether the database answers, and which base models are there."""
    try:
        with context.db.read() as session:
            session.execute(text("SELECT 1 FROM jobs LIMIT 1"))
    except SQLAlchemyError as error:
        raise Unavailable(
            "database_not_ready",
            "The database does not answer or has no tables.",
            "Run the migrations, then ask again.",
        ) from error
    return Readiness(bases=[base.key for base in list_bases(context.settings.models_dir)])
