"""An evaluation: an adapter measured by an engine process of its own."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy.orm import Session

from backend.evaluations.repository import add_evaluation
from backend.ids import new_id
from backend.storage import StoredFile
from backend.tables import Evaluation
from spf_portrait.contract.artifacts import EVALUATION as FIGURES
from worker.context import engine_environment
from worker.kinds.adapter_files import adapter_file
from worker.kinds.kind import Attempt, Kind, Made
from worker.kinds.output import all_files, required
from worker.outcome import Outcome
from worker.supervisor import supervise


def _work(attempt: Attempt) -> Outcome:
    """Have an adapter measured."""
    context, workspace = attempt.context, attempt.workspace
    adapter = adapter_file(context, _adapter_id(attempt))
    workspace.spec_file.write_text(json.dumps(attempt.claim.spec), "utf-8")
    # The engine that waits for pairs keeps a base model in memory, which may leave no room for another one.
    context.warm_engine.close()
    return supervise(
        [
            *(*context.engine, "evaluate", "--adapter", str(adapter), "--spec", str(workspace.spec_file)),
            *("--out", str(workspace.out), "--events"),
        ],
        attempt.lease,
        context.timing,
        draining=context.draining,
        log_path=workspace.log,
        environment=engine_environment(context.settings),
    )


def _made(attempt: Attempt) -> Made:
    """The figures, and a sheet of the pictures that they were read off."""
    out = attempt.workspace.out
    figures: dict[str, Any] = json.loads(required(out / FIGURES).read_text("utf-8"))
    for metric in figures["metrics"].values():
        metric.pop("values", None)  # one for each picture: for those who download the file

    def add(session: Session, stored: list[StoredFile]) -> None:
        add_evaluation(
            session,
            evaluation_id=new_id("evl"),
            job_id=attempt.claim.lease.job_id,
            adapter_id=_adapter_id(attempt),
            figures=figures,
            files=stored,
        )

    return Made(Evaluation, all_files(out), add)


def _adapter_id(attempt: Attempt) -> str:
    return str(attempt.claim.source_adapter_id)


EVALUATION = Kind(_work, _made)
