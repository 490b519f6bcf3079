"""Runs one trainer process: listens to its events, keeps the lease alive, and ends it when it must end.

The trainer is an exec'd child in its own session, because a CUDA context does not survive a fork, and it dies with its
worker (see `worker.die_with_parent`). Everything here happens in one thread, so the lease is only prolonged while the
supervisor really looks at its trainer.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from sqlalchemy.exc import SQLAlchemyError

from spf_portrait.contract.artifacts import EXIT_OK, EXIT_PREEMPTED
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.events import (
    CheckpointSaved,
    Event,
    Failed,
    Finished,
    Notice,
    PreviewsDrawn,
    Progress,
    Validated,
    parse_event,
)
from worker.die_with_parent import die_with_parent

log = logging.getLogger(__name__)

_POLL_S = 0.2
"""Polling interval of trainer, lease and drain flag."""

_RECORD_S = 0.5
"""Shortest time between two recorded progress events of the same phase."""

_LONGEST_LINE = 1 << 20

HUNG = "trainer_hung"
KILLED = "trainer_killed_by_signal_9"
"""Reasons of a loss: it fell silent; the system killed it, as it does when memory runs out."""


@dataclass(frozen=True)
class Timing:
    """Times in seconds; see `backend.settings.Settings` for what they mean."""

    heartbeat_s: float
    fence_s: float
    grace_s: float
    stall_s: float


@dataclass(frozen=True)
class Outcome:
    """How a trainer ended.

    finished: it made its files. failed: it said why, and trying again would not help. preempted: it stopped because the
    worker is to stop. canceled: it stopped because the job is to stop. lost: it died, or was killed because it hung;
    it may have said of what. fenced: it was killed because the job now belongs to somebody else.
    """

    kind: Literal["finished", "failed", "preempted", "canceled", "lost", "fenced"]
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    error: Mapping[str, str] = field(default_factory=dict[str, str])
    reason: str = ""


class Records(Protocol):
    """Where a supervisor keeps its lease and reports; both may raise SQLAlchemyError."""

    def heartbeat(self, progress: Progress | None) -> str | None:
        """Prolong the lease and record progress; return the job's state, None when the lease is lost."""
        ...

    def checkpoint(self, event: CheckpointSaved) -> None:
        """Record that a checkpoint is complete."""
        ...

    def validation(self, event: Validated) -> None:
        """Record what the training has come to."""
        ...


def supervise(
    command: Sequence[str],
    records: Records,
    timing: Timing,
    *,
    draining: Callable[[], bool],
    log_path: Path,
    environment: Mapping[str, str],
) -> Outcome:
    """Run a trainer to its end. Must be called from the main thread.

    Args:
        command: argument list; no shell is involved.
        records: lease and reports.
        timing: heartbeat, fence, grace and stall times.
        draining: tells whether the worker is to stop.
        log_path: receives what the trainer writes to standard error.
        environment: the trainer's environment.

    Returns:
        How it ended. The trainer and its whole session are gone by then.
    """
    watch = Watch(start(command, log_path, environment), records, timing)
    try:
        watch.to_the_end(draining)
        return watch.outcome()
    finally:
        watch.kill()


def start(
    command: Sequence[str], log_path: Path, environment: Mapping[str, str], *, takes_orders: bool = False
) -> subprocess.Popen[bytes]:
    """Start an engine process in its own session; it dies with this one. Must be called from the main thread.

    Args:
        command: argument list.
        log_path: receives what it writes to standard error.
        environment: its environment.
        takes_orders: whether its standard input is a pipe, instead of empty.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as errors:
        return subprocess.Popen(
            die_with_parent(command),
            stdin=subprocess.PIPE if takes_orders else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            env=dict(environment),
        )


class Watch:
    """Supervision of one job.

    Args:
        process: from `start`.
        records: lease and reports.
        timing: heartbeat, fence, grace and stall times.
        takes_orders: whether the process lives on after it has finished, to wait for its next order.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], records: Records, timing: Timing, *, takes_orders: bool = False
    ) -> None:
        assert process.stdout is not None, "started with its standard output as a pipe"
        self._process = process
        self._events = process.stdout
        self._records = records
        self._timing = timing
        self._takes_orders = takes_orders
        self._heard = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._events, selectors.EVENT_READ)
        os.set_blocking(self._events.fileno(), False)
        self._buffer = b""
        started = time.monotonic()
        self._last_event_s = started
        self._last_heartbeat_s = started
        self._last_try_s = started
        self._last_record_s = 0.0
        self._news: Progress | None = None
        self._recorded_phase = ""
        self._stop_cause: Literal["", "cancel", "drain"] = ""
        self._stop_asked_s = 0.0
        self._kill_reason = ""
        self._last_word: Finished | Failed | None = None

    def to_the_end(self, draining: Callable[[], bool]) -> None:
        """Watch until the trainer is gone, or has finished and waits for its next order."""
        while self._poll():
            if draining():
                self._ask_to_stop("drain")

    @property
    def is_fit(self) -> bool:
        """Whether the process has finished this job, nobody asked it to stop, and it can take another one."""
        disturbed = self._stop_cause or self._kill_reason or self._process.poll() is not None
        return isinstance(self._last_word, Finished) and not disturbed

    @property
    def never_began(self) -> bool:
        """Whether the process ended by itself without a word about this job."""
        return not (self._heard or self._stop_cause or self._kill_reason)

    def _poll(self) -> bool:
        """Do everything that is due; False at the end."""
        ended = self._process.poll() is not None
        self._read(wait_s=0.0 if ended else _POLL_S)
        self._keep_lease()
        if ended or (self._takes_orders and isinstance(self._last_word, Finished)):
            return False
        self._enforce_times()
        return True

    def _ask_to_stop(self, cause: Literal["cancel", "drain"]) -> None:
        """Ask the trainer to write a checkpoint and exit; a cancel outranks a drain."""
        if not self._stop_cause:
            self._stop_asked_s = time.monotonic()
            self._signal(signal.SIGTERM)
        if self._stop_cause != "cancel":
            self._stop_cause = cause

    def outcome(self) -> Outcome:
        """Judge how the trainer ended."""
        code = self._process.returncode
        if self._kill_reason == "fenced":
            return Outcome("fenced")
        if isinstance(self._last_word, Finished) and (code == EXIT_OK or self._takes_orders):
            return Outcome("finished", files=self._last_word.files)
        if isinstance(self._last_word, Failed):
            error = self._last_word.error
            return Outcome("failed" if self._last_word.permanent else "lost", error=error, reason=error["code"])
        if self._stop_cause == "cancel":
            return Outcome("canceled")
        if self._stop_cause == "drain" or code == EXIT_PREEMPTED:
            return Outcome("preempted")
        return Outcome("lost", reason=self._kill_reason or _describe_exit(code))

    def kill(self) -> None:
        """End the trainer's whole session at once and wait for it."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        self.leave()
        self._events.close()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def leave(self) -> None:
        """Stop watching; the process lives on."""
        self._selector.close()

    def _read(self, wait_s: float) -> None:
        """Take in what the trainer said."""
        if self._selector.get_map() and self._selector.select(wait_s):
            chunk = self._events.read(_LONGEST_LINE)
            if chunk:
                self._take(chunk)
            elif chunk == b"":
                self._selector.unregister(self._events)
        elif not self._selector.get_map() and wait_s:
            time.sleep(wait_s)

    def _take(self, chunk: bytes) -> None:
        """Split into lines and note each event."""
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        self._buffer = self._buffer[-_LONGEST_LINE:]
        for line in filter(None, lines):
            try:
                self._note(parse_event(line))
            except DataError as error:
                log.warning("trainer: %s", error)

    def _note(self, event: Event) -> None:
        """Note one event."""
        self._heard = True
        self._last_event_s = time.monotonic()
        if isinstance(event, Progress):
            if self._news is not None and self._news.phase != event.phase:
                self._heartbeat()
            self._news = event
        elif isinstance(event, CheckpointSaved):
            self._try_record(lambda: self._records.checkpoint(event))
        elif isinstance(event, Validated):
            self._try_record(lambda: self._records.validation(event))
        elif isinstance(event, PreviewsDrawn):
            log.info("trainer: previews of step %s are drawn", event.step)
        elif isinstance(event, Notice):
            log.info("trainer: %s", event.message)
        else:
            self._last_word = event

    def _keep_lease(self) -> None:
        """Send a heartbeat when one is due or when there are news worth recording."""
        waited_s = time.monotonic() - self._last_try_s
        fresh_phase = self._news is not None and self._news.phase != self._recorded_phase
        news_due = self._news is not None and time.monotonic() - self._last_record_s >= _RECORD_S
        if waited_s >= self._timing.heartbeat_s or fresh_phase or news_due or self._last_word is not None:
            self._heartbeat()

    def _heartbeat(self) -> None:
        """Prolong the lease, record the news, and obey what the answer says."""
        self._last_try_s = time.monotonic()
        news = self._news
        answers: list[str | None] = []
        if not self._try_record(lambda: answers.append(self._records.heartbeat(news))):
            return
        self._last_heartbeat_s = self._last_record_s = time.monotonic()
        if news is not None:
            self._recorded_phase = news.phase
            self._news = None
        if answers == [None]:
            self._kill_for("fenced")
        elif answers == ["canceling"]:
            self._ask_to_stop("cancel")

    def _try_record(self, write: Callable[[], object]) -> bool:
        """Write to the records; a database that is away for a while must not end the training."""
        try:
            write()
        except SQLAlchemyError as error:
            log.warning("the database did not take a record: %s", error)
            return False
        return True

    def _enforce_times(self) -> None:
        """Kill the trainer when a time is over."""
        now_s = time.monotonic()
        if now_s - self._last_heartbeat_s > self._timing.fence_s:
            self._kill_for("fenced")
        elif now_s - self._last_event_s > self._timing.stall_s:
            self._kill_for(HUNG)
        elif self._stop_cause and now_s - self._stop_asked_s > self._timing.grace_s:
            self._signal(signal.SIGKILL)

    def _kill_for(self, reason: str) -> None:
        """Kill the trainer and remember why."""
        self._kill_reason = self._kill_reason or reason
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the trainer's session, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def _describe_exit(code: int | None) -> str:
    """Name an exit for the job's events."""
    if code is not None and code < 0:
        return f"trainer_killed_by_signal_{-code}"
    return f"trainer_exited_with_{code}"
