"""Cancels at any moment, twice, and after the end; and changes of ended jobs past all of the code."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from nemesis.jobs import order_pair, wait_for_end
from nemesis.row import Round, Row
from nemesis.studio import Studio
from nemesis.violation import Violation, unless

_LATEST_S: Final = 1.5
"""About as long as a pair takes: some cancels come in the queue, some while it is drawn. Every other one is late."""

_ANSWERS: Final = (200, 202, 409)
"""It is canceled; it is to stop; it has ended otherwise."""


def _strike(this: Round) -> Iterator[Violation]:
    studio = this.studio
    job_id = order_pair(studio, this.number)
    if this.number % 2:
        wait_for_end(studio, job_id)
    else:
        time.sleep(this.chance.uniform(0, _LATEST_S))
    answers = [studio.client.cancel(job_id), studio.client.cancel(job_id)]
    job = wait_for_end(studio, job_id)
    studio.history.note("canceled", job=job_id, answers=answers, status=job["status"])
    answers.append(studio.client.cancel(job_id))
    yield from unless(all(answer in _ANSWERS for answer in answers), f"{job_id}: a cancel was answered {answers}")
    yield from unless(job["status"] in ("canceled", "succeeded"), f"{job_id} is {job['status']}", "lost")
    again = studio.client.job(job_id)["status"]
    yield from unless(again == job["status"], f"{job_id}: {again} after {job['status']}", "illegal transition")
    yield from _walls(studio, job_id)


def _walls(studio: Studio, job_id: str) -> Iterator[Violation]:
    """The database itself refuses what the code would never ask of it."""
    revived = "UPDATE jobs SET state = 'queued' WHERE id = :job"
    yield from unless(_is_refused(studio, revived, job_id), f"{job_id} could be revived", "illegal transition")
    copied = (
        "INSERT INTO comparisons (id, job_id, files, sample, created_at) "
        "SELECT id || 'b', job_id, files, sample, created_at FROM comparisons WHERE job_id = :job"
    )
    holds = studio.client.job(job_id)["status"] == "canceled" or _is_refused(studio, copied, job_id)
    yield from unless(holds, f"{job_id} could get a second result", "published twice")


def _is_refused(studio: Studio, statement: str, job_id: str) -> bool:
    """Try a statement; nothing of it is kept."""
    with studio.db.engine.connect() as connection:
        try:
            connection.execute(text(statement), {"job": job_id})
        except IntegrityError:
            return True
        finally:
            connection.rollback()
    return False


CANCELS: Final = Row(
    number=27,
    fault="three cancels of a pair, at random moments or after its end; then SQL that revives or doubles it",
    promise="one legal way to one end, and the database refuses the rest",
    rounds=200,
    strike=_strike,
    workers=("draw",),
)
