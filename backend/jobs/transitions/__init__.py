"""The guarded transitions of a job; everything that changes `jobs.state` is in this folder, a file for each who does.

All functions work inside the caller's writing transaction, so that what belongs together is committed together.
"""

from backend.jobs.transitions.attempts import (
    fail,
    finish_cancel,
    give_up_attempt,
    has_succeeded,
    heartbeat,
    record_checkpoint,
    release,
    succeed,
)
from backend.jobs.transitions.claims import Claim, claim, claim_first, line_of_jobs
from backend.jobs.transitions.guarded import Lease, add_event
from backend.jobs.transitions.orders import enqueue, request_cancel
from backend.jobs.transitions.reaping import reap_lost, reap_overdue, reap_waiting

__all__ = [
    "Claim",
    "Lease",
    "add_event",
    "claim",
    "claim_first",
    "enqueue",
    "fail",
    "finish_cancel",
    "give_up_attempt",
    "has_succeeded",
    "heartbeat",
    "line_of_jobs",
    "reap_lost",
    "reap_overdue",
    "reap_waiting",
    "record_checkpoint",
    "release",
    "request_cancel",
    "succeed",
]
