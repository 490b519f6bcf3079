"""What the engine is given to do: a training, with its caption set and checkpoints laid out, or a pair to draw."""

from __future__ import annotations

from pathlib import Path

from backend.adapters.repository import get_adapter
from backend.datasets.repository import get_version
from backend.jobs.repository import ancestors
from backend.jobs.transitions import Claim
from backend.tables import DatasetVersion
from spf_portrait.contract.artifacts import ADAPTER
from spf_portrait.contract.drawing_order import DrawingOrder
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.contract.errors import DataError, ModelError
from worker.context import WorkerContext, engine_environment
from worker.held_lease import HeldLease
from worker.outcome import Outcome
from worker.supervisor import supervise
from worker.warm_engine import Supervision
from worker.workspace import Workspace


def version_of(context: WorkerContext, claim: Claim) -> DatasetVersion | None:
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


def train(
    context: WorkerContext, claim: Claim, lease: HeldLease, workspace: Workspace, version: DatasetVersion
) -> Outcome:
    """Have an adapter trained."""
    workspace.lay_out(claim.spec, version, lease.keep)
    with context.db.read() as session:
        parents = ancestors(session, claim.parent_id)
    workspace.inherit_checkpoints(parents, lease.keep)
    return supervise(
        _training_command(context, workspace),
        lease,
        context.timing,
        draining=context.draining,
        log_path=workspace.log,
        environment=engine_environment(context.settings),
    )


def draw(context: WorkerContext, claim: Claim, lease: HeldLease, workspace: Workspace) -> Outcome:
    """Have a pair drawn."""
    spec = ComparisonSpec.from_mapping(claim.spec)
    several = tuple(_adapter_file(context, use.adapter) for use in spec.adapters)
    alone = None if several or claim.source_adapter_id is None else _adapter_file(context, claim.source_adapter_id)
    order = DrawingOrder(spec=spec, adapter=alone, adapters=several, out=workspace.out)
    return context.warm_engine.draw(order, workspace.log, Supervision(lease, context.timing, context.draining))


def _training_command(context: WorkerContext, workspace: Workspace) -> list[str]:
    """Return the engine's argument list."""
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
