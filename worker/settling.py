"""Settling an attempt: the last transition of a job that ended without a published result."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from backend.db import Database
from backend.jobs import transitions
from backend.jobs.faults import DISK_FULL, TRAINER_HUNG, TRAINER_KILLED, TRAINER_LOST, Fault
from backend.jobs.transitions import Lease
from worker.outcome import HUNG, KILLED, Outcome
from worker.patient_write import write_patiently

log = logging.getLogger(__name__)

_FAULT_OF_LOSS = {HUNG: TRAINER_HUNG, KILLED: TRAINER_KILLED}


class Settling:
    """Makes the last transition of one attempt; a job that is being canceled is canceled instead.

    When neither holds, the job belongs to somebody else by now and nothing is written. When the database stays away,
    the lease runs out and the reaper settles.

    Args:
        db: the records.
        lease: job and token.
        retry_delay_s: how long the job waits after its first loss.
    """

    def __init__(self, db: Database, lease: Lease, *, retry_delay_s: float) -> None:
        self._db = db
        self._lease = lease
        self._retry_delay_s = retry_delay_s

    def ended(self, outcome: Outcome, error: Mapping[str, str]) -> None:
        """Settle by how the engine ended.

        Args:
            outcome: not `finished`.
            error: the engine's last word about what went wrong, in words for users; empty when it left none.
        """
        if outcome.kind == "failed":
            self.failed(error)
        elif outcome.kind == "lost":
            self.lost(outcome.reason, _fault_of_loss(outcome.reason, error))
        elif outcome.kind == "preempted":
            self._settle(lambda session: transitions.release(session, self._lease))
        elif outcome.kind == "canceled":
            self.stopped()

    def stopped(self) -> None:
        """The attempt was stopped before its end."""
        self._settle(lambda session: False)

    def failed(self, error: Mapping[str, str]) -> None:
        """Trying again would not help."""
        self._settle(lambda session: transitions.fail(session, self._lease, _fault(error)))

    def lost(self, reason: str, fault: Fault) -> None:
        """Try again later, or fail after too many losses."""
        self._settle(
            lambda session: transitions.give_up_attempt(
                session, self._lease, retry_delay_s=self._retry_delay_s, reason=reason, fault=fault
            )
        )

    def _settle(self, transition: Callable[[Session], bool]) -> None:
        """Make a transition."""
        try:
            write_patiently(
                self._db, lambda session: transition(session) or transitions.finish_cancel(session, self._lease)
            )
        except SQLAlchemyError as error:
            log.error("job %s attempt %s is left to the reaper: %s", self._lease.job_id, self._lease.token, error)


def _fault_of_loss(reason: str, error: Mapping[str, str]) -> Fault:
    """Why the job fails if it was lost too often: what the engine said, or else what its end looked like."""
    if error:
        return DISK_FULL if error.get("code") == DISK_FULL.code else _fault(error)
    return _FAULT_OF_LOSS.get(reason, TRAINER_LOST)


def _fault(error: Mapping[str, str]) -> Fault:
    """Turn an error of the engine (`SpfError.as_dict`) into the job's."""
    message = (
        f"Found {error['found']}; allowed: {error['allowed']}." if error.get("found") else error.get("message", "")
    )
    return Fault(error.get("code", "engine_failed"), message, error.get("hint", ""))
