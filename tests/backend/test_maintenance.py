"""Relay, reaper and their loop, with a notifier that remembers and with brokers that are away or fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kombu.exceptions import OperationalError
from sqlalchemy import select, update
from starlette.testclient import TestClient

from backend.broker import start_broker
from backend.db import Database, now
from backend.jobs import transitions
from backend.jobs.faults import MAX_LOSSES
from backend.maintenance.loop import maintenance_loop
from backend.maintenance.notifier import CeleryNotifier, Notifier
from backend.maintenance.reaper import Reaper
from backend.maintenance.relay import relay_once
from backend.process_manager import ProcessManager
from backend.settings import Settings
from backend.storage import LocalStorage
from backend.tables import IdempotencyKey, Job, Outbox
from tests.backend.service_fixtures import NewJob, job_row


class RecordingNotifier:
    """Remembers which jobs it was called for; `length` is what the broker would say of its queues."""

    def __init__(self, length: int = 0) -> None:
        self.notified: list[tuple[str, str]] = []
        self.length = length

    def notify(self, queue: str, job_id: str) -> None:
        self.notified.append((queue, job_id))

    def queue_length(self, queue: str) -> int:
        return self.length


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[ProcessManager]:
    """What a broker is started by."""
    manager = ProcessManager(tmp_path / "logs")
    yield manager
    manager.stop()


def test_each_queued_job_is_notified_once_in_order(db: Database, new_job: NewJob) -> None:
    first, second = new_job(), new_job("comparison")
    notifier = RecordingNotifier()
    assert relay_once(db, notifier, resend_s=60.0) == 2
    assert relay_once(db, notifier, resend_s=60.0) == 0
    assert notifier.notified == [("train", first), ("draw", second)]


def test_jobs_that_must_wait_are_not_notified(db: Database, new_job: NewJob) -> None:
    new_job(not_before=4e9)
    running = new_job()
    with db.write() as session:
        transitions.claim(session, running, owner="test", lease_s=60.0)
    canceled = new_job()
    with db.write() as session:
        transitions.request_cancel(session, canceled)
    assert relay_once(db, RecordingNotifier(), resend_s=60.0) == 0


@pytest.mark.parametrize(("length", "sent_again"), [(0, 2), (1, 2), (2, 0)])
def test_lost_messages_are_sent_again_without_flooding(
    db: Database, new_job: NewJob, length: int, sent_again: int
) -> None:
    for _ in range(2):
        new_job()
    notifier = RecordingNotifier(length)
    relay_once(db, notifier, resend_s=60.0)
    with db.write() as session:
        session.execute(update(Outbox).values(sent_at=1.0))
    assert relay_once(db, notifier, resend_s=60.0) == sent_again
    with db.read() as session:
        assert {row.tries for row in session.scalars(select(Outbox))} == {1 + (sent_again > 0)}


def test_a_message_that_could_not_be_sent_is_sent_again(db: Database, new_job: NewJob) -> None:
    class Broken(RecordingNotifier):
        def notify(self, queue: str, job_id: str) -> None:
            raise OperationalError("the broker is away")

    new_job()
    with pytest.raises(OperationalError):
        relay_once(db, Broken(), resend_s=60.0)
    assert relay_once(db, RecordingNotifier(), resend_s=60.0) == 1


def test_the_reaper_moves_only_what_is_over(db: Database, new_job: NewJob) -> None:
    alive, lost = new_job(), new_job()
    with db.write() as session:
        transitions.claim(session, alive, owner="test", lease_s=60.0)
        transitions.claim(session, lost, owner="test", lease_s=0.0)
    time.sleep(0.01)
    assert Reaper(db, patience_s=0.0, max_run_s=1000.0, max_wait_s=1000.0).turn() == 1
    assert (job_row(db, alive).state, job_row(db, lost).state) == ("running", "queued")


def test_a_lease_that_seems_over_may_still_be_prolonged(db: Database, new_job: NewJob) -> None:
    job_id = new_job()
    with db.write() as session:
        claim = transitions.claim(session, job_id, owner="test", lease_s=60.0)
    assert claim is not None
    reaper = Reaper(db, patience_s=0.05, max_run_s=1e9, max_wait_s=1e9)
    for _ in range(MAX_LOSSES):
        with db.write() as session:  # as the clock shows it when a laptop wakes up
            session.execute(update(Job).values(lease_until=now() - 8 * 3600.0))
        assert reaper.turn() == 0
        with db.write() as session:
            assert transitions.heartbeat(session, claim.lease, lease_s=60.0) == "running"
        time.sleep(0.1)
        assert reaper.turn() == 0
    assert job_row(db, job_id).lost_count == 0


def test_the_lengths_of_queues_are_asked_for_once(db: Database, new_job: NewJob) -> None:
    class Counting(RecordingNotifier):
        asked = 0

        def queue_length(self, queue: str) -> int:
            self.asked += 1
            return super().queue_length(queue)

    for _ in range(5):
        new_job()
    notifier = Counting()
    relay_once(db, notifier, resend_s=60.0)
    with db.write() as session:
        session.execute(update(Outbox).values(sent_at=1.0))
    assert relay_once(db, notifier, resend_s=60.0) == 5
    assert notifier.asked == 1


def test_a_broker_that_breaks_off_is_away(processes: ProcessManager, settings: Settings) -> None:
    notifier = CeleryNotifier(start_broker(processes, settings.data_dir))
    assert notifier.queue_length("train") == 0
    processes.stop()
    with pytest.raises(OperationalError):
        notifier.queue_length("train")
    notifier.close()


@contextmanager
def looping(db: Database, notifier: Notifier, settings: Settings) -> Generator[threading.Thread]:
    """The loop at work in a thread; it has ended afterwards."""
    stop = threading.Event()
    storage = LocalStorage(settings.data_dir)
    loop = threading.Thread(target=maintenance_loop, args=(db, storage, notifier, settings, stop))
    loop.start()
    try:
        yield loop
    finally:
        stop.set()
        loop.join()


def test_the_loop_forgets_old_keys(db: Database, settings: Settings, new_job: NewJob) -> None:
    job_id = new_job()
    with db.write() as session:
        for key, age_s in (("old", 86500.0), ("new", 86000.0)):
            session.add(IdempotencyKey(key=key, request_sha256="0", job_id=job_id, created_at=now() - age_s))

    def keys() -> list[str]:
        with db.read() as session:
            return list(session.scalars(select(IdempotencyKey.key)))

    with looping(db, RecordingNotifier(), settings):
        deadline = time.monotonic() + 30.0
        while "old" in keys() and time.monotonic() < deadline:
            time.sleep(0.05)
    assert keys() == ["new"]


def test_no_failure_ends_the_loop(db: Database, settings: Settings, new_job: NewJob) -> None:
    class Moody(RecordingNotifier):
        """Fails in a way that nobody foresaw, then works."""

        failed = threading.Event()
        works = threading.Event()

        def notify(self, queue: str, job_id: str) -> None:
            if not self.failed.is_set():
                self.failed.set()
                raise RuntimeError("a bug")
            super().notify(queue, job_id)
            self.works.set()

    new_job()
    notifier = Moody()
    with looping(db, notifier, settings):
        assert notifier.works.wait(60.0)


def test_orders_are_accepted_while_the_broker_is_away(db: Database, settings: Settings, client: TestClient) -> None:
    notifier = CeleryNotifier("redis://127.0.0.1:1/0")
    with looping(db, notifier, settings) as loop:
        order = {"kind": "comparison", "adapter_id": None, "spec": {"base_text": "a woman", "target": "hat", "seed": 1}}
        answer = client.post("/api/v1/jobs", json=order)
        time.sleep(5 * settings.relay_s)
        assert loop.is_alive()
    notifier.close()
    assert answer.status_code == 202
    assert job_row(db, answer.json()["id"]).state == "queued"


def test_readiness_says_that_orders_are_not_passed_on(db: Database, client: TestClient, new_job: NewJob) -> None:
    job_id = new_job()
    assert client.get("/readyz").status_code == 200
    with db.write() as session:
        session.execute(update(Job).where(Job.id == job_id).values(queued_at=now() - 600.0, not_before=now() - 600.0))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "queue_stalled")
    relay_once(db, RecordingNotifier(), resend_s=60.0)
    assert client.get("/readyz").status_code == 200


def test_readiness_says_that_lost_jobs_are_not_taken_back(
    db: Database, client: TestClient, settings: Settings, new_job: NewJob
) -> None:
    job_id = new_job()
    with db.write() as session:
        transitions.claim(session, job_id, owner="test", lease_s=-600.0)
    assert client.get("/readyz").json()["code"] == "queue_stalled"
    assert Reaper(db, patience_s=0.0, max_run_s=1e9, max_wait_s=1e9).turn() == 1
    assert client.get("/readyz").status_code == 200
