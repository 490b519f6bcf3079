"""Reading adapters and their files."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from backend.adapters import repository
from backend.adapters.schemas import AdapterList, AdapterOut, FileOut
from backend.context import Context, instant
from backend.errors import NotFound
from backend.paging import PageRequest, cut_page
from backend.tables import Adapter
from spf_portrait.contract.artifacts import DIFFUSERS_ADAPTER

_PLACES_IN_ARCHIVE = {PurePosixPath(DIFFUSERS_ADAPTER).name: DIFFUSERS_ADAPTER}
"""What has a folder of its own there, as diffusers and InvokeAI want it; all else lies at the top."""


def list_adapters(context: Context, page: PageRequest) -> AdapterList:
    """Return a page of adapters, newest first."""
    with context.db.read() as session:
        rows = repository.list_adapters(session, limit=page.limit + 1, cursor=page.cursor)
    cut = cut_page(rows, [row.id for row in rows], page.limit)
    return AdapterList(
        data=[_adapter_out(row) for row in cut.rows],
        next_cursor=cut.next_cursor,
        has_more=cut.next_cursor is not None,
    )


def read_adapter(context: Context, adapter_id: str) -> AdapterOut:
    """Return one adapter.

    Raises:
        NotFound: no such adapter.
    """
    return _adapter_out(_require(context, adapter_id))


def file_path(context: Context, adapter_id: str, name: str) -> tuple[Path, str]:
    """Return where a file of an adapter lies, and its SHA-256.

    Raises:
        NotFound: no such adapter or file.
    """
    for file in _require(context, adapter_id).files:
        if file["name"] == name:
            return context.storage.path(str(file["key"])), str(file["sha256"])
    raise NotFound("adapter file", name)


def archive_members(context: Context, adapter_id: str) -> dict[str, Path]:
    """Return where each file of an adapter lies, by its place in the archive.

    Raises:
        NotFound: no such adapter.
    """
    names = {str(file["name"]): str(file["key"]) for file in _require(context, adapter_id).files}
    return {_PLACES_IN_ARCHIVE.get(name, name): context.storage.path(key) for name, key in names.items()}


def _require(context: Context, adapter_id: str) -> Adapter:
    """Return an adapter or raise NotFound."""
    with context.db.read() as session:
        adapter = repository.get_adapter(session, adapter_id)
    if adapter is None:
        raise NotFound("adapter", adapter_id)
    return adapter


def _adapter_out(adapter: Adapter) -> AdapterOut:
    """Show an adapter."""
    return AdapterOut(
        id=adapter.id,
        job_id=adapter.job_id,
        base=adapter.base,
        method=adapter.method,
        target=adapter.target,
        loads_in=adapter.loads_in,
        loads_in_reason=adapter.loads_in_reason,
        files=[
            FileOut(
                name=str(file["name"]),
                url=f"/api/v1/adapters/{adapter.id}/files/{file['name']}",
                sha256=str(file["sha256"]),
                size_bytes=int(file["size_bytes"]),
            )
            for file in adapter.files
        ],
        archive_url=f"/api/v1/adapters/{adapter.id}/archive",
        created_at=instant(adapter.created_at),
    )
