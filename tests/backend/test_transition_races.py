"""What happens when two transitions of a job are tried at once."""

import threading
import time
from collections.abc import Callable

from sqlalchemy import func, select

from backend.adapters.repository import add_adapter
from backend.db import Database
from backend.ids import new_id
from backend.jobs import transitions
from backend.jobs.transitions import Lease
from backend.settings import Settings
from backend.tables import Adapter
from tests.backend.service_fixtures import NewJob, job_row
from tests.backend.test_transitions import claim, lease_of


def all_at_once(settings: Settings, workers: int, work: Callable[[Database, int], None]) -> None:
    """Run `work` in threads that start together, each with its own connection."""
    barrier = threading.Barrier(workers)
    failures: list[BaseException] = []

    def run(number: int) -> None:
        own = Database(settings.sqlalchemy_url)
        try:
            barrier.wait()
            work(own, number)
        except BaseException as error:  # handed to the test's thread
            failures.append(error)
        finally:
            own.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_race_of_claims(db: Database, new_job: NewJob, settings: Settings) -> None:
    jobs = [new_job("comparison") for _ in range(30)]
    taken: list[str] = []

    def take_all(own: Database, number: int) -> None:
        for job_id in jobs if number % 2 else reversed(jobs):
            if claim(own, job_id) is not None:
                taken.append(job_id)

    all_at_once(settings, 6, take_all)
    assert sorted(taken) == sorted(jobs)
    assert {job_row(db, job_id).token for job_id in jobs} == {1}


def test_race_of_cancel_and_success(db: Database, new_job: NewJob, settings: Settings) -> None:
    for _ in range(25):
        lease = lease_of(db, new_job())

        def finish_or_cancel(own: Database, number: int, lease: Lease = lease) -> None:
            if number == 0:
                with own.write() as session:
                    transitions.request_cancel(session, lease.job_id)
                return
            with own.write() as session:
                if transitions.succeed(session, lease):
                    add_adapter(
                        session,
                        adapter_id=new_id("adp"),
                        job_id=lease.job_id,
                        base="pico",
                        method="spf",
                        target="x",
                        files=[],
                    )
                    return
            with own.write() as session:
                assert transitions.finish_cancel(session, lease)

        all_at_once(settings, 2, finish_or_cancel)
        with db.read() as session:
            adapters = session.scalar(select(func.count()).select_from(Adapter).where(Adapter.job_id == lease.job_id))
        assert (job_row(db, lease.job_id).state, adapters) in {("succeeded", 1), ("canceled", 0)}


def test_race_of_reapers(db: Database, new_job: NewJob, settings: Settings) -> None:
    leases = [lease_of(db, new_job("comparison"), lease_s=0.0) for _ in range(20)]
    time.sleep(0.01)
    moved: list[str] = []

    def reap_all(own: Database, _: int) -> None:
        for lease in leases:
            with own.write() as session:
                if transitions.reap_lost(session, lease):
                    moved.append(lease.job_id)

    all_at_once(settings, 3, reap_all)
    assert sorted(moved) == sorted(lease.job_id for lease in leases)
    assert {job_row(db, lease.job_id).lost_count for lease in leases} == {1}


def test_race_of_late_worker_and_reaper(db: Database, new_job: NewJob, settings: Settings) -> None:
    for _ in range(20):
        lease = lease_of(db, new_job(), lease_s=0.0)
        winners: list[str] = []

        def finish_or_reap(own: Database, number: int, lease: Lease = lease, winners: list[str] = winners) -> None:
            with own.write() as session:
                transition = transitions.succeed if number else transitions.reap_lost
                if transition(session, lease):
                    winners.append(transition.__name__)

        all_at_once(settings, 2, finish_or_reap)
        state = {"succeed": "succeeded", "reap_lost": "queued"}
        assert len(winners) == 1
        assert job_row(db, lease.job_id).state == state[winners[0]]
