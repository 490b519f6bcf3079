"""How long a training will take, from the steps of earlier ones like it on this machine; nothing is assumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.tables import Job, JobEvent

_ALIKE = (
    "base",
    "method",
    "adapter",
    "batch_size",
    "accumulation",
    "image_size_px",
    "precision",
    "gradient_checkpointing",
)
"""Settings that the time of a step hangs on most."""

_SEARCHED = 100
_AVERAGED = 5
"""How many of the newest trainings are searched, and how many like this one are averaged."""


@dataclass(frozen=True)
class Estimate:
    """What earlier trainings say about a new one."""

    seconds: float
    """From the first to the last moment of its work, without waiting in the queue."""
    trainings: int
    """How many it is averaged over."""


@dataclass(frozen=True)
class _Pace:
    """One training that ended well, in seconds."""

    per_step: Mapping[str, float]
    """By stage, as far as it took steps."""
    rest: float
    """Everything else: loading, preparing, exporting."""


def estimated(session: Session, spec: Mapping[str, Any]) -> Estimate | None:
    """Estimate a training's time.

    Args:
        session: a transaction.
        spec: all of its settings.

    Returns:
        None when a stage that it has was not measured yet on anything like it.
    """
    paces = [_pace(session, job) for job in _alike(session, spec)]
    wanted = {stage: int(spec[f"{stage}_steps"]) for stage in ("stage1", "stage2") if spec[f"{stage}_steps"]}
    measured = [pace for pace in paces if pace.per_step.keys() >= wanted.keys()]
    if not measured:
        return None
    stages = sum(fmean(pace.per_step[stage] for pace in measured) * steps for stage, steps in wanted.items())
    return Estimate(stages + fmean(pace.rest for pace in measured), len(measured))


def _alike(session: Session, spec: Mapping[str, Any]) -> Sequence[Job]:
    """Return the newest trainings with the same settings that ended well, each in one unbroken attempt."""
    query = select(Job).where(
        Job.kind == "training", Job.state == "succeeded", Job.attempt == 1, Job.parent_id.is_(None)
    )
    found = session.scalars(query.order_by(Job.id.desc()).limit(_SEARCHED))
    same = [job for job in found if all(job.spec.get(name) == spec.get(name) for name in _ALIKE)]
    return same[:_AVERAGED]


def _pace(session: Session, job: Job) -> _Pace:
    """Measure a training by the first and the last progress event of each stage."""
    phase, step = JobEvent.data["phase"].as_string(), JobEvent.data["step"].as_integer()
    query = (
        select(phase, func.min(JobEvent.at), func.max(JobEvent.at), func.min(step), func.max(step))
        .where(JobEvent.job_id == job.id, JobEvent.kind == "progress", phase.in_(("stage1", "stage2")))
        .group_by(phase)
    )
    spans = {
        str(stage): (last_s - first_s, last - first)
        for stage, first_s, last_s, first, last in session.execute(query)
        if last > first
    }
    whole_s = (job.finished_at or 0.0) - (job.claimed_at or 0.0)
    return _Pace(
        per_step={stage: seconds / steps for stage, (seconds, steps) in spans.items()},
        rest=max(0.0, whole_s - sum(seconds for seconds, _ in spans.values())),
    )
