"""Where the files of the adapters lie that a job works with."""

from __future__ import annotations

from pathlib import Path

from backend.adapters.repository import get_adapter
from spf_portrait.contract.artifacts import ADAPTER
from spf_portrait.contract.errors import ModelError
from worker.context import WorkerContext


def adapter_file(context: WorkerContext, adapter_id: str) -> Path:
    """Return the file to draw with.

    Raises:
        ModelError: there is none.
    """
    with context.db.read() as session:
        adapter = get_adapter(session, adapter_id)
    keys = [str(file["key"]) for file in adapter.files if file["name"] == ADAPTER] if adapter else []
    if not keys:
        raise ModelError(
            "adapter_gone",
            f"no adapter {adapter_id}",
            "an adapter of this studio",
            "Choose another adapter",
        )
    return context.storage.path(keys[0])
