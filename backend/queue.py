"""Queue maintenance: the relay sends messages for queued jobs, the reaper finds jobs whose worker is gone.

`python -m backend.queue` runs both as a process of its own; the studio runs them in a thread. They may run any number
of times at once: a second message for a job finds nothing to claim, and every transition of the reaper is guarded.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol, cast

from celery import Celery
from kombu.exceptions import OperationalError as BrokerError
from sqlalchemy import or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from backend.db import Database, now
from backend.jobs import transitions
from backend.jobs.transitions import Lease
from backend.settings import Settings
from backend.tables import Job, Outbox

log = logging.getLogger(__name__)

TASK_OF_KIND = {"training": ("worker.run_training", "train"), "comparison": ("worker.run_comparison", "draw")}
"""Kind of job → name of the worker's task, queue."""

_BATCH = 100


class Notifier(Protocol):
    """Tells the workers that a job may be there to be claimed."""

    def notify(self, kind: str, job_id: str) -> None:
        """Send the message; it carries the job's id only."""
        ...

    def queue_length(self, kind: str) -> int:
        """Return how many messages of this kind no worker has taken yet."""
        ...


class CeleryNotifier:
    """Notifies by Celery's messages.

    Args:
        redis_url: the broker.
    """

    def __init__(self, redis_url: str) -> None:
        # Celery has no type information; this class is the typed edge around it.
        self._celery = cast(Any, Celery("backend", broker=redis_url))
        self._celery.conf.update(
            task_ignore_result=True,
            broker_connection_retry=False,
            # A broker that is away is tried again at the relay's next turn, not inside a call.
            broker_transport_options={
                "socket_connect_timeout": 2,
                "socket_timeout": 5,
                "max_retries": 1,
                "interval_start": 0,
                "interval_step": 0,
            },
        )

    def notify(self, kind: str, job_id: str) -> None:
        """Send the message; raises kombu's OperationalError when the broker is away."""
        task, queue = TASK_OF_KIND[kind]
        self._celery.send_task(task, args=[job_id], queue=queue, ignore_result=True, retry=False)

    def queue_length(self, kind: str) -> int:
        """Ask the broker for the length of the queue."""
        queue = TASK_OF_KIND[kind][1]
        with self._celery.connection_for_write() as connection:
            return int(connection.default_channel.client.llen(queue))

    def close(self) -> None:
        """Close the connections."""
        self._celery.close()


def relay_once(db: Database, notifier: Notifier, *, resend_s: float) -> int:
    """Send a message for every queued job that had none yet, and another for those whose message may be lost.

    A message is sent before its row is marked: a crash in between sends it twice, never not at all.

    Returns:
        How many messages were sent.
    """
    with db.read() as session:
        fresh = _due(session, Outbox.sent_at.is_(None))
        stale = _due(session, Outbox.sent_at < now() - resend_s)
    # While messages still wait in the broker, the stale ones are most likely among them: do not flood a long queue.
    again = [(job_id, kind) for job_id, kind in stale if stale and notifier.queue_length(kind) < len(stale)]
    for job_id, kind in (*fresh, *again):
        notifier.notify(kind, job_id)
        with db.write() as session:
            session.execute(
                update(Outbox)
                .where(Outbox.job_id == job_id)
                .values(sent_at=now(), tries=Outbox.tries + 1)
                .execution_options(synchronize_session=False)
            )
    return len(fresh) + len(again)


def reap_once(db: Database, *, max_run_s: float, max_wait_s: float) -> int:
    """Take back jobs whose lease is over, and end jobs that run or wait too long.

    Returns:
        How many jobs changed their state by this call.
    """
    active = Job.state.in_(("running", "canceling"))
    with db.read() as session:
        lost = session.execute(select(Job.id, Job.token).where(active, Job.lease_until < now())).all()
        overdue = session.execute(
            select(Job.id, Job.token).where(Job.state == "running", Job.claimed_at + max_run_s < now())
        ).all()
        waiting = session.scalars(select(Job.id).where(Job.state == "queued", Job.queued_at + max_wait_s < now())).all()
    due: list[Callable[[Session], bool]] = [
        *(_bind(transitions.reap_lost, Lease(job_id, token)) for job_id, token in lost),
        *(_bind(transitions.reap_overdue, Lease(job_id, token), max_run_s=max_run_s) for job_id, token in overdue),
        *(_bind(transitions.reap_waiting, job_id, max_wait_s=max_wait_s) for job_id in waiting),
    ]
    moved = 0
    for transition in due:
        with db.write() as session:
            moved += transition(session)
    return moved


def maintenance_loop(db: Database, notifier: Notifier, settings: Settings, stop: threading.Event) -> None:
    """Relay and reap until `stop` is set; a broker or database that is away is tried again at the next turn."""
    while not stop.wait(settings.relay_s):
        try:
            reap_once(db, max_run_s=settings.max_run_s, max_wait_s=settings.max_wait_s)
            relay_once(db, notifier, resend_s=settings.resend_s)
        except (SQLAlchemyError, BrokerError, OSError) as error:
            log.warning("queued jobs wait: %s: %s", type(error).__name__, error)


def _due(session: Session, condition: Any) -> list[tuple[str, str]]:
    """Return id and kind of the queued jobs that may start now and whose outbox row meets the condition."""
    query = (
        select(Job.id, Job.kind)
        .join(Outbox, Outbox.job_id == Job.id)
        .where(Job.state == "queued", or_(Job.not_before <= now()), condition)
        .order_by(Job.queued_at)
        .limit(_BATCH)
    )
    return [(job_id, kind) for job_id, kind in session.execute(query)]


def _bind(transition: Callable[..., bool], subject: Lease | str, **limits: float) -> Callable[[Session], bool]:
    """Prepare a transition that only lacks its transaction."""
    return lambda session: transition(session, subject, **limits)


def main() -> None:
    """Relay and reap until SIGINT or SIGTERM."""
    settings = Settings()
    if settings.redis_url is None:
        sys.exit("found no SPF_REDIS_URL; the relay needs a broker. `python -m backend.studio` starts one.")
    stop = threading.Event()

    def handle(_number: int, _frame: object) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    run_maintenance(settings, settings.redis_url, stop)


def run_maintenance(settings: Settings, redis_url: str, stop: threading.Event) -> None:
    """Open database and broker, relay and reap until `stop` is set, and close both."""
    db = Database(settings.sqlalchemy_url)
    notifier = CeleryNotifier(redis_url)
    try:
        maintenance_loop(db, notifier, settings, stop)
    finally:
        notifier.close()
        db.close()


if __name__ == "__main__":
    main()
