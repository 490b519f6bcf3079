"""/comparisons."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse

from backend.comparisons import service
from backend.comparisons.schemas import ComparisonList, ComparisonOut
from backend.context import ContextDep
from backend.file_responses import IfNoneMatch, file_response, not_modified
from backend.paging import PageDep

router = APIRouter(prefix="/comparisons", tags=["comparisons"])


@router.get("")
def list_comparisons(
    context: ContextDep,
    page: PageDep,
    adapter_id: Annotated[str | None, Query(description="only pairs drawn with this adapter")] = None,
) -> ComparisonList:
    """List the pairs, newest first."""
    return service.list_comparisons(context, page, adapter_id)


@router.get("/{comparison_id}")
def read_comparison(context: ContextDep, comparison_id: str) -> ComparisonOut:
    """Read a pair: its record and the addresses of its pictures and maps."""
    return service.read_comparison(context, comparison_id)


@router.get("/{comparison_id}/files/{name:path}", response_class=FileResponse)
def read_file(context: ContextDep, comparison_id: str, name: str, if_none_match: IfNoneMatch = None) -> Response:
    """Read a picture or map of a pair."""
    path, sha256 = service.file_path(context, comparison_id, name)
    answer = not_modified(if_none_match, sha256)
    return answer or file_response(path, sha256, name.rsplit("/", 1)[-1], inline=True)


@router.delete("/{comparison_id}", status_code=204)
def delete_comparison(context: ContextDep, comparison_id: str) -> None:
    """Delete a pair and its files; its job stays."""
    service.delete_comparison(context, comparison_id)
