"""A training: the caption set and the newest checkpoints are laid out, and an adapter comes of it."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy.orm import Session

from backend.adapters.repository import add_adapter
from backend.datasets.repository import get_version
from backend.ids import new_id
from backend.jobs.repository import ancestors
from backend.jobs.transitions import Claim
from backend.storage import StoredFile
from backend.tables import Adapter, DatasetVersion
from spf_portrait.contract.artifacts import (
    ADAPTER,
    ADAPTER_NOTES,
    ADAPTER_PICTURE,
    DIFFUSERS_ADAPTER,
    LOSS_LOG,
    REPORT,
)
from spf_portrait.contract.errors import DataError
from worker.context import engine_environment
from worker.kinds.kind import Attempt, Kind, Made
from worker.kinds.output import required
from worker.outcome import Outcome
from worker.supervisor import supervise
from worker.workspace import Workspace

_OF_AN_ADAPTER = (ADAPTER, DIFFUSERS_ADAPTER, ADAPTER_NOTES, ADAPTER_PICTURE, REPORT, LOSS_LOG)
"""What is published of a training, as far as it was written; each under its last name alone."""


def made_by_training(claim: Claim, out: Path, target: str) -> Made:
    """An adapter with its files.

    Args:
        claim: the attempt.
        out: the engine's output folder.
        target: the phrase that was taught.

    Raises:
        ExportError: the engine left no adapter.
    """
    required(out / ADAPTER)
    files = {PurePosixPath(name).name: out / name for name in _OF_AN_ADAPTER if (out / name).is_file()}
    report: dict[str, Any] = json.loads(files[REPORT].read_text("utf-8")) if REPORT in files else {}

    def add(session: Session, stored: list[StoredFile]) -> None:
        add_adapter(
            session,
            adapter_id=new_id("adp"),
            job_id=claim.lease.job_id,
            base=str(claim.spec["base"]),
            method=str(claim.spec["method"]),
            target=target,
            loads_in=report.get("loads_in"),
            loads_in_reason=report.get("loads_in_reason") or None,
            files=stored,
        )

    return Made(Adapter, files, add)


def _work(attempt: Attempt) -> Outcome:
    """Have an adapter trained."""
    context, workspace, keep = attempt.context, attempt.workspace, attempt.lease.keep
    workspace.lay_out(attempt.claim.spec, _version(attempt), keep)
    with context.db.read() as session:
        parents = ancestors(session, attempt.claim.parent_id)
    workspace.inherit_checkpoints(parents, keep)
    return supervise(
        [*context.engine, *_arguments(workspace)],
        attempt.lease,
        context.timing,
        draining=context.draining,
        log_path=workspace.log,
        environment=engine_environment(context.settings),
    )


def _made(attempt: Attempt) -> Made:
    return made_by_training(attempt.claim, attempt.workspace.out, _version(attempt).target)


def _version(attempt: Attempt) -> DatasetVersion:
    """Return the caption set version that is trained on."""
    version_id = str(attempt.claim.dataset_version_id)
    with attempt.context.db.read() as session:
        version = get_version(session, version_id)
    if version is None:
        raise DataError(
            "version_gone",
            f"no caption set version {version_id}",
            "a version of this studio",
            "Create a new training from the caption set",
        )
    return version


def _arguments(workspace: Workspace) -> list[str]:
    """Return what the engine is called with."""
    return [
        *("train", str(workspace.data), "--spec", str(workspace.spec_file), "--out", str(workspace.out)),
        *("--checkpoints", str(workspace.checkpoints), "--resume", "--events"),
    ]


TRAINING = Kind(_work, _made)
