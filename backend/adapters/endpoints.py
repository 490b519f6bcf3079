"""/adapters."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from backend.adapters import service
from backend.adapters.schemas import AdapterList, AdapterOut
from backend.context import ContextDep
from backend.files import IfNoneMatch, file_response, not_modified
from backend.paging import PageDep

router = APIRouter(prefix="/adapters", tags=["adapters"])


@router.get("")
def list_adapters(context: ContextDep, page: PageDep) -> AdapterList:
    """List the adapters, newest first."""
    return service.list_adapters(context, page)


@router.get("/{adapter_id}")
def read_adapter(context: ContextDep, adapter_id: str) -> AdapterOut:
    """Read one adapter."""
    return service.read_adapter(context, adapter_id)


@router.get("/{adapter_id}/files/{name}", response_class=FileResponse)
def read_file(context: ContextDep, adapter_id: str, name: str, if_none_match: IfNoneMatch = None) -> Response:
    """Download a file of an adapter; ETag, If-None-Match, Range and If-Range are honoured."""
    path, sha256 = service.file_path(context, adapter_id, name)
    return not_modified(if_none_match, sha256) or file_response(path, sha256, name, inline=False)
