"""The relay and the reaper, with a notifier that remembers and with a broker that is away."""

from __future__ import annotations

import threading
import time

import pytest
from kombu.exceptions import OperationalError
from sqlalchemy import select, update
from starlette.testclient import TestClient

from backend.db import Database
from backend.jobs import transitions
from backend.queue import CeleryNotifier, maintenance_loop, reap_once, relay_once
from backend.settings import Settings
from backend.tables import Outbox
from tests.backend.service_fixtures import NewJob, job_row


class RecordingNotifier:
    """Remembers which jobs it was called for; `length` is what the broker would say of its queues."""

    def __init__(self, length: int = 0) -> None:
        self.notified: list[tuple[str, str]] = []
        self.length = length

    def notify(self, kind: str, job_id: str) -> None:
        self.notified.append((kind, job_id))

    def queue_length(self, kind: str) -> int:
        return self.length


def test_each_queued_job_is_notified_once_in_order(db: Database, new_job: NewJob) -> None:
    first, second = new_job(), new_job("comparison")
    notifier = RecordingNotifier()
    assert relay_once(db, notifier, resend_s=60.0) == 2
    assert relay_once(db, notifier, resend_s=60.0) == 0
    assert notifier.notified == [("training", first), ("comparison", second)]


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
        def notify(self, kind: str, job_id: str) -> None:
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
    assert reap_once(db, max_run_s=1000.0, max_wait_s=1000.0) == 1
    assert (job_row(db, alive).state, job_row(db, lost).state) == ("running", "queued")


def test_orders_are_accepted_while_the_broker_is_away(db: Database, settings: Settings, client: TestClient) -> None:
    notifier = CeleryNotifier("redis://127.0.0.1:1/0")
    stop = threading.Event()
    loops = threading.Thread(target=maintenance_loop, args=(db, notifier, settings, stop))
    loops.start()
    order = {"kind": "comparison", "adapter_id": None, "spec": {"base_text": "a woman", "target": "hat", "seed": 1}}
    answer = client.post("/api/v1/jobs", json=order)
    time.sleep(5 * settings.relay_s)
    assert loops.is_alive()
    stop.set()
    loops.join()
    notifier.close()
    assert answer.status_code == 202
    assert job_row(db, answer.json()["id"]).state == "queued"
