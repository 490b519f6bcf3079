"""One attempt with a real child process; only the engine is a small one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sqlalchemy import select, update

from backend.db import Database
from backend.jobs.schemas import EventOut
from backend.settings import Settings
from backend.storage import LocalStorage
from backend.tables import DatasetVersion, Job, JobEvent
from tests.backend.service_fixtures import NewJob, job_row
from worker.attempt import Bench, run_attempt
from worker.drawing_desk import DrawingDesk

DOUBLE = str(Path(__file__).with_name("double_engine.py"))


def attempt(mode: str, settings: Settings, db: Database, storage: LocalStorage, job_id: str) -> Job:
    """Run one attempt with the small engine; return the job as it is then."""
    engine = (sys.executable, DOUBLE, mode)
    desk = DrawingDesk(engine, os.environ, 0)
    run_attempt(Bench(settings, db, storage, engine, desk, lambda: False), job_id)
    return job_row(db, job_id)


def rename_portraits(db: Database, job: Job, *names: str) -> None:
    """Give the portraits of a job's caption set the names that they were uploaded under."""
    with db.write() as session:
        version = session.get(DatasetVersion, job.dataset_version_id)
        assert version is not None
        items = [{**item, "file_name": name} for item, name in zip(version.items, names, strict=True)]
        session.execute(update(DatasetVersion).where(DatasetVersion.id == version.id).values(items=items))


def test_an_error_of_the_trainer_names_the_portrait_as_it_was_uploaded(
    settings: Settings, db: Database, storage: LocalStorage, new_job: NewJob
) -> None:
    job_id = new_job()
    rename_portraits(db, job_row(db, job_id), "0001.png", "Anna at sea.jpg")
    job = attempt("picky", settings, db, storage, job_id)
    assert (job.state, job.error_code) == ("failed", "too_many_tokens")
    assert job.error_message == "Found 90 tokens of Anna at sea.jpg; allowed: 77."
    assert job.error_hint == "Shorten Anna at sea.jpg"


def test_a_damaged_portrait_is_named_as_it_was_uploaded(
    settings: Settings, db: Database, storage: LocalStorage, new_job: NewJob
) -> None:
    job_id = new_job()
    rename_portraits(db, job_row(db, job_id), "Anna.webp", "Bert.jpg")
    for picture in storage.path("datasets").rglob("1.png"):
        picture.write_bytes(b"\x89PNG and no more")
    job = attempt("quick", settings, db, storage, job_id)
    assert job.state == "failed"
    assert "Bert.jpg" in str(job.error_message)
    assert "0001.png" not in str(job.error_message)


def test_a_validation_becomes_an_event_of_the_job(
    settings: Settings, db: Database, storage: LocalStorage, new_job: NewJob
) -> None:
    job_id = new_job()
    assert attempt("quick", settings, db, storage, job_id).state == "succeeded"
    with db.read() as session:
        rows = session.scalars(select(JobEvent).where(JobEvent.job_id == job_id, JobEvent.kind == "validation")).all()
        events = [EventOut.model_validate(row, from_attributes=True) for row in rows]
    assert [event.data for event in events] == [{"step": 0, "target_gained": 0.25, "rest_kept": 1.0}]
