"""/comparisons."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from backend.comparisons import service
from backend.comparisons.schemas import ComparisonOut
from backend.context import ContextDep
from backend.file_responses import IfNoneMatch, file_response, not_modified

router = APIRouter(prefix="/comparisons", tags=["comparisons"])


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
