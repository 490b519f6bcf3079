"""/evaluations."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse

from backend.context import ContextDep
from backend.evaluations import service
from backend.evaluations.schemas import EvaluationList, EvaluationOut
from backend.file_responses import IfNoneMatch, file_response, not_modified
from backend.paging import PageDep
from spf_portrait.contract.artifacts import EVALUATION_SHEET

router = APIRouter(prefix="/evaluations", tags=["evaluations"])


@router.get("")
def list_evaluations(
    context: ContextDep,
    page: PageDep,
    adapter_id: Annotated[str | None, Query(description="only evaluations of this adapter")] = None,
) -> EvaluationList:
    """List the evaluations, newest first."""
    return service.list_evaluations(context, page, adapter_id)


@router.get("/{evaluation_id}")
def read_evaluation(context: ContextDep, evaluation_id: str) -> EvaluationOut:
    """Read an adapter's figures: every metric with its interval and meaning, or what it lacks."""
    return service.read_evaluation(context, evaluation_id)


@router.get("/{evaluation_id}/files/{name}", response_class=FileResponse)
def read_file(context: ContextDep, evaluation_id: str, name: str, if_none_match: IfNoneMatch = None) -> Response:
    """Download the figures as JSON, or look at a sheet of the pictures that they were read off."""
    path, sha256 = service.file_path(context, evaluation_id, name)
    return not_modified(if_none_match, sha256) or file_response(path, sha256, name, inline=name == EVALUATION_SHEET)


@router.delete("/{evaluation_id}", status_code=204)
def delete_evaluation(context: ContextDep, evaluation_id: str) -> None:
    """Delete an evaluation and its files; its job stays."""
    service.delete_evaluation(context, evaluation_id)
