"""Many at once, each with a connection of its own; and the few interleavings that only PostgreSQL allows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from backend.context import Context
from backend.datasets import repository
from backend.datasets.changing import change_item
from backend.datasets.freezing import freeze_dataset
from backend.datasets.schemas import ItemChange
from backend.db import Database
from backend.jobs import transitions
from backend.jobs.service import cancel_job
from backend.jobs.transitions import Claim, orders
from backend.maintenance.reaper import Reaper
from backend.maintenance.relay import relay_once
from backend.settings import Settings
from backend.storage import LocalStorage
from backend.tables import Dataset, DatasetItem, DatasetVersion, Job, JobEvent, Outbox
from tests.backend.service_fixtures import ON_POSTGRESQL_ALONE, NewJob, job_row

MANY = 12

Value = TypeVar("Value")


def at_once(settings: Settings, work: Callable[[Database], Value], workers: int = MANY) -> list[Value]:
    """Have threads that start together do the same work, each on a database of its own; return what came of it."""
    barrier = threading.Barrier(workers)
    results: list[Value] = []
    failures: list[BaseException] = []

    def run() -> None:
        own = Database(settings.sqlalchemy_url)
        try:
            barrier.wait()
            results.append(work(own))
        except BaseException as error:  # handed to the test's thread
            failures.append(error)
        finally:
            own.close()

    threads = [threading.Thread(target=run) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    return results


def in_between(work: Callable[[], object]) -> threading.Thread:
    """Have work done on the side; give it the time that it takes when nothing holds it up."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(1.0)
    return thread


@pytest.mark.parametrize("claim", [transitions.claim, transitions.claim_first])
def test_one_of_many_claims_a_job(
    db: Database, settings: Settings, new_job: NewJob, claim: Callable[..., Claim | None]
) -> None:
    job_id = new_job("comparison")

    def take(own: Database) -> Claim | None:
        with own.write() as session:
            return claim(session, job_id, owner="test", lease_s=60.0)

    assert len([taken for taken in at_once(settings, take) if taken is not None]) == 1
    job = job_row(db, job_id)
    assert (job.state, job.token, job.attempt, job.last_event_seq) == ("running", 1, 1, 2)


def test_many_workers_take_as_many_jobs(db: Database, settings: Settings, new_job: NewJob) -> None:
    jobs = [new_job("comparison") for _ in range(MANY)]

    def take(own: Database) -> str:
        with own.write() as session:
            taken = transitions.claim_first(session, jobs[-1], owner="test", lease_s=60.0)
        assert taken is not None
        return taken.lease.job_id

    assert sorted(at_once(settings, take)) == sorted(jobs)


def test_many_reapers_take_a_job_back_once(db: Database, settings: Settings, new_job: NewJob) -> None:
    job_id = new_job("comparison")
    with db.write() as session:
        transitions.claim(session, job_id, owner="test", lease_s=0.0)
    time.sleep(0.01)

    def reap(own: Database) -> int:
        return Reaper(own, patience_s=0.0, max_run_s=1e9, max_wait_s=1e9).turn()

    assert sum(at_once(settings, reap)) == 1
    job = job_row(db, job_id)
    assert (job.state, job.lost_count, job.token) == ("queued", 1, 2)
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(Outbox)) == 1


def test_many_orders_with_one_key_make_one_job(client: TestClient, db: Database) -> None:
    order = {"kind": "comparison", "spec": {"base_text": "a woman", "target": "hat", "seed": 1}}
    barrier = threading.Barrier(MANY)
    answers: list[tuple[int, str]] = []

    def post() -> None:
        barrier.wait()
        answer = client.post("/api/v1/jobs", json=order, headers={"Idempotency-Key": "same"})
        answers.append((answer.status_code, str(answer.json().get("id"))))

    threads = [threading.Thread(target=post) for _ in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in answers) == [200] * (MANY - 1) + [202]
    with db.read() as session:
        assert {job_id for _, job_id in answers} == set(session.scalars(select(Job.id)))


def test_many_who_freeze_a_set_get_one_version(
    db: Database, settings: Settings, storage: LocalStorage, new_job: NewJob
) -> None:
    new_job()
    with db.write() as session:
        session.execute(update(Job).values(dataset_version_id=None))
        session.query(DatasetVersion).delete()
        dataset_id = session.scalars(select(Dataset.id)).one()
    versions = at_once(settings, lambda own: freeze_dataset(Context(settings, own, storage), dataset_id).id)
    assert len(set(versions)) == 1


class SlowNotifier:
    """Takes its time, as a broker far away does."""

    def __init__(self) -> None:
        self.notified: list[str] = []

    def notify(self, queue: str, job_id: str) -> None:
        time.sleep(0.05)
        self.notified.append(job_id)

    def queue_length(self, queue: str) -> int:
        return 0


@ON_POSTGRESQL_ALONE
def test_of_many_relays_one_sends(db: Database, settings: Settings, new_job: NewJob) -> None:
    jobs = [new_job("comparison") for _ in range(5)]
    notifier = SlowNotifier()
    at_once(settings, lambda own: relay_once(own, notifier, resend_s=60.0), workers=4)
    assert sorted(notifier.notified) == sorted(jobs)


@ON_POSTGRESQL_ALONE
def test_a_cancel_is_not_lost_between_two_states(
    db: Database, settings: Settings, storage: LocalStorage, new_job: NewJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = new_job()
    with db.write() as session:
        claim = transitions.claim(session, job_id, owner="test", lease_s=60.0)
    assert claim is not None
    released: list[bool] = []
    aside: list[threading.Thread] = []
    move = orders.change_state

    def release() -> None:
        with db.write() as session:
            released.append(transitions.release(session, claim.lease))

    def slowly(session: Session, job_id: str, to: str, **options: Any) -> bool:
        moved = move(session, job_id, to, **options)
        if to == "canceled":
            aside.append(in_between(release))
        return moved

    monkeypatch.setattr(orders, "change_state", slowly)
    assert cancel_job(Context(settings, db, storage), job_id).status == "canceling"
    aside[0].join()
    assert released == [False]


@ON_POSTGRESQL_ALONE
def test_a_set_that_is_changed_while_it_is_frozen_is_a_draft_again(
    db: Database, settings: Settings, storage: LocalStorage, new_job: NewJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_job()
    with db.read() as session:
        item = session.scalars(select(DatasetItem)).first()
    assert item is not None
    context = Context(settings, db, storage)
    aside: list[threading.Thread] = []
    list_items = repository.list_items

    def change() -> None:
        change_item(context, item.dataset_id, item.id, ItemChange(base=["a man"], target="blonde hair"), None)

    def slowly(session: Any, dataset_id: str) -> Any:
        items = list_items(session, dataset_id)
        aside.append(in_between(change))
        return items

    monkeypatch.setattr(repository, "list_items", slowly)
    freeze_dataset(context, item.dataset_id)
    aside[0].join()
    with db.read() as session:
        assert session.get_one(Dataset, item.dataset_id).version_id is None


@ON_POSTGRESQL_ALONE
def test_two_workers_with_each_others_message_do_not_wait_for_each_other(db: Database, new_job: NewJob) -> None:
    first, second = new_job("comparison", created_at=1.0), new_job("comparison", created_at=2.0)
    taken: list[str] = []

    def take_first_by_the_message_of_second() -> None:
        with db.write() as session:
            claim = transitions.claim_first(session, second, owner="test", lease_s=60.0)
            assert claim is not None
            taken.append(claim.lease.job_id)

    with db.write() as session:
        assert transitions.claim(session, second, owner="test", lease_s=60.0)
        thread = in_between(take_first_by_the_message_of_second)
        assert not thread.is_alive()
    assert taken == [first]


def test_events_of_many_writers_have_numbers_without_gaps(db: Database, settings: Settings, new_job: NewJob) -> None:
    job_id = new_job("comparison")

    def tell(own: Database) -> None:
        for step in range(5):
            with own.write() as session:
                transitions.add_event(session, job_id, "progress", {"step": step})

    at_once(settings, tell, workers=4)
    with db.read() as session:
        numbers = session.scalars(select(JobEvent.seq).where(JobEvent.job_id == job_id).order_by(JobEvent.seq)).all()
    assert numbers == list(range(1, 22))
