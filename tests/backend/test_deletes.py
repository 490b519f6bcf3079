"""Deleting jobs and results: rows and files go together, and what something depends on stays."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from backend.adapters.repository import add_adapter
from backend.comparisons.repository import add_comparison
from backend.db import Database
from backend.evaluations.repository import add_evaluation
from backend.ids import new_id
from backend.jobs import transitions
from backend.storage import LocalStorage, StoredFile
from backend.tables import Adapter, Base, Job
from spf_portrait.contract.base_info import JUDGE_FOLDER
from tests.backend.service_fixtures import NewJob, job_row

API = "/api/v1"


class Published:
    """Publishes results with real files, and tells what is left of them."""

    def __init__(self, db: Database, storage: LocalStorage, new_job: NewJob, folder: Path) -> None:
        self._db, self._storage, self._new_job, self._folder = db, storage, new_job, folder

    def adapter(self) -> tuple[str, str]:
        """An adapter of a training; return both ids."""
        job_id, adapter_id = self._new_job(state="succeeded"), new_id("adp")
        files = self._stored("adapters", job_id, "adapter.safetensors")
        with self._db.write() as session:
            add_adapter(
                session, adapter_id=adapter_id, job_id=job_id, base="pico", method="spf", target="hat", files=files
            )
        return adapter_id, job_id

    def comparison(self, *adapter_ids: str) -> tuple[str, str]:
        """A pair that these adapters drew; return its id and its job's."""
        job_id, comparison_id = self._job("comparison", adapter_ids), new_id("cmp")
        files = self._stored("comparisons", job_id, "reference.png")
        with self._db.write() as session:
            add_comparison(
                session,
                comparison_id=comparison_id,
                job_id=job_id,
                adapter_id=next(iter(adapter_ids), None),
                sample={},
                files=files,
            )
        return comparison_id, job_id

    def evaluation(self, adapter_id: str) -> tuple[str, str]:
        """Figures of an adapter; return their id and their job's."""
        job_id, evaluation_id = self._job("evaluation", (adapter_id,)), new_id("evl")
        files = self._stored("evaluations", job_id, "evaluation.json")
        with self._db.write() as session:
            add_evaluation(
                session, evaluation_id=evaluation_id, job_id=job_id, adapter_id=adapter_id, figures={}, files=files
            )
        return evaluation_id, job_id

    def rows(self, *tables: str) -> dict[str, int]:
        """How many rows there are."""
        with self._db.read() as session:
            found = Base.metadata.tables
            return {name: session.scalar(select(func.count()).select_from(found[name])) or 0 for name in tables}

    def files(self, *areas: str) -> list[str]:
        """Which files there are."""
        found = (path for area in areas for path in (self._storage.root / area).rglob("*") if path.is_file())
        return sorted(path.relative_to(self._storage.root).as_posix() for path in found)

    def _job(self, kind: str, adapter_ids: tuple[str, ...]) -> str:
        job = Job(id=new_id("job"), kind=kind, queue="draw", state="succeeded", spec={"base": "pico"})
        with self._db.write() as session:
            transitions.enqueue(session, job, adapter_ids)
        return job.id

    def _stored(self, area: str, job_id: str, name: str) -> list[StoredFile]:
        (self._folder / name).write_bytes(b"x")
        return [self._storage.put(name, f"{area}/{job_id}/1/{name}", self._folder / name)]


@pytest.fixture
def published(db: Database, storage: LocalStorage, new_job: NewJob, tmp_path: Path) -> Published:
    """What was published, and more to come."""
    return Published(db, storage, new_job, tmp_path)


def refused(client: TestClient, address: str) -> dict[str, Any]:
    """Ask in vain for a delete; return the problem."""
    answer = client.delete(f"{API}/{address}")
    assert answer.status_code == 409
    assert answer.json()["hint"]
    assert client.get(f"{API}/{address}").status_code == 200
    return answer.json()


def delete(client: TestClient, address: str) -> None:
    """Delete, and see that it is gone."""
    answer = client.delete(f"{API}/{address}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get(f"{API}/{address}").status_code == 404
    assert client.delete(f"{API}/{address}").status_code == 404


def test_a_comparison_goes_with_its_files_and_its_job_stays(client: TestClient, published: Published) -> None:
    gone, job_id = published.comparison()
    kept, kept_job = published.comparison()
    delete(client, f"comparisons/{gone}")
    assert published.rows("comparisons") == {"comparisons": 1}
    assert published.files("comparisons") == [f"comparisons/{kept_job}/1/reference.png"]
    assert client.get(f"{API}/comparisons/{kept}").status_code == 200
    job = client.get(f"{API}/jobs/{job_id}").json()
    assert (job["status"], job["comparison_id"]) == ("succeeded", None)


def test_an_evaluation_goes_with_its_files(client: TestClient, published: Published) -> None:
    adapter_id, _ = published.adapter()
    evaluation_id, job_id = published.evaluation(adapter_id)
    delete(client, f"evaluations/{evaluation_id}")
    assert published.rows("evaluations", "adapters") == {"evaluations": 0, "adapters": 1}
    assert published.files("evaluations") == []
    assert client.get(f"{API}/jobs/{job_id}").json()["evaluation_id"] is None


def test_an_adapter_stays_while_something_was_made_with_it(client: TestClient, published: Published) -> None:
    adapter_id, training = published.adapter()
    other, _ = published.adapter()
    pair, _ = published.comparison(other, adapter_id)
    figures, _ = published.evaluation(adapter_id)
    problem = refused(client, f"adapters/{adapter_id}")
    assert (problem["code"], pair in problem["detail"]) == ("adapter_has_results", True)
    delete(client, f"comparisons/{pair}")
    assert figures in refused(client, f"adapters/{adapter_id}")["detail"]
    delete(client, f"evaluations/{figures}")
    assert f"adapters/{training}/1/adapter.safetensors" in published.files("adapters")
    delete(client, f"adapters/{adapter_id}")
    assert published.rows("adapters") == {"adapters": 1}
    assert len(published.files("adapters")) == 1
    assert client.get(f"{API}/jobs/{training}").json()["adapter_id"] is None
    assert client.get(f"{API}/adapters/{other}").status_code == 200


def test_an_adapter_stays_while_a_job_that_works_with_it_has_not_ended(
    client: TestClient, published: Published, models_dir: Path
) -> None:
    (models_dir / "pico" / JUDGE_FOLDER).mkdir()
    adapter_id, _ = published.adapter()
    order = {"kind": "evaluation", "adapter_id": adapter_id}
    job_id = client.post(f"{API}/jobs", json=order).json()["id"]
    problem = refused(client, f"adapters/{adapter_id}")
    assert (problem["code"], job_id in problem["detail"]) == ("adapter_in_use", True)
    client.post(f"{API}/jobs/{job_id}/cancel")
    delete(client, f"adapters/{adapter_id}")
    retried = client.post(f"{API}/jobs/{job_id}/retry")
    assert (retried.status_code, retried.json()["code"]) == (404, "adapter_not_found")
    assert client.get(f"{API}/jobs", params={"status": "queued"}).json()["data"] == []


@pytest.mark.parametrize("state", ["queued", "running", "canceling"])
def test_a_job_that_has_not_ended_stays(client: TestClient, db: Database, new_job: NewJob, state: str) -> None:
    job_id = new_job()
    with db.write() as session:
        if state != "queued":
            transitions.claim(session, job_id, owner="test", lease_s=60.0)
        if state == "canceling":
            transitions.request_cancel(session, job_id)
    problem = refused(client, f"jobs/{job_id}")
    assert (problem["code"], state in problem["detail"]) == ("job_not_ended", True)
    assert job_row(db, job_id).state == state


def test_a_job_stays_while_its_result_is_there(client: TestClient, db: Database, published: Published) -> None:
    adapter_id, job_id = published.adapter()
    problem = refused(client, f"jobs/{job_id}")
    assert (problem["code"], adapter_id in problem["hint"]) == ("job_has_result", True)
    delete(client, f"adapters/{adapter_id}")
    delete(client, f"jobs/{job_id}")
    with db.read() as session:
        assert session.get(Adapter, adapter_id) is None


def test_an_ended_job_goes_with_all_that_is_about_it(
    client: TestClient, storage: LocalStorage, published: Published
) -> None:
    pair = {"kind": "comparison", "spec": {"base_text": "a woman", "target": "hat"}}
    key = {"Idempotency-Key": "again"}
    gone, kept = (client.post(f"{API}/jobs", json=pair, headers=head).json()["id"] for head in (key, {}))
    client.post(f"{API}/jobs/{gone}/cancel")
    for job_id in (gone, kept):
        for name in (f"logs/{job_id}.1.log", f"checkpoints/{job_id}/1/steps.json"):
            storage.path(name).parent.mkdir(parents=True, exist_ok=True)
            storage.path(name).write_bytes(b"x")
    delete(client, f"jobs/{gone}")
    tables = ("jobs", "job_events", "outbox", "idempotency_keys", "job_adapters")
    assert published.rows(*tables) == dict(zip(tables, (1, 1, 1, 0, 0), strict=True))
    assert published.files("logs", "checkpoints") == [f"checkpoints/{kept}/1/steps.json", f"logs/{kept}.1.log"]
    again = client.post(f"{API}/jobs", json=pair, headers=key)
    assert (again.status_code, again.json()["id"] != gone) == (202, True)


def test_a_job_stays_while_a_retry_may_go_on_from_it(client: TestClient, db: Database, new_job: NewJob) -> None:
    first = new_job(state="failed", error_code="x")
    second = new_job(state="failed", error_code="x", parent_id=first)
    retry = client.post(f"{API}/jobs/{second}/retry").json()["id"]
    for job_id in (first, second):
        problem = refused(client, f"jobs/{job_id}")
        assert (problem["code"], retry in problem["detail"]) == ("job_is_retried", True)
    client.post(f"{API}/jobs/{retry}/cancel")
    delete(client, f"jobs/{second}")
    assert job_row(db, retry).parent_id is None
    assert job_row(db, first).state == "failed"


def test_a_retry_of_a_job_that_is_deleted_meanwhile_is_refused(
    client: TestClient, new_job: NewJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = new_job(state="failed", error_code="x")

    def delete_meanwhile(*_: object) -> None:
        delete(client, f"jobs/{job_id}")

    monkeypatch.setattr("backend.jobs.orders.find_base", delete_meanwhile)
    retried = client.post(f"{API}/jobs/{job_id}/retry")
    assert (retried.status_code, retried.json()["code"]) == (404, "job_not_found")


def test_race_of_an_order_and_a_delete(client: TestClient, published: Published, models_dir: Path) -> None:
    (models_dir / "pico" / JUDGE_FOLDER).mkdir()
    for _ in range(10):
        adapter_id, _training = published.adapter()
        answers: dict[str, int] = {}

        def order(adapter_id: str = adapter_id, answers: dict[str, int] = answers) -> None:
            body = {"kind": "evaluation", "adapter_id": adapter_id}
            answers["order"] = client.post(f"{API}/jobs", json=body).status_code

        def remove(adapter_id: str = adapter_id, answers: dict[str, int] = answers) -> None:
            answers["delete"] = client.delete(f"{API}/adapters/{adapter_id}").status_code

        threads = [threading.Thread(target=work) for work in (order, remove)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (answers["order"], answers["delete"]) in {(202, 409), (404, 204)}
