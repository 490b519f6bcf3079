"""Publishing results: the files first, read back and hashed, then their row together with the job's last transition."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from backend.adapters.repository import add_adapter
from backend.comparisons.repository import add_comparison
from backend.db import Database
from backend.ids import new_id
from backend.jobs import transitions
from backend.jobs.transitions import Claim
from backend.storage import LocalStorage, StoredFile
from spf_portrait.contract.artifacts import (
    ADAPTER,
    ADAPTER_NOTES,
    ADAPTER_PICTURE,
    DIFFUSERS_ADAPTER,
    LOSS_LOG,
    REPORT,
    SAMPLE,
)
from spf_portrait.contract.errors import ExportError

_OF_AN_ADAPTER = (ADAPTER, DIFFUSERS_ADAPTER, ADAPTER_NOTES, ADAPTER_PICTURE, REPORT, LOSS_LOG)
"""What is published of a training, as far as it was written; each under its last name alone."""


def publish_adapter(db: Database, storage: LocalStorage, claim: Claim, out: Path, target: str) -> bool:
    """Publish what a training wrote.

    Args:
        db: the records.
        storage: the data folder.
        claim: the attempt.
        out: the engine's output folder.
        target: the phrase that was taught.

    Returns:
        False when the job is no longer this attempt's to finish; nothing is published and no file is left then.

    Raises:
        ExportError: the engine left no adapter.
        OSError: the files could not be stored.
    """
    _require(out / ADAPTER)
    prefix = f"adapters/{claim.lease.job_id}/{claim.lease.token}"
    sources = {PurePosixPath(name).name: out / name for name in _OF_AN_ADAPTER if (out / name).is_file()}
    files = _store(storage, prefix, sources)
    report: dict[str, Any] = json.loads(sources[REPORT].read_text("utf-8")) if REPORT in sources else {}
    with db.write() as session:
        published = transitions.succeed(session, claim.lease)
        if published:
            add_adapter(
                session,
                adapter_id=new_id("adp"),
                job_id=claim.lease.job_id,
                base=str(claim.spec["base"]),
                method=str(claim.spec["method"]),
                target=target,
                loads_in=report.get("loads_in"),
                loads_in_reason=report.get("loads_in_reason") or None,
                files=files,
            )
    return _tidy(storage, prefix, published=published)


def publish_comparison(db: Database, storage: LocalStorage, claim: Claim, out: Path) -> bool:
    """Publish what a drawing wrote; see `publish_adapter`."""
    sample: dict[str, Any] = json.loads(_require(out / SAMPLE).read_text("utf-8"))
    prefix = f"comparisons/{claim.lease.job_id}/{claim.lease.token}"
    sources = {path.relative_to(out).as_posix(): path for path in sorted(out.rglob("*")) if path.is_file()}
    files = _store(storage, prefix, sources)
    with db.write() as session:
        published = transitions.succeed(session, claim.lease)
        if published:
            add_comparison(
                session,
                comparison_id=new_id("cmp"),
                job_id=claim.lease.job_id,
                adapter_id=claim.source_adapter_id,
                sample=sample,
                files=files,
            )
    return _tidy(storage, prefix, published=published)


def _tidy(storage: LocalStorage, prefix: str, *, published: bool) -> bool:
    """Delete what nobody can publish any more: the files of earlier attempts, or those of this one."""
    folder = storage.path(prefix)
    if not published:
        storage.delete_tree(prefix)
    for other in folder.parent.iterdir() if published else ():
        if other != folder:
            storage.delete_tree(f"{prefix.rpartition('/')[0]}/{other.name}")
    return published


def _store(storage: LocalStorage, prefix: str, sources: Mapping[str, Path]) -> list[StoredFile]:
    """Store files under their names; on a failure none is left."""
    try:
        return [storage.put(name, f"{prefix}/{name}", source) for name, source in sources.items()]
    except OSError:
        storage.delete_tree(prefix)
        raise


def _require(path: Path) -> Path:
    """Return the path of a file that the engine must have written."""
    if not path.is_file():
        raise ExportError(
            "result_missing",
            f"no {path.name} in the engine's output",
            f"an output folder with {path.name}",
            "Look into the trainer's log; if it says nothing, report this as a bug",
        )
    return path
