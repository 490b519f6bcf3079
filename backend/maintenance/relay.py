"""The relay: sends a message for each queued job, and another when it may be lost."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.db import Database, now
from backend.jobs import transitions
from backend.logs import log_context
from backend.maintenance.notifier import Notifier
from backend.tables import Job, Outbox

log = logging.getLogger(__name__)

_BATCH = 100


def relay_once(db: Database, notifier: Notifier, *, resend_s: float) -> int:
    """Send a message for every queued job that had none yet, and another for those whose message may be lost.

    A message is sent before its row is marked: a crash in between sends it twice, never not at all. Of several relays
    at once one works; a message too many would be harmless.

    Returns:
        How many messages were sent.

    Raises:
        BrokerError: the broker is away.
    """
    with db.alone("relay") as is_mine:
        if not is_mine:
            return 0
        with db.read() as session:
            fresh = _due(session, Outbox.sent_at.is_(None))
            stale = _due(session, Outbox.sent_at < now() - resend_s)
        due = [*fresh, *_lost(stale, notifier)]
        for job_id, queue in due:
            _send(db, notifier, job_id, queue)
        return len(due)


def _send(db: Database, notifier: Notifier, job_id: str, queue: str) -> None:
    """Send one message and mark its row."""
    with log_context(job_id=job_id):
        notifier.notify(queue, job_id)
        log.info("sent a message into the queue %s", queue)
    with db.write() as session:
        session.execute(
            update(Outbox)
            .where(Outbox.job_id == job_id)
            .values(sent_at=now(), tries=Outbox.tries + 1)
            .execution_options(synchronize_session=False)
        )


def _lost(stale: list[tuple[str, str]], notifier: Notifier) -> list[tuple[str, str]]:
    """Return the jobs whose message seems lost: while as many wait in the broker, theirs are most likely among them."""
    sent = Counter(queue for _, queue in stale)
    lost = {queue for queue, count in sent.items() if notifier.queue_length(queue) < count}
    return [(job_id, queue) for job_id, queue in stale if queue in lost]


def _due(session: Session, condition: Any) -> list[tuple[str, str]]:
    """Return id and queue of the queued jobs that may start now and whose outbox row meets the condition."""
    query = (
        select(Job.id, Job.queue)
        .join(Outbox, Outbox.job_id == Job.id)
        .where(Job.state == "queued", Job.not_before <= now(), condition)
        .order_by(*transitions.line_of_jobs())
        .limit(_BATCH)
    )
    return [(job_id, queue) for job_id, queue in session.execute(query)]
