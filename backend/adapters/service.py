"""Reading and deleting adapters and their files."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from backend import results
from backend.adapters.dependents import refuse_in_use
from backend.adapters.schemas import AdapterList, AdapterOut, FileOut
from backend.context import Context, instant
from backend.paging import PageRequest
from backend.tables import Adapter
from spf_portrait.contract.artifacts import DIFFUSERS_ADAPTER

_PLACES_IN_ARCHIVE = {PurePosixPath(DIFFUSERS_ADAPTER).name: DIFFUSERS_ADAPTER}
"""What has a folder of its own there, as diffusers and InvokeAI want it; all else lies at the top."""


def list_adapters(context: Context, page: PageRequest) -> AdapterList:
    """Return a page of adapters, newest first."""
    cut = results.page_of_results(context, Adapter, page)
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
    return _adapter_out(results.require_result(context, Adapter, adapter_id))


def file_path(context: Context, adapter_id: str, name: str) -> tuple[Path, str]:
    """Return where a file of an adapter lies, and its SHA-256.

    Raises:
        NotFound: no such adapter or file.
    """
    return results.result_file(context, Adapter, adapter_id, name)


def delete_adapter(context: Context, adapter_id: str) -> None:
    """Delete an adapter and its files.

    Raises:
        NotFound: no such adapter.
        Conflict: an unfinished job works with it, or a result was made with it.
    """
    results.delete_result(context, Adapter, adapter_id, refuse_in_use)


def archive_members(context: Context, adapter_id: str) -> dict[str, Path]:
    """Return where each file of an adapter lies, by its place in the archive.

    Raises:
        NotFound: no such adapter.
    """
    names = {str(file["name"]): str(file["key"]) for file in results.require_result(context, Adapter, adapter_id).files}
    return {_PLACES_IN_ARCHIVE.get(name, name): context.storage.path(key) for name, key in names.items()}


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
                url=results.file_address(adapter, str(file["name"])),
                sha256=str(file["sha256"]),
                size_bytes=int(file["size_bytes"]),
            )
            for file in adapter.files
        ],
        archive_url=f"/api/v1/adapters/{adapter.id}/archive",
        created_at=instant(adapter.created_at),
    )
