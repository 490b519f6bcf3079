"""What the records are told while an engine works, and when: the lease in time, progress now and then."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from spf_portrait.contract.events import CheckpointSaved, PreviewsDrawn, Progress, Validated

log = logging.getLogger(__name__)

_RECORD_S = 0.5
"""Shortest time between two recorded progress events of the same phase."""


class Records(Protocol):
    """Where a lease is kept and an attempt reports to; all may raise SQLAlchemyError."""

    def heartbeat(self, progress: Progress | None) -> str | None:
        """Prolong the lease and record progress; return the job's state, None when the lease is lost."""
        ...

    def checkpoint(self, event: CheckpointSaved) -> None:
        """Record that a checkpoint is complete."""
        ...

    def validation(self, event: Validated) -> None:
        """Record what the training has come to."""
        ...

    def previews(self, event: PreviewsDrawn) -> None:
        """Keep pictures of the training as it is now."""
        ...


class Reporting:
    """Reports of one attempt. A database that is away for a while must not end the work.

    Args:
        records: where they go.
        heartbeat_s: time between two heartbeats.
    """

    def __init__(self, records: Records, heartbeat_s: float) -> None:
        self._records = records
        self._heartbeat_s = heartbeat_s
        self._last_try_s = self._last_success_s = time.monotonic()
        self._last_record_s = 0.0
        self._news: Progress | None = None
        self._recorded_phase = ""
        self.state: str | None = "running"
        """The job's, as the latest heartbeat was answered; None when the lease is lost."""

    @property
    def unheard_s(self) -> float:
        """Time since the last heartbeat that was taken."""
        return time.monotonic() - self._last_success_s

    def progress(self, event: Progress) -> None:
        """Keep progress for the next heartbeat; the last of a phase is always recorded."""
        if self._news is not None and self._news.phase != event.phase:
            self._heartbeat()
        self._news = event

    def checkpoint(self, event: CheckpointSaved) -> None:
        """Report at once."""
        self._try(lambda: self._records.checkpoint(event))

    def validation(self, event: Validated) -> None:
        """Report at once."""
        self._try(lambda: self._records.validation(event))

    def previews(self, event: PreviewsDrawn) -> None:
        """Report at once."""
        self._try(lambda: self._records.previews(event))

    def keep_lease(self, *, now: bool) -> None:
        """Send a heartbeat when one is due, when there are news worth recording, or `now` in any case."""
        at_s = time.monotonic()
        fresh_phase = self._news is not None and self._news.phase != self._recorded_phase
        news_due = self._news is not None and at_s - self._last_record_s >= _RECORD_S
        if now or fresh_phase or news_due or at_s - self._last_try_s >= self._heartbeat_s:
            self._heartbeat()

    def _heartbeat(self) -> None:
        """Prolong the lease, record the news, and keep the answer."""
        self._last_try_s = time.monotonic()
        news = self._news
        answers: list[str | None] = []
        if not self._try(lambda: answers.append(self._records.heartbeat(news))):
            return
        self._last_success_s = self._last_record_s = time.monotonic()
        if news is not None:
            self._recorded_phase = news.phase
            self._news = None
        self.state = answers[0]

    def _try(self, write: Callable[[], object]) -> bool:
        """Write to the records; tell whether they took it."""
        try:
            write()
        except SQLAlchemyError as error:
            log.warning("the database did not take a record: %s", error)
            return False
        return True
