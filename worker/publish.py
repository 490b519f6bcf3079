"""Publishing results: the files first, read back and hashed, then their row together with the job's last transition."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy.orm import Session

from backend.adapters.repository import add_adapter
from backend.comparisons.repository import add_comparison
from backend.db import Database
from backend.ids import new_id
from backend.jobs import transitions
from backend.jobs.transitions import Claim, Lease
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
from worker.patient_write import write_patiently

_OF_AN_ADAPTER = (ADAPTER, DIFFUSERS_ADAPTER, ADAPTER_NOTES, ADAPTER_PICTURE, REPORT, LOSS_LOG)
"""What is published of a training, as far as it was written; each under its last name alone."""


def publish_adapter(
    db: Database, storage: LocalStorage, claim: Claim, out: Path, target: str, between: Callable[[], None]
) -> bool:
    """Publish what a training wrote.

    Args:
        db: the records.
        storage: the data folder.
        claim: the attempt.
        out: the engine's output folder.
        target: the phrase that was taught.
        between: called between two pieces of work; what it raises ends the attempt.

    Returns:
        False when the job is no longer this attempt's to finish; nothing is published and no file is left then.

    Raises:
        ExportError: the engine left no adapter.
        OSError: the files could not be stored.
        OperationalError: the database stayed away for too long.
    """
    _require(out / ADAPTER)
    prefix = f"adapters/{claim.lease.job_id}/{claim.lease.token}"
    sources = {PurePosixPath(name).name: out / name for name in _OF_AN_ADAPTER if (out / name).is_file()}
    report: dict[str, Any] = json.loads(sources[REPORT].read_text("utf-8")) if REPORT in sources else {}

    def add(session: Session, files: list[StoredFile]) -> None:
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

    return _publish(db, storage, claim.lease, prefix, sources, add, between)


def publish_comparison(
    db: Database, storage: LocalStorage, claim: Claim, out: Path, between: Callable[[], None]
) -> bool:
    """Publish what a drawing wrote; see `publish_adapter`."""
    sample: dict[str, Any] = json.loads(_require(out / SAMPLE).read_text("utf-8"))
    prefix = f"comparisons/{claim.lease.job_id}/{claim.lease.token}"
    sources = {path.relative_to(out).as_posix(): path for path in sorted(out.rglob("*")) if path.is_file()}

    def add(session: Session, files: list[StoredFile]) -> None:
        add_comparison(
            session,
            comparison_id=new_id("cmp"),
            job_id=claim.lease.job_id,
            adapter_id=claim.source_adapter_id,
            sample=sample,
            files=files,
        )

    return _publish(db, storage, claim.lease, prefix, sources, add, between)


def _publish(
    db: Database,
    storage: LocalStorage,
    lease: Lease,
    prefix: str,
    sources: Mapping[str, Path],
    add: Callable[[Session, list[StoredFile]], None],
    between: Callable[[], None],
) -> bool:
    """Store the files and add their row together with the job's last transition; without the row no file is left."""

    def end_well(session: Session) -> bool:
        if transitions.has_succeeded(session, lease):
            return True
        ended = transitions.succeed(session, lease)
        if ended:
            add(session, files)
        return ended

    try:
        files = [storage.put(name, f"{prefix}/{name}", source, between) for name, source in sources.items()]
    except BaseException:
        storage.delete(prefix)
        raise
    published = write_patiently(db, end_well)
    _tidy(storage, prefix, published=published)
    return published


def _tidy(storage: LocalStorage, prefix: str, *, published: bool) -> None:
    """Delete what nobody can publish any more: the files of earlier attempts, or those of this one."""
    if not published:
        storage.delete(prefix)
        return
    folder = storage.path(prefix)
    for other in folder.parent.iterdir():
        if other != folder:
            storage.delete(f"{prefix.rpartition('/')[0]}/{other.name}")


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
