"""Looking at an order of a training without placing it, through HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from backend.db import Database
from backend.tables import DatasetVersion, Job, JobEvent
from spf_portrait.contract.training_spec import TrainingChoice, TrainingSpec
from spf_portrait.contract.vocabulary import VOCABULARY
from tests.backend.service_fixtures import NewJob, captioned, made_dataset

TRY = "/api/v1/trainings/dry-run"
SPEC = TrainingSpec.from_preset("quick", stage1_steps=10, stage2_steps=20).model_dump(mode="json")


@pytest.fixture
def dataset_id(client: TestClient) -> str:
    """A caption set of two portraits that can be trained on."""
    return str(made_dataset(client)["id"])


def _order(dataset_id: str, **spec: Any) -> dict[str, Any]:
    return {"kind": "training", "dataset_id": dataset_id, "spec": spec}


def _tried(client: TestClient, dataset_id: str, **spec: Any) -> dict[str, Any]:
    answer = client.post(TRY, json=_order(dataset_id, **spec))
    assert answer.status_code == 200, answer.text
    return answer.json()


def _measured(db: Database, job_id: str, *, stage1_s: float, stage2_s: float, rest_s: float) -> None:
    """Let a training have taken so long: each stage from its first to its tenth step, the rest before."""
    moments = {"stage1": (rest_s, rest_s + stage1_s), "stage2": (rest_s + stage1_s, rest_s + stage1_s + stage2_s)}
    with db.write() as session:
        seq = 100
        for phase, (first_s, last_s) in moments.items():
            for at, step in ((first_s, 0), (last_s, 10)):
                seq += 1
                data = {"phase": phase, "step": step, "total": 10}
                session.add(JobEvent(job_id=job_id, seq=seq, at=1000 + at, kind="progress", data=data))
        job = session.get_one(Job, job_id)
        job.claimed_at, job.finished_at = 1000.0, 1000.0 + rest_s + stage1_s + stage2_s


def _ended(new_job: NewJob, **columns: Any) -> str:
    return new_job(**{"spec": SPEC, "state": "succeeded", "attempt": 1, "finished_at": 1.0, **columns})


def test_a_sound_order_is_resolved_and_nothing_is_written(client: TestClient, dataset_id: str, db: Database) -> None:
    tried = _tried(client, dataset_id, preset="standard", rank=3)
    assert (tried["accepted"], tried["problems"]) == (True, [])
    expected = TrainingSpec.from_preset("standard", rank=3).model_dump(mode="json")
    assert tried["spec"] == expected
    assert any("2 portraits are few" in notice for notice in tried["notices"])
    with db.read() as session:
        counts = [session.scalar(select(func.count()).select_from(table)) for table in (Job, DatasetVersion)]
    assert counts == [0, 0]
    assert client.get(f"/api/v1/datasets/{dataset_id}").json()["status"] == "draft"


@pytest.mark.parametrize("spec", [{"batch_size": 0}, {"learning": 1}, {"base": "sdxl"}, {"control_map_from": 0.9}, {}])
@pytest.mark.parametrize("captions", [("a man, [hat]", "a woman, [hat]"), ("a man, [hat]", "a man"), ("[hat]",)])
def test_it_foretells_what_the_order_is_answered(
    client: TestClient, captions: tuple[str, ...], spec: dict[str, Any]
) -> None:
    dataset_id = str(made_dataset(client, captioned(*captions))["id"])
    tried = _tried(client, dataset_id, **spec)
    answer = client.post("/api/v1/jobs", json=_order(dataset_id, **spec))
    assert tried["accepted"] == (answer.status_code == 202), answer.text
    assert bool(tried["problems"]) == (not tried["accepted"])
    assert all(problem["message"] and problem["hint"] for problem in tried["problems"])


def test_words_that_the_base_has_never_seen_are_told(client: TestClient, dataset_id: str, models_dir: Path) -> None:
    (models_dir / "pico" / VOCABULARY).write_text("a woman man brown blue shirt", "utf-8")
    notices = _tried(client, dataset_id)["notices"]
    assert any("jacket" in notice for notice in notices)
    assert any("blonde hair" in notice for notice in notices)


def test_an_unknown_set_is_404(client: TestClient) -> None:
    assert client.post(TRY, json=_order("ds_none")).json()["code"] == "dataset_not_found"


def test_time_comes_from_trainings_like_it(client: TestClient, db: Database, dataset_id: str, new_job: NewJob) -> None:
    order = {"stage1_steps": 100, "stage2_steps": 50}
    assert _tried(client, dataset_id, **order)["estimate"] is None
    for stage2_s in (30.0, 50.0):
        _measured(db, _ended(new_job), stage1_s=5.0, stage2_s=stage2_s, rest_s=7.0)
    estimate = _tried(client, dataset_id, **order)["estimate"]
    assert estimate == {"seconds": pytest.approx(100 * 0.5 + 50 * 4.0 + 7.0), "trainings": 2}
    assert _tried(client, dataset_id, **order, batch_size=2)["estimate"] is None
    assert _tried(client, dataset_id, **order, method="lora")["estimate"] is None


@pytest.mark.parametrize("columns", [{"state": "failed", "error_code": "x"}, {"attempt": 2}])
def test_broken_off_trainings_tell_no_time(
    client: TestClient, db: Database, dataset_id: str, new_job: NewJob, columns: dict[str, Any]
) -> None:
    _measured(db, _ended(new_job, **columns), stage1_s=5.0, stage2_s=5.0, rest_s=1.0)
    assert _tried(client, dataset_id)["estimate"] is None


def test_every_setting_is_offered_once(client: TestClient) -> None:
    offered = client.get("/api/v1/trainings/settings").json()
    named = [name for group in offered["groups"] for name in group["settings"]]
    before = {*TrainingChoice.model_fields, "export_checkpoints"} - {"adapter"}
    assert sorted(named) == sorted(set(TrainingSpec.model_fields) - before)
    assert "More" not in [group["title"] for group in offered["groups"]], "a new setting wants a group"
    rank = offered["specification"]["properties"]["rank"]
    assert (rank["minimum"], rank["maximum"]) == (1, 128)
    described = {name for name, schema in offered["specification"]["properties"].items() if "description" in schema}
    nested = {"preservation", "losses", "rivals"}
    assert set(named) - described == nested, "these are settings with names of their own"
