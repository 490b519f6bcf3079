"""Watches one engine at one job: passes on what it tells, asks it to stop when it is to stop, kills it when it must.

Everything here happens in one thread, so the lease is only prolonged while the supervisor really looks at its engine.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spf_portrait.contract.events import (
    CheckpointSaved,
    Event,
    Failed,
    Finished,
    Notice,
    PreviewsDrawn,
    Progress,
    Validated,
)
from worker.engine_process import EngineProcess
from worker.outcome import FENCED, HUNG, Outcome, StopCause, judge
from worker.reporting import Records, Reporting

log = logging.getLogger(__name__)

_POLL_S = 0.2
"""Polling interval of engine, lease and drain flag."""


@dataclass(frozen=True)
class Timing:
    """Times in seconds; see `backend.settings.Settings` for what they mean."""

    heartbeat_s: float
    fence_s: float
    grace_s: float
    stall_s: float


def supervise(
    command: Sequence[str],
    records: Records,
    timing: Timing,
    *,
    draining: Callable[[], bool],
    log_path: Path,
    environment: Mapping[str, str],
) -> Outcome:
    """Run an engine to its end. Must be called from the main thread.

    Args:
        command: argument list; no shell is involved.
        records: lease and reports.
        timing: heartbeat, fence, grace and stall times.
        draining: tells whether the worker is to stop.
        log_path: receives what the engine writes to standard error.
        environment: the engine's environment.

    Returns:
        How it ended. The engine and its whole session are gone by then.
    """
    engine = EngineProcess(command, log_path, environment)
    try:
        watch = Watch(engine, records, timing)
        watch.to_the_end(draining)
        return watch.outcome()
    finally:
        engine.end()


class Watch:
    """Supervision of one job.

    Args:
        engine: what works on it.
        records: lease and reports.
        timing: heartbeat, fence, grace and stall times.
        takes_orders: whether the engine lives on after it has finished, to wait for its next order.
    """

    def __init__(self, engine: EngineProcess, records: Records, timing: Timing, *, takes_orders: bool = False) -> None:
        self._engine = engine
        self._reporting = Reporting(records, timing.heartbeat_s)
        self._timing = timing
        self._takes_orders = takes_orders
        self._heard = False
        self._last_event_s = time.monotonic()
        self._stop_cause: StopCause = ""
        self._stop_asked_s = 0.0
        self._kill_reason = ""
        self._last_word: Finished | Failed | None = None

    def to_the_end(self, draining: Callable[[], bool]) -> None:
        """Watch until the engine is gone, or has finished and waits for its next order."""
        while self._poll():
            if draining():
                self._ask_to_stop("drain")

    def outcome(self) -> Outcome:
        """Judge how the engine ended."""
        lives_on = self._takes_orders and isinstance(self._last_word, Finished)
        exit_code = None if lives_on else self._engine.exit_code
        return judge(self._last_word, exit_code, self._stop_cause, self._kill_reason)

    @property
    def is_fit(self) -> bool:
        """Whether the engine has finished this job, nobody asked it to stop, and it can take another one."""
        disturbed = self._stop_cause or self._kill_reason or self._engine.exit_code is not None
        return isinstance(self._last_word, Finished) and not disturbed

    @property
    def never_began(self) -> bool:
        """Whether the engine ended by itself without a word about this job."""
        return not (self._heard or self._stop_cause or self._kill_reason)

    def _poll(self) -> bool:
        """Do everything that is due; False at the end."""
        ended = self._engine.exit_code is not None
        for event in self._engine.events(wait_s=0.0 if ended else _POLL_S):
            self._note(event)
        self._reporting.keep_lease(now=self._last_word is not None)
        self._obey()
        if ended or (self._takes_orders and isinstance(self._last_word, Finished)):
            return False
        self._enforce_times()
        return True

    def _note(self, event: Event) -> None:
        """Note one event."""
        self._heard = True
        self._last_event_s = time.monotonic()
        if isinstance(event, Progress):
            self._reporting.progress(event)
        elif isinstance(event, CheckpointSaved):
            self._reporting.checkpoint(event)
        elif isinstance(event, Validated):
            self._reporting.validation(event)
        elif isinstance(event, PreviewsDrawn):
            self._reporting.previews(event)
        elif isinstance(event, Notice):
            log.info("trainer: %s", event.message)
        else:
            self._last_word = event

    def _obey(self) -> None:
        """Do what the job's state says."""
        if self._reporting.state is None:
            self._kill_for(FENCED)
        elif self._reporting.state == "canceling":
            self._ask_to_stop("cancel")

    def _enforce_times(self) -> None:
        """Kill the engine when a time is over."""
        now_s = time.monotonic()
        if self._reporting.unheard_s > self._timing.fence_s:
            self._kill_for(FENCED)
        elif now_s - self._last_event_s > self._timing.stall_s:
            self._kill_for(HUNG)
        elif self._stop_cause and now_s - self._stop_asked_s > self._timing.grace_s:
            self._engine.signal(signal.SIGKILL)

    def _ask_to_stop(self, cause: StopCause) -> None:
        """Ask the engine to write a checkpoint and exit; a cancel outranks a drain."""
        if not self._stop_cause:
            self._stop_asked_s = time.monotonic()
            self._engine.signal(signal.SIGTERM)
        if self._stop_cause != "cancel":
            self._stop_cause = cause

    def _kill_for(self, reason: str) -> None:
        """Kill the engine and remember why."""
        self._kill_reason = self._kill_reason or reason
        self._engine.signal(signal.SIGKILL)
