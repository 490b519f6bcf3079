"""What must hold of every studio once its jobs have ended, read from its database and its files alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import select

from backend.db import Database
from backend.maintenance.sweep import sweep_files
from backend.storage import LocalStorage, sha256_of
from backend.tables import FINAL_STATES, LEGAL_TRANSITIONS, RESULTS, Job, JobEvent, Outbox, Result
from nemesis.studio import Studio
from nemesis.violation import Violation, unless
from nemesis.waiting import WaitedInVain, wait_for

_KEEP_S: Final = 3600.0
"""Longer than any row: the logs and checkpoints of ended jobs stay."""


@dataclass(frozen=True)
class Records:
    """Rows as they were at one moment."""

    jobs: list[Job]
    events: dict[str, list[JobEvent]]
    """By job, in order."""
    results: list[Result]
    outbox: frozenset[str]


def read_records(db: Database) -> Records:
    """Read everything."""
    events: dict[str, list[JobEvent]] = defaultdict(list)
    with db.read() as session:
        for event in session.scalars(select(JobEvent).order_by(JobEvent.job_id, JobEvent.seq)):
            events[event.job_id].append(event)
        results = [row for table in RESULTS for row in session.scalars(select(table))]
        outbox = frozenset(session.scalars(select(Outbox.job_id)))
        return Records(list(session.scalars(select(Job))), events, results, outbox)


def violations(studio: Studio) -> Iterator[Violation]:
    """Wait for the end of all jobs, then yield whatever does not hold."""
    try:
        wait_for(lambda: _all_ended(studio.db), "all jobs to end")
    except WaitedInVain as error:
        yield Violation("lost", str(error))
    records = read_records(studio.db)
    yield from _lost(records)
    yield from _published_twice(records)
    yield from _illegal_transitions(records)
    yield from _torn(records, studio.storage)
    yield from _leaks(records, studio)
    for answer in studio.client.server_errors:
        yield Violation("server error", answer)


def states_of(events: list[JobEvent]) -> list[str]:
    """Return the states that a job went through."""
    return [str(event.data["to"]) for event in events if event.kind == "state"]


def _all_ended(db: Database) -> bool:
    with db.read() as session:
        return not session.scalars(select(Job.id).where(Job.state.not_in(FINAL_STATES))).first()


def _lost(records: Records) -> Iterator[Violation]:
    """A job that said it succeeded has a result."""
    published = {result.job_id for result in records.results}
    for job in records.jobs:
        holds = (job.state == "succeeded") == (job.id in published)
        yield from unless(holds, f"{job.id} is {job.state}, result: {job.id in published}", "lost")


def _published_twice(records: Records) -> Iterator[Violation]:
    for job_id, count in Counter(result.job_id for result in records.results).items():
        yield from unless(count == 1, f"{job_id} has {count} results", "published twice")


def _illegal_transitions(records: Records) -> Iterator[Violation]:
    """The events tell a legal way to the state, and none of them is missing."""
    legal: dict[str, tuple[str, ...]] = {str(old): new for old, new in LEGAL_TRANSITIONS.items()}
    for job in records.jobs:
        events = records.events[job.id]
        way = states_of(events)
        is_legal = way[0] == "queued" and all(new in legal.get(old, ()) for old, new in pairwise(way))
        yield from unless(is_legal and way[-1] == job.state, f"{job.id}: {way}, now {job.state}", "illegal transition")
        last = events[-1].seq
        yield from unless(last == job.last_event_seq, f"{job.id}: event {last} of {job.last_event_seq}", "lost")


def _torn(records: Records, storage: LocalStorage) -> Iterator[Violation]:
    """Every published file is there, with the bytes that its record tells."""
    for result in records.results:
        for file in result.files:
            yield from unless(_is_whole(file, storage), f"{result.job_id}: {file['key']}", "torn")


def _is_whole(file: dict[str, Any], storage: LocalStorage) -> bool:
    path = storage.path(str(file["key"]))
    return path.is_file() and sha256_of(path) == file["sha256"] and path.stat().st_size == file["size_bytes"]


def _leaks(records: Records, studio: Studio) -> Iterator[Violation]:
    """No message is owed to an ended job, and the sweep leaves no file that no row knows."""
    ended = {job.id for job in records.jobs if job.state in FINAL_STATES}
    yield from (Violation("leak", f"outbox row of {job_id}") for job_id in ended & records.outbox)
    sweep_files(studio.db, studio.storage, keep_s=_KEEP_S)
    known = {"/".join(str(file["key"]).split("/")[:3]) for result in records.results for file in result.files}
    for table in RESULTS:
        for folder in studio.storage.root.glob(f"{table.__tablename__}/*/*"):
            key = folder.relative_to(studio.storage.root).as_posix()
            yield from unless(key in known, f"the folder {key} that no row knows", "leak")
    for folder in studio.storage.root.glob("jobs/*/*"):
        yield Violation("leak", f"the workspace {folder.parent.name}/{folder.name} of an ended attempt")
