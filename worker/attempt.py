"""One attempt at one job: claim it, prepare its folders, run the engine, settle how it ended."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from backend.adapters.repository import get_adapter
from backend.datasets.repository import get_version
from backend.db import Database
from backend.jobs import transitions
from backend.jobs.faults import Fault
from backend.jobs.repository import ancestors
from backend.jobs.transitions import Claim, Lease
from backend.settings import Settings
from backend.storage import LocalStorage
from backend.tables import DatasetVersion
from spf_portrait.contract.artifacts import ADAPTER
from spf_portrait.contract.drawing_order import DrawingOrder
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.contract.errors import DataError, ModelError, SpfError
from spf_portrait.contract.events import CheckpointSaved, Progress, Validated
from worker.publish import publish_adapter, publish_comparison
from worker.supervisor import Outcome, Timing, supervise
from worker.warm_engine import Supervision, WarmEngine
from worker.workspace import Workspace

log = logging.getLogger(__name__)

ENGINE = (sys.executable, "-m", "spf_portrait")

_SETTLE_TRIES = 5


@dataclass(frozen=True)
class WorkerContext:
    """What every attempt of this worker needs."""

    settings: Settings
    db: Database
    storage: LocalStorage
    engine: Sequence[str]
    warm_engine: WarmEngine
    draining: Callable[[], bool]


def run_attempt(context: WorkerContext, job_id: str) -> None:
    """Run one attempt, if the job is there to be taken; a message for any other job is dropped quietly."""
    if context.draining():
        return
    owner = f"{socket.gethostname()}:{os.getpid()}"
    with context.db.write() as session:
        claim = transitions.claim(session, job_id, owner=owner, lease_s=context.settings.lease_s)
    if claim is None:
        return
    workspace = Workspace(context.storage, claim.lease)
    finished = False
    try:
        finished = _run(context, claim, workspace)
    except SpfError as error:
        fault = _fault(workspace.in_users_words(error.as_dict()))
        _settle(context, claim.lease, lambda session: transitions.fail(session, claim.lease, fault))
    except OSError as error:
        log.exception("job %s attempt %s: files", job_id, claim.lease.token)
        reason = f"files_failed_{type(error).__name__}"
        _settle(context, claim.lease, lambda session: _give_up(context, session, claim.lease, reason))
    finally:
        workspace.close(finished=finished)


def _run(context: WorkerContext, claim: Claim, workspace: Workspace) -> bool:
    """Prepare, supervise, settle; True when the result is published."""
    workspace.open(claim.spec)
    version = _version(context, claim)
    outcome = _train(context, claim, workspace, version) if version else _draw(context, claim, workspace)
    log.info("job %s attempt %s: %s %s", claim.lease.job_id, claim.lease.token, outcome.kind, outcome.reason)
    if outcome.kind == "finished":
        if version:
            published = publish_adapter(context.db, context.storage, claim, workspace.out, version.target)
        else:
            published = publish_comparison(context.db, context.storage, claim, workspace.out)
        if not published:
            _settle(context, claim.lease, lambda session: False)
        return published
    if outcome.kind != "fenced":
        _settle(context, claim.lease, lambda session: _end(context, session, claim.lease, outcome, workspace))
    return False


def _train(context: WorkerContext, claim: Claim, workspace: Workspace, version: DatasetVersion) -> Outcome:
    """Have an adapter trained."""
    return supervise(
        _training_command(context, claim, workspace, version),
        _LeaseRecords(context, claim.lease),
        _timing(context.settings),
        draining=context.draining,
        log_path=workspace.log,
        environment=engine_environment(context.settings),
    )


def _draw(context: WorkerContext, claim: Claim, workspace: Workspace) -> Outcome:
    """Have a pair drawn."""
    spec = ComparisonSpec.from_mapping(claim.spec)
    several = tuple(_adapter_file(context, use.adapter) for use in spec.adapters)
    alone = None if several or claim.source_adapter_id is None else _adapter_file(context, claim.source_adapter_id)
    order = DrawingOrder(spec=spec, adapter=alone, adapters=several, out=workspace.out)
    supervision = Supervision(_LeaseRecords(context, claim.lease), _timing(context.settings), context.draining)
    return context.warm_engine.draw(order, workspace.log, supervision)


def _training_command(context: WorkerContext, claim: Claim, workspace: Workspace, version: DatasetVersion) -> list[str]:
    """Lay out the caption set and the checkpoints; return the engine's argument list."""
    workspace.lay_out(version)
    with context.db.read() as session:
        parents = ancestors(session, claim.parent_id)
    workspace.inherit_checkpoints(parents)
    return [
        *context.engine,
        "train",
        str(workspace.data),
        "--spec",
        str(workspace.spec_file),
        "--out",
        str(workspace.out),
        "--checkpoints",
        str(workspace.checkpoints),
        "--resume",
        "--events",
    ]


def _adapter_file(context: WorkerContext, adapter_id: str) -> Path:
    """Return the file to draw with."""
    with context.db.read() as session:
        adapter = get_adapter(session, adapter_id)
    keys = [str(file["key"]) for file in adapter.files if file["name"] == ADAPTER] if adapter else []
    if not keys:
        raise ModelError(
            "adapter_gone",
            f"no adapter {adapter_id}",
            "an adapter of this studio",
            "Choose another adapter",
        )
    return context.storage.path(keys[0])


def _version(context: WorkerContext, claim: Claim) -> DatasetVersion | None:
    """Return the caption set version of a training; None for a drawing, which has none."""
    if claim.dataset_version_id is None:
        return None
    with context.db.read() as session:
        version = get_version(session, claim.dataset_version_id)
    if version is None:
        raise DataError(
            "version_gone",
            f"no caption set version {claim.dataset_version_id}",
            "a version of this studio",
            "Create a new training from the caption set",
        )
    return version


def engine_environment(settings: Settings) -> dict[str, str]:
    """The engine's environment: this process's own, with the models folder the settings name."""
    named = {} if settings.models_dir is None else {"SPF_MODELS_DIR": str(settings.models_dir.resolve())}
    return {**os.environ, **named}


def _timing(settings: Settings) -> Timing:
    return Timing(settings.heartbeat_s, settings.fence_s, settings.grace_s, settings.stall_s)


class _LeaseRecords:
    """The records of one attempt, as its supervisor uses them."""

    def __init__(self, context: WorkerContext, lease: Lease) -> None:
        self._context = context
        self._lease = lease

    def heartbeat(self, progress: Progress | None) -> str | None:
        """Prolong the lease and record progress."""
        news = None if progress is None else progress.model_dump(exclude={"kind"})
        with self._context.db.write() as session:
            return transitions.heartbeat(session, self._lease, lease_s=self._context.settings.lease_s, progress=news)

    def checkpoint(self, event: CheckpointSaved) -> None:
        """Record that a checkpoint is complete; its place is nobody's business outside."""
        self._add("checkpoint", {"step": event.step})

    def validation(self, event: Validated) -> None:
        """Record what the training has come to."""
        self._add("validation", event.model_dump(exclude={"kind"}))

    def _add(self, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event to the job, if it is still this attempt's."""
        with self._context.db.write() as session:
            if transitions.heartbeat(session, self._lease, lease_s=self._context.settings.lease_s) is not None:
                transitions.add_event(session, self._lease.job_id, kind, data)


def _end(context: WorkerContext, session: Session, lease: Lease, outcome: Outcome, workspace: Workspace) -> bool:
    """Make the transition of a job whose trainer ended without a result."""
    if outcome.kind == "failed":
        return transitions.fail(session, lease, _fault(workspace.in_users_words(outcome.error)))
    if outcome.kind == "preempted":
        return transitions.release(session, lease)
    if outcome.kind == "lost":
        return _give_up(context, session, lease, outcome.reason)
    return False


def _give_up(context: WorkerContext, session: Session, lease: Lease, reason: str) -> bool:
    """Try again later, or fail after too many losses."""
    return transitions.give_up_attempt(session, lease, retry_delay_s=context.settings.retry_delay_s, reason=reason)


def _settle(context: WorkerContext, lease: Lease, transition: Callable[[Session], bool]) -> None:
    """Make the last transition of an attempt; a job that is being canceled is canceled instead.

    When neither holds, the job belongs to somebody else by now and nothing is written. When the database stays away,
    the lease runs out and the reaper settles.
    """
    for number in range(_SETTLE_TRIES):
        try:
            with context.db.write() as session:
                _ = transition(session) or transitions.finish_cancel(session, lease)
            return
        except SQLAlchemyError as error:
            log.warning("settling job %s: %s", lease.job_id, error)
            time.sleep(0.5 * 2**number)


def _fault(error: Mapping[str, str]) -> Fault:
    """Turn an error of the engine (`SpfError.as_dict`) into the job's."""
    message = (
        f"Found {error['found']}; allowed: {error['allowed']}." if error.get("found") else error.get("message", "")
    )
    return Fault(error.get("code", "engine_failed"), message, error.get("hint", ""))
