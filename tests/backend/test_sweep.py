"""The sweep: what nobody needs goes, what somebody may still need stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from backend.adapters.repository import add_adapter
from backend.db import Database, now
from backend.ids import new_id
from backend.jobs import transitions
from backend.maintenance.old_events import thin_progress
from backend.maintenance.sweep import sweep_files
from backend.storage import LocalStorage, StoredFile
from backend.tables import DatasetItem, Job, JobEvent
from tests.backend.service_fixtures import NewJob

KEEP_S = 1000.0


def _write(storage: LocalStorage, *keys: str) -> None:
    for key in keys:
        storage.path(key).parent.mkdir(parents=True, exist_ok=True)
        storage.path(key).write_bytes(b"x")


def _left(storage: LocalStorage, *areas: str) -> set[str]:
    found = (path for area in areas for path in (storage.root / area).rglob("*") if path.is_file())
    return {path.relative_to(storage.root).as_posix() for path in found}


def _run(db: Database, job_id: str) -> int:
    with db.write() as session:
        claim = transitions.claim(session, job_id, owner="test", lease_s=60.0)
    assert claim is not None
    return claim.lease.token


def test_what_a_killed_worker_left_goes_and_what_runs_stays(
    db: Database, storage: LocalStorage, new_job: NewJob
) -> None:
    running, ended = new_job(), new_job(state="canceled", finished_at=1.0)
    token = _run(db, running)
    kept = {f"jobs/{running}/{token}/out/a", f"adapters/{running}/{token}/a", f"checkpoints/{running}/{token}/a"} | {
        f"previews/{job}/1-000000-00.png" for job in (running, ended)
    }
    void = {
        f"jobs/{running}/{token - 1}/out/a",
        f"jobs/{ended}/1/out/a",
        f"adapters/{ended}/1/a",
        f"comparisons/{ended}/1/maps/a",
        f"evaluations/{ended}/1/evaluation.json",
        "checkpoints/job_gone/1/a",
        "previews/job_gone/1-000000-00.png",
    }
    _write(storage, *kept, *void)
    assert sweep_files(db, storage, keep_s=KEEP_S) == len(void)
    assert _left(storage, "jobs", "adapters", "comparisons", "evaluations", "checkpoints", "previews") == kept


def test_published_files_stay(db: Database, storage: LocalStorage, new_job: NewJob) -> None:
    job_id = new_job(state="succeeded", finished_at=1.0)
    key = f"adapters/{job_id}/3/adapter.safetensors"
    _write(storage, key, f"adapters/{job_id}/2/adapter.safetensors", f"checkpoints/{job_id}/3/a")
    with db.write() as session:
        add_adapter(
            session,
            adapter_id=new_id("adp"),
            job_id=job_id,
            base="pico",
            method="spf",
            target="hat",
            files=[StoredFile("adapter.safetensors", key, "0", 1)],
        )
    sweep_files(db, storage, keep_s=KEEP_S)
    assert _left(storage, "adapters", "checkpoints") == {key}


@pytest.mark.parametrize("state", ["failed", "canceled"])
def test_checkpoints_and_logs_of_an_ended_job_stay_for_a_while(
    db: Database, storage: LocalStorage, new_job: NewJob, state: str
) -> None:
    recent = new_job(state=state, error_code="x", finished_at=now() - KEEP_S / 2)
    old = new_job(state=state, error_code="x", finished_at=now() - KEEP_S * 2)
    retried = new_job(state=state, error_code="x", finished_at=now() - KEEP_S * 2)
    new_job(parent_id=new_job(state=state, error_code="x", parent_id=retried, finished_at=1.0))
    for job_id in (recent, old, retried):
        _write(storage, f"checkpoints/{job_id}/1/a", f"logs/{job_id}.1.log")
    _write(storage, "logs/worker-train.log")
    sweep_files(db, storage, keep_s=KEEP_S)
    assert _left(storage, "checkpoints") == {f"checkpoints/{recent}/1/a", f"checkpoints/{retried}/1/a"}
    assert _left(storage, "logs") == {f"logs/{recent}.1.log", "logs/worker-train.log"}


def _make_old(folder: Path) -> None:
    os.utime(folder, (1.0, 1.0))


def test_uploads_that_never_ended_go_after_a_day(db: Database, storage: LocalStorage, new_job: NewJob) -> None:
    new_job()
    kept = _left(storage, "datasets")
    _write(storage, "incoming/old/a", "incoming/new/a", "datasets/ds_old/a", "datasets/ds_new/a")
    for folder in (storage.path("incoming/old"), *(storage.root / "datasets").iterdir()):
        if folder.name != "ds_new":
            _make_old(folder)
    sweep_files(db, storage, keep_s=KEEP_S)
    assert _left(storage, "incoming", "datasets") == {*kept, "incoming/new/a", "datasets/ds_new/a"}


def test_pictures_that_no_row_knows_go_after_a_day(db: Database, storage: LocalStorage, new_job: NewJob) -> None:
    new_job()
    kept = _left(storage, "datasets")
    folder = next(iter(kept)).rpartition("/")[0]
    _write(storage, f"{folder}/old.png", f"{folder}/new.png")
    for key in (*kept, f"{folder}/old.png"):
        _make_old(storage.path(key))
    with db.write() as session:
        session.execute(delete(DatasetItem))  # a version still has them
    assert sweep_files(db, storage, keep_s=KEEP_S) == 1
    assert _left(storage, "datasets") == {*kept, f"{folder}/new.png"}


def test_a_long_curve_is_thinned_out_once_its_job_has_ended(db: Database, new_job: NewJob) -> None:
    running, ended = new_job(), new_job()
    with db.write() as session:
        for job_id in (running, ended):
            for step in range(1, 2001):
                session.add(JobEvent(job_id=job_id, seq=step + 1, kind="progress", data={"step": step}))
        session.execute(update(Job).values(last_event_seq=2001))
        transitions.request_cancel(session, ended)

    def events(job_id: str, kind: str) -> int:
        of_job = JobEvent.job_id == job_id, JobEvent.kind == kind
        with db.read() as session:
            return session.scalar(select(func.count()).select_from(JobEvent).where(*of_job)) or 0

    for _ in range(2):
        thin_progress(db)
        assert (events(running, "progress"), events(ended, "progress")) == (2000, 500)
    assert (events(running, "state"), events(ended, "state")) == (1, 2)
