"""The kinds of jobs that can be ordered; a new one is a file beside these and an entry here.

What its worker does is declared in `worker.kinds`, and what it publishes is a table among `backend.tables.RESULTS`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from backend.jobs.kinds.comparison import COMPARISON, ComparisonIn
from backend.jobs.kinds.evaluation import EVALUATION, EvaluationIn
from backend.jobs.kinds.kind import Draft, Kind
from backend.jobs.kinds.training import TRAINING, TrainingIn

__all__ = ["KINDS", "Draft", "JobIn", "JobKind", "Kind"]

JobKind = Literal["training", "comparison", "evaluation"]
JobIn = Annotated[TrainingIn | ComparisonIn | EvaluationIn, Field(discriminator="kind")]
KINDS: dict[JobKind, Kind[Any]] = {"training": TRAINING, "comparison": COMPARISON, "evaluation": EVALUATION}
