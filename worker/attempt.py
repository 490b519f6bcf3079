"""One attempt at one job: claim it, have the engine do it, publish what it made, settle how it ended."""

from __future__ import annotations

import logging
import os
import socket

from backend.jobs import transitions
from backend.jobs.faults import worker_fault
from backend.jobs.transitions import Claim
from backend.logs import log_context
from spf_portrait.contract.errors import SpfError
from worker.context import WorkerContext
from worker.held_lease import HeldLease, LeaseEnded
from worker.kinds import KINDS, Attempt
from worker.publish import publish
from worker.settling import Settling
from worker.workspace import Workspace

log = logging.getLogger(__name__)


def run_attempt(context: WorkerContext, job_id: str) -> None:
    """Run one attempt at the job whose turn it is, if there is one; a message too many is dropped quietly.

    Args:
        context: parts of the worker.
        job_id: what the message said.
    """
    if context.draining():
        return
    owner = f"{socket.gethostname()}:{os.getpid()}"
    with context.db.write() as session:
        claim = transitions.claim_first(session, job_id, owner=owner, lease_s=context.settings.lease_s)
    if claim is not None:
        with log_context(job_id=claim.lease.job_id, attempt=claim.attempt):
            log.info("a %s begins", claim.kind)
            _run_claimed(context, claim)


def _run_claimed(context: WorkerContext, claim: Claim) -> None:
    """Whatever happens, the job's row says so at the end, and nothing is left that no later attempt needs."""
    settings = context.settings
    lease = HeldLease(
        context.db, context.storage, claim.lease, lease_s=settings.lease_s, heartbeat_s=settings.heartbeat_s
    )
    workspace = Workspace(context.storage, claim.lease)
    settling = Settling(context.db, claim.lease, retry_delay_s=settings.retry_delay_s)
    finished = False
    try:
        finished = _run(Attempt(context, claim, lease, workspace), settling)
    except LeaseEnded as end:
        log.info("%s", end)
        settling.stopped()
    except SpfError as error:
        settling.failed(workspace.in_users_words(error.as_dict()))
    except Exception as error:
        log.exception("the worker itself failed")
        settling.lost(f"worker_failed_{type(error).__name__}", worker_fault(error))
    finally:
        workspace.close(finished=finished)


def _run(attempt: Attempt, settling: Settling) -> bool:
    """Prepare, supervise, publish; True when the result is published."""
    context, claim, workspace = attempt.context, attempt.claim, attempt.workspace
    kind = KINDS[claim.kind]
    workspace.open()
    outcome = kind.work(attempt)
    log.info("the engine's outcome: %s %s", outcome.kind, outcome.reason)
    if outcome.kind != "finished":
        settling.ended(outcome, workspace.in_users_words(outcome.error))
        return False
    published = publish(context.db, context.storage, claim.lease, kind.made(attempt), attempt.lease.keep)
    if not published:
        settling.stopped()
    return published
