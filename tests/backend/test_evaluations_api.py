"""Ordering, reading and listing evaluations, and lists of comparisons, through HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from backend.comparisons.repository import add_comparison
from backend.db import Database
from backend.evaluations.repository import add_evaluation
from backend.ids import new_id
from backend.jobs import transitions
from backend.storage import LocalStorage, StoredFile
from backend.tables import Adapter, Job
from spf_portrait.contract.base_info import JUDGE_FOLDER
from tests.backend.service_fixtures import NewJob

JOBS = "/api/v1/jobs"
URL = "/api/v1/evaluations"


@pytest.fixture
def judged(models_dir: Path) -> None:
    """The base model has held-out texts of its own."""
    (models_dir / "pico" / JUDGE_FOLDER).mkdir()


def add_adapter(db: Database, new_job: NewJob, base: str = "pico") -> str:
    """Publish an adapter that was taught a hat."""
    adapter_id, training = new_id("adp"), new_job(state="succeeded")
    with db.write() as session:
        session.add(Adapter(id=adapter_id, job_id=training, base=base, method="spf", target="hat", files=[]))
    return adapter_id


def order(adapter_id: str, **spec: Any) -> dict[str, Any]:
    """An order of figures."""
    return {"kind": "evaluation", "adapter_id": adapter_id, "spec": spec}


@pytest.mark.usefixtures("judged")
def test_an_evaluation_takes_base_and_target_from_the_adapter(
    client: TestClient, db: Database, new_job: NewJob
) -> None:
    adapter_id = add_adapter(db, new_job)
    answer = client.post(JOBS, json=order(adapter_id, count=8, steps=5, strength=0.5, hold={"firmness": 0.5}))
    assert answer.status_code == 202
    job = answer.json()
    assert (job["kind"], job["status"], job["source_adapter_id"]) == ("evaluation", "queued", adapter_id)
    assert job["spec"] == {
        "base": "pico",
        "target": "hat",
        "count": 8,
        "seed_from": 0,
        "texts": [],
        "steps": 5,
        "guidance_scale": 4.0,
        "strength": 0.5,
        "hold": {"held_below": 0.2, "free_above": 0.5, "firmness": 0.5},
    }
    assert job["evaluation_id"] is None
    assert client.post(JOBS, json={"kind": "evaluation", "adapter_id": adapter_id}).status_code == 202


def test_texts_of_ones_own_keep_their_seeds(client: TestClient, db: Database, new_job: NewJob) -> None:
    texts = [{"base_text": "a woman, a scarf", "seed": 7}, {"base_text": "a man", "seed": 3}]
    job = client.post(JOBS, json=order(add_adapter(db, new_job), texts=texts)).json()
    assert job["spec"]["texts"] == texts


def test_a_base_without_texts_of_its_own_needs_some(client: TestClient, db: Database, new_job: NewJob) -> None:
    answer = client.post(JOBS, json=order(add_adapter(db, new_job), count=8))
    assert (answer.status_code, answer.json()["code"]) == (422, "no_texts")
    assert "pico" in answer.json()["detail"]
    assert "texts" in answer.json()["hint"]


@pytest.mark.usefixtures("judged")
@pytest.mark.parametrize(
    ("spec", "code", "named"),
    [
        ({"count": 501}, "option_out_of_bounds", "count = 501; allowed: less than or equal to 500"),
        ({"count": 0}, "option_out_of_bounds", "count = 0"),
        ({"texts": [{"base_text": "a man", "seed": seed} for seed in range(501)]}, "too_many_texts", "501 texts"),
        ({"texts": [{"base_text": "a man", "seed": 1}], "count": 1}, "texts_twice", "texts beside count"),
        ({"texts": [{"base_text": "a man"}]}, "missing_option", "texts.0.seed"),
        ({"texts": [{"base_text": "a man, hat", "seed": 1}]}, None, "hat"),
        ({"steps": 101}, "option_out_of_bounds", "steps = 101"),
        ({"hold": {"firmness": 2}}, "option_out_of_bounds", "hold.firmness = 2"),
        ({"base": "sd15"}, "base_mismatch", "sd15"),
        ({"maps": True}, "unknown_option", "maps"),
    ],
)
def test_what_cannot_run_is_refused_with_its_cause(
    client: TestClient, db: Database, new_job: NewJob, spec: dict[str, Any], code: str | None, named: str
) -> None:
    answer = client.post(JOBS, json=order(add_adapter(db, new_job), **spec))
    problem = answer.json()
    assert answer.status_code == 422
    assert code in {None, problem["code"]}
    assert named in problem["detail"]
    assert problem["hint"]
    assert client.get(JOBS, params={"kind": "evaluation"}).json()["data"] == []


def test_adapters_and_bases_that_are_not_there(client: TestClient, db: Database, new_job: NewJob) -> None:
    missing = client.post(JOBS, json=order("adp_none"))
    assert (missing.status_code, missing.json()["code"]) == (404, "adapter_not_found")
    of_another_base = client.post(JOBS, json=order(add_adapter(db, new_job, "sdxl")))
    assert (of_another_base.status_code, of_another_base.json()["code"]) == (422, "unknown_base")
    assert client.post(JOBS, json={"kind": "evaluation", "spec": {}}).json()["errors"][0]["pointer"] == "/adapter_id"


@pytest.mark.usefixtures("judged")
def test_an_evaluation_is_retried_as_it_was_ordered(client: TestClient, db: Database, new_job: NewJob) -> None:
    adapter_id = add_adapter(db, new_job)
    job = client.post(JOBS, json=order(adapter_id, count=2)).json()
    client.post(f"{JOBS}/{job['id']}/cancel")
    retried = client.post(f"{JOBS}/{job['id']}/retry").json()
    assert (retried["kind"], retried["spec"]) == ("evaluation", job["spec"])
    listed = client.get(JOBS, params={"adapter_id": adapter_id}).json()["data"]
    assert [found["id"] for found in listed] == [retried["id"], job["id"]]


@pytest.mark.usefixtures("judged")
def test_evaluations_and_pairs_wait_in_one_line(client: TestClient, db: Database, new_job: NewJob) -> None:
    adapter_id = add_adapter(db, new_job)
    new_job()
    pair = {"kind": "comparison", "spec": {"base_text": "a woman", "target": "hat"}}
    positions = [client.post(JOBS, json=body).json()["queue_position"] for body in (pair, order(adapter_id), pair)]
    assert positions == [1, 2, 3]


def test_a_message_lets_a_worker_take_the_oldest_job_of_its_queue(db: Database, new_job: NewJob) -> None:
    new_job(created_at=1.0)
    evaluation = new_job("evaluation", created_at=2.0)
    pair = new_job("comparison", created_at=3.0)
    with db.write() as session:
        claim = transitions.claim_first(session, pair, owner="test", lease_s=60.0)
    assert claim is not None
    assert (claim.lease.job_id, claim.kind) == (evaluation, "evaluation")


FIGURES: dict[str, Any] = {
    "base": "pico",
    "target": "hat",
    "count": 2,
    "seed_from": 0,
    "steps": 5,
    "guidance_scale": 4.0,
    "strength": 1.0,
    "hold": None,
    "adapter": "adapter.safetensors",
    "base_texts": ["a woman", "a man"],
    "metrics": {
        "pollution": {
            "title": "pollution",
            "value": 0.25,
            "interval_95": [0.1, 0.4],
            "count": 2,
            "unit": "share",
            "better": "lower",
            "meaning": "other attributes that the response changes",
        },
        "lpips": {
            "title": "LPIPS",
            "missing": {"reason": "weights missing, none are bundled", "how_to_get": "Get it", "licence": "BSD"},
            "unit": "",
            "better": "lower",
            "meaning": "perceptual distance",
        },
    },
    "pollution_by_axis": {"skin": {"pollution": {"value": 0.5, "interval_95": None, "count": 2}, "floor": None}},
}


def publish_evaluation(db: Database, storage: LocalStorage, new_job: NewJob, adapter_id: str, folder: Path) -> str:
    """Publish figures with their two files."""
    evaluation_id = new_id("evl")
    job_id = new_job("evaluation", state="succeeded", source_adapter_id=adapter_id)
    files: list[StoredFile] = []
    for name in ("evaluation.json", "evaluation.png"):
        (folder / name).write_bytes(name.encode())
        files.append(storage.put(name, f"evaluations/{job_id}/1/{name}", folder / name))
    with db.write() as session:
        add_evaluation(
            session, evaluation_id=evaluation_id, job_id=job_id, adapter_id=adapter_id, figures=FIGURES, files=files
        )
    return evaluation_id


def publish_comparison(db: Database, new_job: NewJob, adapter_ids: list[str]) -> str:
    """Publish a pair that these adapters drew."""
    comparison_id, first = new_id("cmp"), next(iter(adapter_ids), None)
    job = Job(id=new_id("job"), kind="comparison", queue="draw", state="succeeded", source_adapter_id=first, spec={})
    with db.write() as session:
        transitions.enqueue(session, job, adapter_ids)
        add_comparison(
            session, comparison_id=comparison_id, job_id=job.id, adapter_id=first, sample={"seed": 1}, files=[]
        )
    return comparison_id


def test_every_metric_is_told_with_its_meaning_or_what_it_lacks(
    client: TestClient, db: Database, storage: LocalStorage, new_job: NewJob, tmp_path: Path
) -> None:
    adapter_id = add_adapter(db, new_job)
    evaluation_id = publish_evaluation(db, storage, new_job, adapter_id, tmp_path)
    evaluation = client.get(f"{URL}/{evaluation_id}").json()
    assert (evaluation["adapter_id"], evaluation["target"], evaluation["count"]) == (adapter_id, "hat", 2)
    assert evaluation["metrics"] == [
        {
            "name": "pollution",
            "title": "pollution",
            "unit": "share",
            "better": "lower",
            "meaning": "other attributes that the response changes",
            "figure": {"value": 0.25, "interval_95": [0.1, 0.4], "count": 2},
            "missing": None,
        },
        {
            "name": "lpips",
            "title": "LPIPS",
            "unit": "",
            "better": "lower",
            "meaning": "perceptual distance",
            "figure": None,
            "missing": {"reason": "weights missing, none are bundled", "how_to_get": "Get it", "licence": "BSD"},
        },
    ]
    axis = {"axis": "skin", "pollution": {"value": 0.5, "interval_95": None, "count": 2}, "floor": None}
    assert evaluation["pollution_by_axis"] == [axis]
    assert client.get(f"{JOBS}/{evaluation['job_id']}").json()["evaluation_id"] == evaluation_id
    assert client.get(f"{URL}/evl_none").json()["code"] == "evaluation_not_found"


def test_files_of_an_evaluation(
    client: TestClient, db: Database, storage: LocalStorage, new_job: NewJob, tmp_path: Path
) -> None:
    evaluation_id = publish_evaluation(db, storage, new_job, add_adapter(db, new_job), tmp_path)
    files = client.get(f"{URL}/{evaluation_id}").json()["files"]
    figures, sheet = client.get(files["evaluation.json"]), client.get(files["evaluation.png"])
    assert (figures.content, figures.headers["content-type"]) == (b"evaluation.json", "application/json")
    assert figures.headers["content-disposition"] == 'attachment; filename="evaluation.json"'
    assert sheet.headers["content-disposition"].startswith("inline")
    tag = {"If-None-Match": figures.headers["etag"]}
    assert client.get(files["evaluation.json"], headers=tag).status_code == 304
    assert client.get(f"{URL}/{evaluation_id}/files/other").json()["code"] == "evaluation_file_not_found"


def listed(client: TestClient, url: str, **query: Any) -> list[str]:
    """Read a list page by page."""
    answer = client.get(url, params=query).json()
    ids = [row["id"] for row in answer["data"]]
    return ids + (listed(client, url, **(query | {"cursor": answer["next_cursor"]})) if answer["has_more"] else [])


def test_results_are_listed_by_adapter(
    client: TestClient, db: Database, storage: LocalStorage, new_job: NewJob, tmp_path: Path
) -> None:
    one, two = add_adapter(db, new_job), add_adapter(db, new_job)
    figures = [publish_evaluation(db, storage, new_job, adapter_id, tmp_path) for adapter_id in (one, two, one)]
    assert listed(client, URL, limit=2) == figures[::-1]
    assert listed(client, URL, adapter_id=one, limit=1) == [figures[2], figures[0]]
    assert listed(client, URL, adapter_id="adp_none") == []
    pairs = [publish_comparison(db, new_job, adapter_ids) for adapter_ids in ([one], [two, one], [two], [])]
    comparisons = "/api/v1/comparisons"
    assert listed(client, comparisons, limit=3) == pairs[::-1]
    assert listed(client, comparisons, adapter_id=one, limit=1) == [pairs[1], pairs[0]], "first or not"
    assert listed(client, comparisons, adapter_id=two) == [pairs[2], pairs[1]]
    jobs = [client.get(f"{comparisons}/{pair}").json()["job_id"] for pair in pairs]
    assert listed(client, JOBS, adapter_id=one, kind="comparison", status="succeeded") == [jobs[1], jobs[0]]
