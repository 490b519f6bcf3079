"""The transitions of a job, one by one."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.adapters.repository import add_adapter
from backend.db import Database
from backend.ids import new_id
from backend.jobs import transitions
from backend.jobs.faults import MAX_LOSSES, Fault
from backend.jobs.repository import get_job
from backend.jobs.transitions import Claim, Lease
from backend.tables import FINAL_STATES, LEGAL_TRANSITIONS, Job, JobEvent, Outbox
from tests.backend.service_fixtures import NewJob, job_row

FAULT = Fault("out_of_memory", "The device has too little memory.", "Choose a smaller batch.")


def claim(db: Database, job_id: str, lease_s: float = 60.0) -> Claim | None:
    """Claim a job."""
    with db.write() as session:
        return transitions.claim(session, job_id, owner="test", lease_s=lease_s)


def lease_of(db: Database, job_id: str, lease_s: float = 60.0) -> Lease:
    """Claim a job that can be claimed."""
    claimed = claim(db, job_id, lease_s)
    assert claimed is not None
    return claimed.lease


def _do(db: Database, transition: Callable[[Session], bool]) -> bool:
    with db.write() as session:
        return transition(session)


def _expire(db: Database, job_id: str) -> None:
    with db.write() as session:
        session.execute(update(Job).where(Job.id == job_id).values(lease_until=0.0))


def _outbox_rows(db: Database, job_id: str) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(Outbox).where(Outbox.job_id == job_id)) or 0


def _events(db: Database, job_id: str) -> list[JobEvent]:
    with db.read() as session:
        return list(session.scalars(select(JobEvent).where(JobEvent.job_id == job_id).order_by(JobEvent.seq)))


def test_a_new_job_is_queued_with_its_outbox_row(db: Database, new_job: NewJob) -> None:
    job_id = new_job()
    assert job_row(db, job_id).state == "queued"
    assert _outbox_rows(db, job_id) == 1


def test_claim_takes_the_job_once(db: Database, new_job: NewJob) -> None:
    job_id = new_job()
    claimed = claim(db, job_id)
    assert claimed is not None
    assert (claimed.lease.token, claimed.attempt, claimed.spec["stage1_steps"]) == (1, 1, 10)
    assert claim(db, job_id) is None
    assert _outbox_rows(db, job_id) == 0


@pytest.mark.parametrize(
    "columns",
    [
        {"not_before": 4e9},
        {"cancel_requested_at": 1.0},
        {"attempt": 5},
        {"state": "canceled"},
    ],
)
def test_claim_leaves_a_job_that_is_not_ready(db: Database, new_job: NewJob, columns: dict[str, object]) -> None:
    assert claim(db, new_job(**columns)) is None


def test_heartbeat_prolongs_and_records(db: Database, new_job: NewJob) -> None:
    lease = lease_of(db, new_job(), lease_s=5.0)
    before = job_row(db, lease.job_id).lease_until
    news = {"phase": "stage1", "step": 3, "total": 10, "eta_s": 7.0, "losses": {"denoise": 0.5}}
    with db.write() as session:
        assert transitions.heartbeat(session, lease, lease_s=50.0, progress=news) == "running"
    job = job_row(db, lease.job_id)
    assert job.lease_until is not None
    assert before is not None
    assert job.lease_until > before + 40
    assert (job.phase, job.step, job.losses) == ("stage1", 3, {"denoise": 0.5})
    assert _events(db, lease.job_id)[-1].data["step"] == 3


def test_heartbeat_of_a_lost_lease_writes_nothing(db: Database, new_job: NewJob) -> None:
    lease = lease_of(db, new_job())
    with db.write() as session:
        stale = Lease(lease.job_id, lease.token - 1)
        assert transitions.heartbeat(session, stale, lease_s=50.0, progress={"step": 9}) is None
    assert job_row(db, lease.job_id).step == 0


def test_success_needs_the_token_and_no_cancel(db: Database, new_job: NewJob) -> None:
    lease = lease_of(db, new_job())
    assert not _do(db, lambda session: transitions.succeed(session, Lease(lease.job_id, 7)))
    assert _do(db, lambda session: transitions.request_cancel(session, lease.job_id))
    assert not _do(db, lambda session: transitions.succeed(session, lease))
    assert job_row(db, lease.job_id).state == "canceling"


def test_a_preempted_job_goes_back_without_losing_an_attempt(db: Database, new_job: NewJob) -> None:
    lease = lease_of(db, new_job())
    assert _do(db, lambda session: transitions.release(session, lease))
    job = job_row(db, lease.job_id)
    assert (job.state, job.attempt, job.token, job.owner) == ("queued", 0, 2, None)
    assert _outbox_rows(db, lease.job_id) == 1
    again = lease_of(db, lease.job_id)
    assert again.token == 3


def test_a_crash_waits_before_the_next_attempt(db: Database, new_job: NewJob) -> None:
    lease = lease_of(db, new_job())
    assert _do(db, lambda s: transitions.give_up_attempt(s, lease, retry_delay_s=1000.0, reason="x", fault=FAULT))
    job = job_row(db, lease.job_id)
    assert (job.state, job.lost_count) == ("queued", 1)
    assert job.not_before > job.queued_at + 900
    assert claim(db, lease.job_id) is None


def test_the_reaper_requeues_and_at_last_fails(db: Database, new_job: NewJob) -> None:
    job_id = new_job()
    for losses in range(1, MAX_LOSSES + 1):
        lease = lease_of(db, job_id)
        assert not _do(db, lambda session, held=lease: transitions.reap_lost(session, held))
        _expire(db, job_id)
        assert _do(db, lambda session, held=lease: transitions.reap_lost(session, held))
        assert not _do(db, lambda session, held=lease: transitions.succeed(session, held))
        if losses < MAX_LOSSES:
            assert job_row(db, job_id).state == "queued"
    job = job_row(db, job_id)
    assert (job.state, job.error_code) == ("failed", "worker_lost_repeatedly")
    assert job.error_hint


def test_a_loss_too_many_is_told_with_its_cause(db: Database, new_job: NewJob) -> None:
    lease = lease_of(db, new_job(lost_count=MAX_LOSSES - 1))
    assert _do(db, lambda s: transitions.give_up_attempt(s, lease, retry_delay_s=0.0, reason="x", fault=FAULT))
    assert job_row(db, lease.job_id).error_code == FAULT.code


def test_a_checkpoint_makes_up_for_what_was_lost_before_it(db: Database, new_job: NewJob) -> None:
    lease = lease_of(db, new_job(lost_count=MAX_LOSSES - 1))
    with db.write() as session:
        transitions.record_checkpoint(session, lease, 100)
    assert _do(db, lambda s: transitions.give_up_attempt(s, lease, retry_delay_s=0.0, reason="x", fault=FAULT))
    assert (job_row(db, lease.job_id).state, job_row(db, lease.job_id).lost_count) == ("queued", 1)


def test_an_interrupted_job_keeps_its_place_in_the_line(db: Database, new_job: NewJob) -> None:
    interrupted, waiting = new_job(created_at=1.0), new_job(created_at=2.0)
    lease = lease_of(db, interrupted)
    assert _do(db, lambda session: transitions.release(session, lease))
    with db.read() as session:
        places = {job_id: row.queue_position for job_id in (interrupted, waiting) if (row := get_job(session, job_id))}
    assert places == {interrupted: 1, waiting: 2}
    with db.write() as session:
        session.execute(update(Outbox).values(sent_at=5.0))
        first = transitions.claim_first(session, waiting, owner="test", lease_s=60.0)
    assert first is not None
    assert first.lease.job_id == interrupted
    with db.read() as session:
        assert session.scalars(select(Outbox.sent_at).where(Outbox.job_id == waiting)).one() is None
    with db.write() as session:
        second = transitions.claim_first(session, interrupted, owner="test", lease_s=60.0)
    assert second is not None
    assert second.lease.job_id == waiting


def test_a_message_takes_jobs_of_its_own_queue_only(db: Database, new_job: NewJob) -> None:
    new_job(created_at=1.0)
    drawing = new_job("comparison", created_at=2.0)
    with db.write() as session:
        taken = transitions.claim_first(session, drawing, owner="test", lease_s=60.0)
        assert transitions.claim_first(session, drawing, owner="test", lease_s=60.0) is None
        assert transitions.claim_first(session, "job_none", owner="test", lease_s=60.0) is None
    assert taken is not None
    assert taken.lease.job_id == drawing


def test_a_permanent_error_fails_at_once(db: Database, new_job: NewJob) -> None:
    lease = lease_of(db, new_job())
    assert _do(db, lambda session: transitions.fail(session, lease, FAULT))
    job = job_row(db, lease.job_id)
    assert (job.state, job.error_code, job.error_hint) == ("failed", FAULT.code, FAULT.hint)
    assert job.finished_at is not None


def test_attempts_are_limited(db: Database, new_job: NewJob) -> None:
    lease = lease_of(db, new_job(max_attempts=1))
    assert _do(db, lambda s: transitions.give_up_attempt(s, lease, retry_delay_s=0.0, reason="x", fault=FAULT))
    assert job_row(db, lease.job_id).error_code == "attempts_used_up"


def test_run_and_waiting_times_are_limited(db: Database, new_job: NewJob) -> None:
    lease = lease_of(db, new_job())
    assert not _do(db, lambda session: transitions.reap_overdue(session, lease, max_run_s=1000.0))
    assert _do(db, lambda session: transitions.reap_overdue(session, lease, max_run_s=-1.0))
    assert job_row(db, lease.job_id).error_code == "max_run_time"
    waiting = new_job()
    assert not _do(db, lambda session: transitions.reap_waiting(session, waiting, max_wait_s=1000.0))
    assert _do(db, lambda session: transitions.reap_waiting(session, waiting, max_wait_s=-1.0))
    assert job_row(db, waiting).error_code == "max_wait_time"
    assert _outbox_rows(db, waiting) == 0


def test_cancel_of_a_queued_job_is_immediate(db: Database, new_job: NewJob) -> None:
    job_id = new_job()
    assert _do(db, lambda session: transitions.request_cancel(session, job_id))
    assert job_row(db, job_id).state == "canceled"
    assert claim(db, job_id) is None
    assert _outbox_rows(db, job_id) == 0


def test_cancel_of_a_running_job_is_ended_by_its_worker(db: Database, new_job: NewJob) -> None:
    lease = lease_of(db, new_job())
    assert _do(db, lambda session: transitions.request_cancel(session, lease.job_id))
    with db.write() as session:
        assert transitions.heartbeat(session, lease, lease_s=60.0) == "canceling"
    assert _do(db, lambda session: transitions.finish_cancel(session, lease))
    assert job_row(db, lease.job_id).state == "canceled"


def test_cancel_of_a_running_job_is_ended_by_the_reaper_after_itslease_of(db: Database, new_job: NewJob) -> None:
    lease = lease_of(db, new_job())
    assert _do(db, lambda session: transitions.request_cancel(session, lease.job_id))
    _expire(db, lease.job_id)
    assert _do(db, lambda session: transitions.reap_lost(session, lease))
    assert job_row(db, lease.job_id).state == "canceled"


@pytest.mark.parametrize("final", FINAL_STATES)
def test_nothing_leaves_a_final_state(db: Database, new_job: NewJob, final: str) -> None:
    job_id = new_job(state=final, error_code="x", token=1)
    lease = Lease(job_id, 1)
    every: list[Callable[[Session], bool]] = [
        lambda session: transitions.claim(session, job_id, owner="test", lease_s=1.0) is not None,
        lambda session: transitions.heartbeat(session, lease, lease_s=1.0) is not None,
        lambda session: transitions.succeed(session, lease),
        lambda session: transitions.release(session, lease),
        lambda session: transitions.give_up_attempt(session, lease, retry_delay_s=0.0, reason="x", fault=FAULT),
        lambda session: transitions.fail(session, lease, FAULT),
        lambda session: transitions.request_cancel(session, job_id),
        lambda session: transitions.finish_cancel(session, lease),
        lambda session: transitions.reap_lost(session, lease),
        lambda session: transitions.reap_overdue(session, lease, max_run_s=-1.0),
        lambda session: transitions.reap_waiting(session, job_id, max_wait_s=-1.0),
    ]
    assert not any(_do(db, transition) for transition in every)
    assert job_row(db, job_id).state == final


def test_the_database_itself_refuses_illegal_transitions(db: Database, new_job: NewJob) -> None:
    states = (*LEGAL_TRANSITIONS, *FINAL_STATES)
    for old in states:
        for new in states:
            legal = old == new or new in LEGAL_TRANSITIONS.get(old, ())
            job_id = new_job(state=old, owner="test", lease_until=1.0, error_code="x")
            if legal:
                with db.write() as session:
                    session.execute(text("UPDATE jobs SET state = :new WHERE id = :id"), {"new": new, "id": job_id})
            else:
                with pytest.raises(IntegrityError, match="illegal job transition"), db.write() as session:
                    session.execute(text("UPDATE jobs SET state = :new WHERE id = :id"), {"new": new, "id": job_id})


def test_events_are_numbered_without_gaps(db: Database, new_job: NewJob) -> None:
    lease = lease_of(db, new_job())
    for step in range(5):
        with db.write() as session:
            transitions.heartbeat(session, lease, lease_s=60.0, progress={"step": step})
    _do(db, lambda session: transitions.fail(session, lease, FAULT))
    events = _events(db, lease.job_id)
    assert [event.seq for event in events] == list(range(1, 9))
    assert [event.data["to"] for event in events if event.kind == "state"] == ["queued", "running", "failed"]


def test_one_adapter_per_job_by_constraint(db: Database, new_job: NewJob) -> None:
    job_id = new_job()

    def publish() -> None:
        with db.write() as session:
            add_adapter(
                session, adapter_id=new_id("adp"), job_id=job_id, base="pico", method="spf", target="x", files=[]
            )

    publish()
    with pytest.raises(IntegrityError):
        publish()
