"""GET /bases."""

from __future__ import annotations

from fastapi import APIRouter

from backend.bases import service
from backend.bases.schemas import BaseList
from backend.context import ContextDep

router = APIRouter(prefix="/bases", tags=["bases"])


@router.get("")
def list_bases(context: ContextDep) -> BaseList:
    """List the base models that a job may name; `errors` says which others are damaged."""
    return service.list_bases(context.settings.models_dir)
