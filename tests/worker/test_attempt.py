"""One attempt with a real child process; only the engine is a small one."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from pathlib import Path

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from backend.adapters.repository import add_adapter
from backend.db import Database
from backend.ids import new_id
from backend.jobs.schemas import EventOut
from backend.logs import configure_logs
from backend.settings import Settings
from backend.storage import LocalStorage
from backend.tables import Comparison, DatasetVersion, Evaluation, Job, JobEvent
from tests.backend.service_fixtures import NewJob, job_row
from worker.attempt import run_attempt
from worker.context import WorkerContext
from worker.warm_engine import WarmEngine

DOUBLE = str(Path(__file__).with_name("double_engine.py"))


def attempt(mode: str, settings: Settings, db: Database, storage: LocalStorage, job_id: str) -> Job:
    """Run one attempt with the small engine; return the job as it is then."""
    engine = (sys.executable, DOUBLE, mode)
    warm_engine = WarmEngine(engine, os.environ, 0)
    run_attempt(WorkerContext(settings, db, storage, engine, warm_engine, lambda: False), job_id)
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


def test_an_error_of_the_worker_itself_gives_the_job_back(
    settings: Settings, db: Database, storage: LocalStorage, new_job: NewJob
) -> None:
    job_id = new_job()
    with db.write() as session:
        session.execute(update(DatasetVersion).values(items=[{"file_name": "0.png"}]))
    job = attempt("quick", settings, db, storage, job_id)
    assert (job.state, job.lost_count) == ("queued", 1)
    for _ in range(2):
        job = attempt("quick", settings, db, storage, job_id)
    assert (job.state, job.error_code) == ("failed", "worker_failed_repeatedly")
    assert "KeyError" in str(job.error_message)


def test_a_full_disk_is_called_so(settings: Settings, db: Database, storage: LocalStorage, new_job: NewJob) -> None:
    job_id = new_job()
    assert attempt("full", settings, db, storage, job_id).state == "queued"
    attempt("full", settings, db, storage, job_id)
    job = attempt("full", settings, db, storage, job_id)
    assert (job.state, job.error_code) == ("failed", "disk_full")
    assert "full" in str(job.error_message)


def test_a_validation_becomes_an_event_of_the_job(
    settings: Settings, db: Database, storage: LocalStorage, new_job: NewJob
) -> None:
    job_id = new_job()
    assert attempt("quick", settings, db, storage, job_id).state == "succeeded"
    with db.read() as session:
        rows = session.scalars(select(JobEvent).where(JobEvent.job_id == job_id, JobEvent.kind == "validation")).all()
        events = [EventOut.model_validate(row, from_attributes=True) for row in rows]
    assert [event.data for event in events] == [{"step": 0, "target_gained": 0.25, "rest_kept": 1.0}]


def test_previews_are_read_over_http_and_go_with_the_job(
    settings: Settings, db: Database, storage: LocalStorage, new_job: NewJob, client: TestClient
) -> None:
    job_id = new_job(spec={"stage1_steps": 2, "base": "pico", "method": "spf"})
    address = f"/api/v1/jobs/{job_id}"
    assert attempt("quick", settings, db, storage, job_id).state == "succeeded"
    events = client.get(f"{address}/events").json()["data"]
    told = [event["data"] for event in events if event["kind"] == "previews"]
    assert [(one["step"], [picture["text"] for picture in one["pictures"]]) for one in told] == [
        (0, ["a woman, blonde hair"])
    ]
    name = told[0]["pictures"][0]["name"]
    picture = client.get(f"{address}/previews/{name}")
    assert (picture.content, picture.headers["content-type"]) == (b"\x89PNG preview", "image/png")
    assert "immutable" in picture.headers["cache-control"]
    again = client.get(f"{address}/previews/{name}", headers={"If-None-Match": picture.headers["etag"]})
    assert again.status_code == 304
    for other in ("1-000001-00.png", "..%2f..%2fstudio.sqlite", "x"):
        assert client.get(f"{address}/previews/{other}").status_code == 404
    adapter = client.get(address).json()["adapter_id"]
    assert client.delete(f"/api/v1/adapters/{adapter}").status_code == 204
    assert client.delete(address).status_code == 204
    assert not list(storage.root.glob("previews/*/*"))


def test_a_preview_that_cannot_be_stored_ends_no_training(
    settings: Settings, db: Database, storage: LocalStorage, new_job: NewJob
) -> None:
    storage.path("previews").write_bytes(b"no folder")
    job_id = new_job()
    assert attempt("quick", settings, db, storage, job_id).state == "succeeded"
    with db.read() as session:
        kinds = session.scalars(select(JobEvent.kind).where(JobEvent.job_id == job_id)).all()
    assert "previews" not in kinds


def test_the_lines_of_an_attempt_name_its_job(
    settings: Settings, db: Database, storage: LocalStorage, new_job: NewJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr("sys.stderr", written)
    configure_logs("json", "INFO")
    job_id = new_job("comparison")
    attempt("quick", settings, db, storage, job_id)
    lines = [json.loads(line) for line in written.getvalue().splitlines() if line.startswith("{")]
    told = [line["message"] for line in lines if (line.get("job_id"), line.get("attempt")) == (job_id, 1)]
    assert told == ["a comparison begins", "the engine's outcome: finished "]


def adapter_of(text: str, db: Database, storage: LocalStorage, new_job: NewJob, tmp_path: Path) -> str:
    """Publish an adapter whose file holds a text."""
    adapter_id, job_id = new_id("adp"), new_job(state="succeeded")
    source = tmp_path / "adapter.safetensors"
    source.write_text(text, "utf-8")
    stored = storage.put(source.name, f"adapters/{job_id}/1/{source.name}", source)
    with db.write() as session:
        add_adapter(
            session, adapter_id=adapter_id, job_id=job_id, base="pico", method="spf", target="hat", files=[stored]
        )
    return adapter_id


def test_several_adapters_reach_the_engine_each_with_its_strength(
    settings: Settings, db: Database, storage: LocalStorage, new_job: NewJob, tmp_path: Path
) -> None:
    ids = [adapter_of(text, db, storage, new_job, tmp_path) for text in ("hat", "scarf")]
    uses = [{"adapter": ids[1], "strength": 0.25}, {"adapter": ids[0], "strength": 1.0}]
    spec = {"base": "pico", "base_text": "a woman", "target": "hat", "adapters": uses}
    job_id = new_job("comparison", source_adapter_id=ids[1], spec=spec)
    assert attempt("quick", settings, db, storage, job_id).state == "succeeded"
    with db.read() as session:
        comparison = session.scalars(select(Comparison).where(Comparison.job_id == job_id)).one()
    assert comparison.adapter_id == ids[1]
    assert comparison.sample["adapters"] == [["scarf", 0.25], ["hat", 1.0]]
    assert comparison.sample["adapter"] is None


@pytest.mark.parametrize("hold", [None, {"held_below": 0.2, "free_above": 0.6, "firmness": 0.9}])
def test_a_hold_reaches_the_engine(
    settings: Settings, db: Database, storage: LocalStorage, new_job: NewJob, hold: dict[str, float] | None
) -> None:
    job_id = new_job("comparison", spec={"base": "pico", "base_text": "a woman", "target": "hat", "hold": hold})
    assert attempt("quick", settings, db, storage, job_id).state == "succeeded"
    with db.read() as session:
        comparison = session.scalars(select(Comparison).where(Comparison.job_id == job_id)).one()
    assert comparison.sample["hold"] == hold


def test_figures_are_published_with_the_file_of_every_value(
    settings: Settings, db: Database, storage: LocalStorage, new_job: NewJob, tmp_path: Path
) -> None:
    adapter_id = adapter_of("hat", db, storage, new_job, tmp_path)
    hold = {"held_below": 0.2, "free_above": 0.6, "firmness": 0.9}
    spec = {"base": "pico", "target": "hat", "steps": 3, "hold": hold}
    job_id = new_job("evaluation", source_adapter_id=adapter_id, spec=spec)
    assert attempt("quick", settings, db, storage, job_id).state == "succeeded"
    with db.read() as session:
        evaluation = session.scalars(select(Evaluation).where(Evaluation.job_id == job_id)).one()
    assert evaluation.adapter_id == adapter_id
    assert evaluation.figures.items() >= {**spec, "adapter": "hat"}.items()
    assert evaluation.figures["metrics"]["change"]["value"] == 0.375
    assert "values" not in str(evaluation.figures)
    stored = {str(file["name"]): storage.path(str(file["key"])) for file in evaluation.files}
    assert set(stored) == {"evaluation.json", "evaluation.png"}
    assert json.loads(stored["evaluation.json"].read_text("utf-8"))["metrics"]["change"]["values"] == [0.5, 0.25]


def test_an_evaluation_that_cannot_be_made_says_why(
    settings: Settings, db: Database, storage: LocalStorage, new_job: NewJob, tmp_path: Path
) -> None:
    adapter_id = adapter_of("hat", db, storage, new_job, tmp_path)
    job_id = new_job("evaluation", source_adapter_id=adapter_id, spec={"base": "pico", "target": "hat"})
    job = attempt("refuse", settings, db, storage, job_id)
    assert (job.state, job.error_code) == ("failed", "too_many_tokens")
    assert not list(storage.path("evaluations").rglob("*.json"))


def test_an_adapter_whose_file_is_gone_is_named(
    settings: Settings, db: Database, storage: LocalStorage, new_job: NewJob
) -> None:
    uses = [{"adapter": "adp_gone", "strength": 1.0}]
    spec = {"base": "pico", "base_text": "a woman", "target": "hat", "adapters": uses}
    job = attempt("quick", settings, db, storage, new_job("comparison", source_adapter_id="adp_gone", spec=spec))
    assert (job.state, job.error_code) == ("failed", "adapter_gone")
    assert "adp_gone" in str(job.error_message)
