"""/metrics, as Prometheus reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update
from starlette.testclient import TestClient

from backend.db import Database
from backend.jobs import transitions
from backend.jobs.faults import Fault
from backend.jobs.transitions import Lease
from backend.main import create_app
from backend.settings import Settings
from backend.tables import Job
from tests.backend.service_fixtures import NewJob

FAULT = Fault("out_of_memory", "The device has too little memory.", "Choose a smaller batch.")


def _figures(client: TestClient) -> dict[tuple[str, ...], float]:
    """Read all samples, by name and the values of their labels in the order of the labels' names."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def _claim(db: Database, job_id: str) -> Lease:
    with db.write() as session:
        claim = transitions.claim(session, job_id, owner="test", lease_s=60.0)
    assert claim is not None
    return claim.lease


def test_jobs_and_the_queue_are_read_from_the_records(client: TestClient, db: Database, new_job: NewJob) -> None:
    before = _figures(client)
    assert before["spf_queue_depth", "training"] == before["spf_jobs", "comparison", "failed"] == 0
    new_job()
    _claim(db, new_job("comparison"))
    for _ in range(2):
        new_job("comparison")
    new_job("evaluation")
    after = _figures(client)
    assert (after["spf_queue_depth", "training"], after["spf_queue_depth", "comparison"]) == (1, 2)
    assert (after["spf_queue_depth", "evaluation"], after["spf_jobs", "evaluation", "queued"]) == (1, 1)
    assert (after["spf_jobs", "comparison", "queued"], after["spf_jobs", "comparison", "running"]) == (2, 1)
    assert after["spf_database_up",] == 1


def test_waiting_and_running_times(client: TestClient, db: Database, new_job: NewJob) -> None:
    for ran_s in (2.0, 70.0):
        job_id = new_job("comparison", state="succeeded")
        with db.write() as session:
            times = {"created_at": 1000.0, "started_at": 1010.0, "finished_at": 1010.0 + ran_s}
            session.execute(update(Job).where(Job.id == job_id).values(times))
    new_job("comparison")
    found = _figures(client)
    wait, run = "spf_job_wait_seconds", "spf_job_run_seconds"
    assert (found[f"{wait}_count", "comparison"], found[f"{wait}_sum", "comparison"]) == (2, 20.0)
    assert (found[f"{wait}_bucket", "comparison", "5.0"], found[f"{wait}_bucket", "comparison", "15.0"]) == (0, 2)
    ended = ("comparison", "succeeded")
    bounds = {
        bound: found[f"{run}_bucket", "comparison", bound, "succeeded"] for bound in ("1.0", "5.0", "60.0", "+Inf")
    }
    assert bounds == {"1.0": 0, "5.0": 1, "60.0": 1, "+Inf": 2}
    assert (found[f"{run}_count", *ended], found[f"{run}_sum", *ended]) == (2, 72.0)


def test_losses_and_failures(client: TestClient, db: Database, new_job: NewJob) -> None:
    lost, preempted, failed = (_claim(db, new_job("comparison")) for _ in range(3))
    with db.write() as session:
        transitions.give_up_attempt(session, lost, retry_delay_s=0.0, reason="trainer_hung", fault=FAULT)
        transitions.release(session, preempted)
        transitions.fail(session, failed, FAULT)
    again = _claim(db, lost.job_id)
    with db.write() as session:
        session.execute(update(Job).where(Job.id == again.job_id).values(lease_until=1.0))
        transitions.record_checkpoint(session, again, 10)  # which makes up for the loss, but does not undo it
        transitions.reap_lost(session, again)
    found = {names[1:]: value for names, value in _figures(client).items() if names[0] == "spf_job_losses_total"}
    assert found == {("comparison", "trainer_hung"): 1, ("comparison", "worker_lost"): 1}
    assert _figures(client)["spf_job_failures_total", "out_of_memory", "comparison"] == 1


def test_requests_are_counted_by_route(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("backend.bases.service.list_bases", fail)
    for path in ("jobs/job_1", "jobs/job_2", "bases", "nothing"):
        client.get(f"/api/v1/{path}")
    client.request("BREW", "/api/v1/nothing")
    client.get("/healthz", headers={"Host": "evil.example"})
    found = _figures(client)
    requests = {names[1:]: value for names, value in found.items() if names[0] == "spf_http_requests_total"}
    assert requests["GET", "/api/v1/jobs/{job_id}", "404"] == 2
    assert requests["GET", "/api/v1/bases", "500"] == 1
    assert requests["GET", "none", "400"] == 1
    assert "BREW" not in {method for method, *_ in requests}
    assert sum(value for names, value in requests.items() if names[0] == "other") == 1
    assert found["spf_http_request_seconds_count", "GET", "/api/v1/jobs/{job_id}"] == 2
    assert found["spf_http_request_seconds_sum", "GET", "/api/v1/jobs/{job_id}"] > 0


def test_two_applications_count_for_themselves(settings: Settings, client: TestClient) -> None:
    client.get("/healthz")
    with TestClient(create_app(settings)) as other:
        assert ("spf_http_requests_total", "GET", "/healthz", "200") not in _figures(other)


def test_without_a_database_the_other_figures_stay(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = Settings(data_dir=tmp_path_factory.mktemp("empty"), host_names=("testserver",))
    with TestClient(create_app(settings)) as client:
        client.get("/healthz")
        found = _figures(client)
    assert found["spf_database_up",] == 0
    assert found["spf_http_requests_total", "GET", "/healthz", "200"] == 1
    assert not any(name.startswith("spf_job") for name, *_ in found)


def test_without_a_database_a_studio_that_others_can_reach_shows_nothing(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, host="0.0.0.0", host_names=("testserver",))
    with TestClient(create_app(settings)) as client:
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"Authorization": "Bearer spf_a_b"}).status_code == 503
