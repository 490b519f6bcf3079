"""Why a job ended badly, in words for programs and for people."""

from __future__ import annotations

from dataclasses import dataclass

MAX_LOSSES = 3
"""A job whose worker or trainer was lost this often is failed instead of being tried again."""


@dataclass(frozen=True)
class Fault:
    """Why a job ended: a name for programs, a cause and a hint for people (no paths)."""

    code: str
    message: str
    hint: str


WORKER_LOST = Fault(
    "worker_lost_repeatedly",
    f"The worker stopped answering {MAX_LOSSES} times while it ran this job.",
    "Most often memory ran out: close other programs or choose a smaller batch, then retry from the last checkpoint.",
)
TRAINER_LOST = Fault(
    "trainer_lost_repeatedly",
    f"The trainer process died {MAX_LOSSES} times without giving a reason.",
    "Most often memory ran out: close other programs or choose a smaller batch, then retry from the last checkpoint.",
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
