"""/adapters."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, StreamingResponse

from backend.adapters import service
from backend.adapters.schemas import AdapterList, AdapterOut
from backend.context import ContextDep
from backend.file_responses import ZIP, IfNoneMatch, file_response, not_modified, zip_response
from backend.paging import PageDep
from spf_portrait.contract.artifacts import ADAPTER_PICTURE

router = APIRouter(prefix="/adapters", tags=["adapters"])


@router.get("")
def list_adapters(context: ContextDep, page: PageDep) -> AdapterList:
    """List the adapters, newest first."""
    return service.list_adapters(context, page)


@router.get("/{adapter_id}")
def read_adapter(context: ContextDep, adapter_id: str) -> AdapterOut:
    """Read one adapter."""
    return service.read_adapter(context, adapter_id)


@router.get("/{adapter_id}/archive", response_class=StreamingResponse, responses={200: {"content": {ZIP: {}}}})
def read_archive(context: ContextDep, adapter_id: str) -> Response:
    """Download all files of an adapter as one zip, which is made while it is sent."""
    return zip_response(f"{adapter_id}.zip", service.archive_members(context, adapter_id))


@router.get("/{adapter_id}/files/{name}", response_class=FileResponse)
def read_file(context: ContextDep, adapter_id: str, name: str, if_none_match: IfNoneMatch = None) -> Response:
    """Download a file of an adapter; ETag, If-None-Match, Range and If-Range are honoured."""
    path, sha256 = service.file_path(context, adapter_id, name)
    return not_modified(if_none_match, sha256) or file_response(path, sha256, name, inline=name == ADAPTER_PICTURE)


@router.delete("/{adapter_id}", status_code=204)
def delete_adapter(context: ContextDep, adapter_id: str) -> None:
    """Delete an adapter that nothing uses, and its files; the training that published it stays."""
    service.delete_adapter(context, adapter_id)
