"""Why a job ended badly, in words for programs and for people."""

from __future__ import annotations

from dataclasses import dataclass

from spf_portrait.contract.full_disk import is_disk_full

MAX_LOSSES = 3
"""A job whose worker or trainer was lost this often is failed instead of being tried again."""


@dataclass(frozen=True)
class Fault:
    """Why a job ended: a name for programs, a cause and a hint for people (no paths)."""

    code: str
    message: str
    hint: str


_MEMORY_HINT = (
    "Most often memory ran out: close other programs or choose a smaller batch, then retry from the last checkpoint."
)
_LOG_HINT = "Its log may say more: GET /api/v1/jobs/{id}/log. Then retry from the last checkpoint."

WORKER_LOST = Fault(
    "worker_lost_repeatedly",
    f"The worker stopped answering {MAX_LOSSES} times while it ran this job.",
    _MEMORY_HINT,
)
TRAINER_KILLED = Fault(
    "trainer_killed_repeatedly", f"The system killed the trainer process {MAX_LOSSES} times.", _MEMORY_HINT
)
TRAINER_LOST = Fault(
    "trainer_lost_repeatedly", f"The trainer process died {MAX_LOSSES} times without giving a reason.", _LOG_HINT
)
TRAINER_HUNG = Fault(
    "trainer_hung_repeatedly",
    f"The trainer process fell silent {MAX_LOSSES} times and was ended.",
    f"{_LOG_HINT} If it only needs longer for a step, raise SPF_STALL_S.",
)
DISK_FULL = Fault(
    "disk_full",
    "The disk that holds the data folder is full.",
    "Make room on it, then retry from the last checkpoint.",
)
ATTEMPTS_USED_UP = Fault(
    "attempts_used_up",
    "Every allowed attempt of this job was interrupted.",
    "Look at the job's events for the reasons, then retry from the last checkpoint.",
)
RUN_TOO_LONG = Fault(
    "max_run_time", "The job ran longer than this studio allows.", "Choose fewer steps, or raise SPF_MAX_RUN_S."
)
WAITED_TOO_LONG = Fault(
    "max_wait_time", "The job waited for a worker longer than this studio allows.", "Start a worker, then retry."
)


def worker_fault(error: Exception) -> Fault:
    """Name what a worker itself met before or after the engine's work."""
    if is_disk_full(error):
        return DISK_FULL
    return Fault(
        "worker_failed_repeatedly",
        f"The worker met an error that it did not foresee: {type(error).__name__}.",
        "The worker's log has the details. Retry from the last checkpoint; if it fails again, report this as a bug.",
    )
