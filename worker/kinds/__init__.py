"""The kinds of jobs that workers can do; a new one is a file beside these and an entry here.

How it is ordered, and which workers take it, is declared in `backend.jobs.kinds`.
"""

from __future__ import annotations

from worker.kinds.comparison import COMPARISON
from worker.kinds.evaluation import EVALUATION
from worker.kinds.kind import Attempt, Kind
from worker.kinds.training import TRAINING

__all__ = ["KINDS", "Attempt", "Kind"]

KINDS: dict[str, Kind] = {"training": TRAINING, "comparison": COMPARISON, "evaluation": EVALUATION}
