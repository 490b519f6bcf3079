"""How an engine ended, judged by its last word, its exit, and what it was asked or forced to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from spf_portrait.contract.artifacts import EXIT_OK, EXIT_PREEMPTED
from spf_portrait.contract.events import Failed, Finished

StopCause = Literal["", "cancel", "drain"]
"""Why an engine was asked to stop: its job is to stop, or its worker; empty when nobody asked."""

FENCED = "fenced"
HUNG = "trainer_hung"
"""Why an engine was killed: its lease is lost; it fell silent."""

KILLED = "trainer_killed_by_signal_9"
"""Reason of a loss: the system killed it, as it does when memory runs out."""


@dataclass(frozen=True)
class Outcome:
    """How an engine ended.

    finished: it made its files. failed: it said why, and trying again would not help. preempted: it stopped because the
    worker is to stop. canceled: it stopped because the job is to stop. lost: it died, or was killed because it hung;
    it may have said of what. fenced: it was killed because the job now belongs to somebody else.
    """

    kind: Literal["finished", "failed", "preempted", "canceled", "lost", "fenced"]
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    error: Mapping[str, str] = field(default_factory=dict[str, str])
    reason: str = ""


def judge(
    last_word: Finished | Failed | None, exit_code: int | None, stop_cause: StopCause, kill_reason: str
) -> Outcome:
    """Judge how an engine ended.

    Args:
        last_word: what it said at the end of the job, if it did.
        exit_code: None when it lives on, to wait for its next order.
        stop_cause: why it was asked to stop.
        kill_reason: why it was killed; empty when it was not.
    """
    if kill_reason == FENCED:
        return Outcome("fenced")
    if isinstance(last_word, Finished) and exit_code in {EXIT_OK, None}:
        return Outcome("finished", files=last_word.files)
    if isinstance(last_word, Failed):
        error = last_word.error
        return Outcome("failed" if last_word.permanent else "lost", error=error, reason=error["code"])
    if stop_cause == "cancel":
        return Outcome("canceled")
    if stop_cause == "drain" or exit_code == EXIT_PREEMPTED:
        return Outcome("preempted")
    return Outcome("lost", reason=kill_reason or _describe_exit(exit_code))


def _describe_exit(code: int | None) -> str:
    """Name an exit for the job's events."""
    if code is not None and code < 0:
        return f"trainer_killed_by_signal_{-code}"
    return f"trainer_exited_with_{code}"
