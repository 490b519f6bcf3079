"""The sweep: removes files that crashes, killed processes and ended jobs left in the data folder.

    jobs/{job}/{token}/          unless that attempt runs
    checkpoints/{job}/           of jobs that succeeded; of those that failed or were canceled after a while, unless
                                 an unfinished retry may still go on from there
    logs/{job}.{token}.log       of jobs that ended a while ago
    previews/{job}/              of jobs that were deleted
    adapters/{job}/{token}/,     and so for every kind of result, unless a row knows them or that attempt runs
    datasets/{dataset}/,         a day after they were last written to, unless a row knows them
    datasets/{dataset}/{file},
    incoming/{upload}/

Folders are listed before rows are read, and tokens only grow: what has no right to be there by then never gets one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from backend.db import Database, now
from backend.storage import LocalStorage
from backend.tables import FINAL_STATES, RESULTS, Dataset, DatasetItem, DatasetVersion, Job

_UPLOAD_S = 86400.0
"""No upload takes longer."""

_ACTIVE = ("running", "canceling")

_OF_ATTEMPTS = ("jobs", *(table.__tablename__ for table in RESULTS))
"""Folders with a folder for each attempt."""


@dataclass(frozen=True)
class _Records:
    """What the rows say about files."""

    jobs: frozenset[str]
    """All jobs."""
    running: frozenset[tuple[str, str]]
    """Job and token of every attempt that may still write."""
    resumable: frozenset[str]
    """Jobs whose checkpoints somebody may go on from."""
    recent: frozenset[str]
    """Jobs that have not ended, or not long ago."""
    published: frozenset[str]
    """Keys of stored results."""
    portraits: frozenset[str]
    """Keys of caption sets, and of the pictures that their items and versions name."""


def sweep_files(db: Database, storage: LocalStorage, *, keep_s: float) -> int:
    """Remove what nobody needs any more.

    Args:
        db: the records.
        storage: the data folder.
        keep_s: how long an ended job keeps its checkpoints and logs.

    Returns:
        How many folders and files were removed.
    """
    found = _listed(storage)
    with db.read() as session:
        records = _records(session, keep_s)
    void = [key for key in found if _is_void(key.split("/"), records, storage)]
    for key in void:
        storage.delete(key)
    return len(void)


def _listed(storage: LocalStorage) -> list[str]:
    """Return the keys of all folders and files that are judged one by one."""
    areas = {**dict.fromkeys(_OF_ATTEMPTS, 2), "checkpoints": 1, "incoming": 1, "logs": 1, "previews": 1}
    patterns = (*(f"{area}{'/*' * depth}" for area, depth in areas.items()), "datasets/*", "datasets/*/*")
    found = (path for pattern in patterns for path in storage.root.glob(pattern) if not path.name.startswith("."))
    return [path.relative_to(storage.root).as_posix() for path in found]


def _is_void(parts: Sequence[str], records: _Records, storage: LocalStorage) -> bool:
    """Judge one folder or file by its key."""
    area, name = parts[0], parts[1]
    if area in _OF_ATTEMPTS:
        return (name, parts[2]) not in records.running and "/".join(parts) not in records.published
    if area == "checkpoints":
        return name not in records.resumable
    if area == "previews":
        return name not in records.jobs
    if area == "logs":
        # The worker's own log has no job in its name.
        return name.startswith("job_") and name.partition(".")[0] not in records.recent
    return "/".join(parts) not in records.portraits and _age_s(storage, "/".join(parts)) > _UPLOAD_S


def _age_s(storage: LocalStorage, key: str) -> float:
    """Return how long ago something was written; what is gone meanwhile is new."""
    try:
        return time.time() - storage.path(key).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _records(session: Session, keep_s: float) -> _Records:
    """Read what the rows say."""
    recent = Job.state.not_in(FINAL_STATES) | (Job.finished_at > now() - literal(keep_s))
    jobs = session.execute(select(Job.id, Job.parent_id, Job.state, Job.token, recent)).all()
    parents = {job_id: parent_id for job_id, parent_id, *_ in jobs}
    unfinished = [job_id for job_id, _, state, *_ in jobs if state not in FINAL_STATES]
    results = [files for table in RESULTS for files in session.scalars(select(table.files))]
    retryable = [job_id for job_id, _, state, _, is_recent in jobs if is_recent and state != "succeeded"]
    return _Records(
        jobs=frozenset(parents),
        running=frozenset((job_id, str(token)) for job_id, _, state, token, _ in jobs if state in _ACTIVE),
        resumable=frozenset((*_with_ancestors(unfinished, parents), *retryable)),
        recent=frozenset(job_id for job_id, *_, is_recent in jobs if is_recent),
        published=frozenset(_folders(results)),
        portraits=frozenset(_portraits(session)),
    )


def _portraits(session: Session) -> Iterator[str]:
    """Yield the keys of caption sets and of all pictures in them."""
    yield from (f"datasets/{dataset_id}" for dataset_id in session.scalars(select(Dataset.id)))
    yield from session.scalars(select(DatasetItem.image_key))
    for items in session.scalars(select(DatasetVersion.items)):
        yield from (str(item["image_key"]) for item in items)


def _with_ancestors(jobs: Iterable[str], parents: dict[str, str | None]) -> Iterator[str]:
    """Yield jobs, the jobs that they retry, and so on."""
    for job_id in jobs:
        ancestor: str | None = job_id
        while ancestor is not None:
            yield ancestor
            ancestor = parents.get(ancestor)


def _folders(stored: Iterable[list[dict[str, Any]]]) -> Iterator[str]:
    """Yield the folder of the attempt that stored a result: the first three parts of its files' keys."""
    for files in stored:
        yield from ("/".join(str(file["key"]).split("/")[:3]) for file in files)
