"""Log lines: for people and for programs, with the ids to look for, and without what is nobody's business."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from backend.db import Database
from backend.jobs import transitions
from backend.logs import configure_logs, log_context
from backend.maintenance.notifier import Notifier
from backend.maintenance.reaper import Reaper
from backend.maintenance.relay import relay_once
from backend.settings import load_settings
from backend.start_error import StartError
from tests.backend.service_fixtures import NewJob

log = logging.getLogger("backend.test")

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def kept_logging() -> Iterator[None]:
    """What a test sets up for the log is undone."""
    root, levels = logging.getLogger(), {name: logging.getLogger(name).level for name in ("backend", "worker")}
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """A function that reads the JSON lines written so far."""
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    configure_logs("json", "INFO")
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_request_has_one_line(client: TestClient, lines: Lines, new_job: NewJob) -> None:
    job_id = new_job()
    answer = client.get(f"/api/v1/jobs/{job_id}?cursor=secret", headers={"Cookie": "spf_session=secret"})
    (line,) = lines()
    assert line["request_id"] == answer.headers["x-request-id"]
    assert (line["method"], line["path"], line["status"]) == ("GET", f"/api/v1/jobs/{job_id}", 200)
    assert (line["route"], line["job_id"], line["level"]) == ("/api/v1/jobs/{job_id}", job_id, "INFO")
    assert 0 < line["wait_s"] < 60
    assert line["time"].endswith("+00:00")
    assert "secret" not in json.dumps(line)


@pytest.mark.parametrize(
    ("method", "path", "status", "route"),
    [
        ("HEAD", "/api/v1/jobs/job_none", 404, "/api/v1/jobs/{job_id}"),
        ("GET", "/api/v1/nothing", 404, "/api/{rest}"),
        ("PUT", "/api/v1/jobs", 405, "/api/{rest}"),
    ],
)
def test_refused_requests_have_their_line_too(
    client: TestClient, lines: Lines, method: str, path: str, status: int, route: str
) -> None:
    client.request(method, path)
    client.request(method, path, headers={"Host": "evil.example"})
    served, refused = lines()
    assert (served["method"], served["status"], served["route"]) == (method, status, route)
    assert (refused["status"], refused["route"]) == (400, "none")


def test_a_failure_is_told_with_its_request_and_trace(
    client: TestClient, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("no postgresql://spf:hunter2@db/studio")

    monkeypatch.setattr("backend.bases.service.list_bases", fail)
    answer = client.get("/api/v1/bases")
    failure, request = lines()
    assert failure["request_id"] == request["request_id"] == answer.json()["request_id"]
    assert "RuntimeError" in failure["exception"]
    assert "hunter2" not in failure["exception"]
    assert request["status"] == 500


def test_an_order_can_be_followed_by_its_job(
    client: TestClient, db: Database, lines: Lines, quiet_notifier: Notifier
) -> None:
    order = {"kind": "comparison", "spec": {"base_text": "a woman", "target": "hat", "seed": 1}}
    answer = client.post("/api/v1/jobs", json=order)
    job_id = answer.json()["id"]
    relay_once(db, quiet_notifier, resend_s=60.0)
    with db.write() as session:
        transitions.claim(session, job_id, owner="test", lease_s=-1.0)
    Reaper(db, patience_s=0.0, max_run_s=1e9, max_wait_s=1e9).turn()
    told = [line for line in lines() if line.get("job_id") == job_id]
    loggers = ["jobs.orders", "maintenance.relay", "maintenance.reaper"]
    assert [line["logger"].removeprefix("backend.") for line in told] == loggers
    assert told[0]["request_id"] == answer.headers["x-request-id"]
    assert told[2]["level"] == "WARNING"


@pytest.fixture
def quiet_notifier() -> Notifier:
    """A broker that takes everything."""

    class Quiet:
        def notify(self, queue: str, job_id: str) -> None: ...

        def queue_length(self, queue: str) -> int:
            return 0

    return Quiet()


def test_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("text", "INFO")
    with log_context(job_id="job_1"):
        log.info("one\r\nINFO two \x1b[31m %s", "redis://:hunter2@h/0")
    log.debug("not asked for")
    logging.getLogger("somebody.else").info("not ours")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(r"INFO backend.test: one\r\nINFO two \x1b[31m redis://:***@h/0 job_id=job_1")


def test_a_path_cannot_write_a_line_of_its_own(client: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("text", "INFO")
    client.get("/api/v1/jobs/x%0aERROR%20all%20is%20lost%1b[2J")
    (line,) = capsys.readouterr().err.splitlines()
    assert "INFO backend.request_layer: GET" in line
    assert "\x1b" not in line


@pytest.mark.parametrize("name", ["SPF_LOG_FORMAT", "SPF_LOG_LEVEL"])
def test_unknown_choices_are_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "loud")
    with pytest.raises(StartError, match=f"{name}: Input should be"):
        load_settings()
