"""A comparison: a pair drawn by the engine that is kept warm."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy.orm import Session

from backend.comparisons.repository import add_comparison
from backend.ids import new_id
from backend.storage import StoredFile
from backend.tables import Comparison
from spf_portrait.contract.artifacts import SAMPLE
from spf_portrait.contract.drawing_order import DrawingOrder
from spf_portrait.contract.drawing_spec import ComparisonSpec
from worker.kinds.adapter_files import adapter_file
from worker.kinds.kind import Attempt, Kind, Made
from worker.kinds.output import all_files, required
from worker.outcome import Outcome
from worker.warm_engine import Supervision


def _work(attempt: Attempt) -> Outcome:
    """Have a pair drawn."""
    context, claim, workspace = attempt.context, attempt.claim, attempt.workspace
    spec = ComparisonSpec.from_mapping(claim.spec)
    several = tuple(adapter_file(context, use.adapter) for use in spec.adapters)
    alone = None if several or claim.source_adapter_id is None else adapter_file(context, claim.source_adapter_id)
    order = DrawingOrder(spec=spec, adapter=alone, adapters=several, out=workspace.out)
    return context.warm_engine.draw(order, workspace.log, Supervision(attempt.lease, context.timing, context.draining))


def _made(attempt: Attempt) -> Made:
    """Both pictures, their maps and their record."""
    out = attempt.workspace.out
    sample: dict[str, Any] = json.loads(required(out / SAMPLE).read_text("utf-8"))

    def add(session: Session, stored: list[StoredFile]) -> None:
        add_comparison(
            session,
            comparison_id=new_id("cmp"),
            job_id=attempt.claim.lease.job_id,
            adapter_id=attempt.claim.source_adapter_id,
            sample=sample,
            files=stored,
        )

    return Made(Comparison, all_files(out), add)


COMPARISON = Kind(_work, _made)
