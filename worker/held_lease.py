"""The lease of one attempt, and what the attempt tells the records under it.

While the engine works, its supervisor prolongs the lease; before and after, whoever works does so between two pieces
of work (`keep`). Nothing prolongs it on the side, so a worker that hangs loses its job.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from backend.db import Database
from backend.jobs import transitions
from backend.jobs.transitions import Lease
from backend.storage import LocalStorage
from spf_portrait.contract.events import CheckpointSaved, PreviewsDrawn, Progress, Validated
from worker.previews import keep_previews

log = logging.getLogger(__name__)


class LeaseEnded(Exception):
    """The attempt is to stop: its job is being canceled, or belongs to somebody else."""


class HeldLease:
    """The lease that a claim gave.

    Args:
        db: the records.
        storage: the data folder.
        lease: job and token.
        lease_s: how long a heartbeat prolongs it.
        heartbeat_s: time between two heartbeats.
    """

    def __init__(
        self, db: Database, storage: LocalStorage, lease: Lease, *, lease_s: float, heartbeat_s: float
    ) -> None:
        self._db = db
        self._storage = storage
        self._lease = lease
        self._lease_s = lease_s
        self._heartbeat_s = heartbeat_s
        self._last_try_s = time.monotonic()

    def keep(self) -> None:
        """Prolong the lease if a heartbeat is due. A database that is away for a while ends no work.

        Raises:
            LeaseEnded: nothing more is to be done for this job.
        """
        if time.monotonic() - self._last_try_s < self._heartbeat_s:
            return
        try:
            state = self.heartbeat(None)
        except SQLAlchemyError as error:
            log.warning("the database did not take a heartbeat: %s", error)
            return
        if state != "running":
            raise LeaseEnded(f"job {self._lease.job_id} attempt {self._lease.token}: {state or 'somebody else has it'}")

    def heartbeat(self, progress: Progress | None) -> str | None:
        """Prolong the lease and record progress; return the job's state, None when the lease is lost."""
        self._last_try_s = time.monotonic()
        news = None if progress is None else progress.model_dump(exclude={"kind"})
        with self._db.write() as session:
            return transitions.heartbeat(session, self._lease, lease_s=self._lease_s, progress=news)

    def checkpoint(self, event: CheckpointSaved) -> None:
        """Record that a checkpoint is complete; its place is nobody's business outside."""
        with self._db.write() as session:
            if transitions.heartbeat(session, self._lease, lease_s=self._lease_s) is not None:
                transitions.record_checkpoint(session, self._lease, event.step)

    def validation(self, event: Validated) -> None:
        """Record what the training has come to."""
        self._tell("validation", event.model_dump(exclude={"kind"}))

    def previews(self, event: PreviewsDrawn) -> None:
        """Keep pictures of the training as it is now, and record that they are there."""
        kept = keep_previews(self._storage, self._lease, event)
        if kept is not None:
            self._tell("previews", kept)

    def _tell(self, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event under the lease."""
        with self._db.write() as session:
            if transitions.heartbeat(session, self._lease, lease_s=self._lease_s) is not None:
                transitions.add_event(session, self._lease.job_id, kind, data)
