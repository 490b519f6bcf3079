"""Jobs as the records have them when somebody asks, so that the figures are right however many processes there are."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, get_args

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstrumentedAttribute, Session

from backend.db import Database
from backend.jobs.kinds import JobKind
from backend.tables import Job, JobEvent, JobState

log = logging.getLogger(__name__)

_BOUNDS_S = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)


class JobFigures(Collector):
    """Reads the figures of all jobs, all of one moment.

    Args:
        db: the records.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def collect(self) -> Iterator[Metric]:
        """Give the figures; without a database only that it is away."""
        try:
            with self._db.read() as session:
                found = [*_counts(session), _waits(session), _runs(session), _failures(session), _losses(session)]
        except SQLAlchemyError as error:
            log.warning("the figures lack those of the jobs: %s", error)
            found = []
        yield GaugeMetricFamily("spf_database_up", "1 when the database answered just now.", value=float(bool(found)))
        yield from found


def _counts(session: Session) -> list[Metric]:
    """Jobs by kind and status; those that are queued once more, because that is what one looks for."""
    jobs = GaugeMetricFamily("spf_jobs", "Jobs in the records.", labels=("kind", "status"))
    depth = GaugeMetricFamily("spf_queue_depth", "Jobs that wait for a worker.", labels=("kind",))
    by_state = select(Job.kind, Job.state, func.count()).group_by(Job.kind, Job.state)
    found = {(kind, state): count for kind, state, count in session.execute(by_state)}
    for kind, state in product(get_args(JobKind), get_args(JobState)):
        jobs.add_metric((kind, state), found.get((kind, state), 0))
    for kind in get_args(JobKind):
        depth.add_metric((kind,), found.get((kind, "queued"), 0))
    return [jobs, depth]


def _waits(session: Session) -> Metric:
    """How long jobs waited for their first start."""
    waits = HistogramMetricFamily("spf_job_wait_seconds", "Time from order to first start.", labels=("kind",))
    _fill(session, waits, Job.started_at - Job.created_at, (Job.kind,))
    return waits


def _runs(session: Session) -> Metric:
    """How long jobs took from their first start to their end, interruptions included."""
    help_text = "Time from first start to end."
    runs = HistogramMetricFamily("spf_job_run_seconds", help_text, labels=("kind", "status"))
    _fill(session, runs, Job.finished_at - Job.started_at, (Job.kind, Job.state))
    return runs


def _failures(session: Session) -> Metric:
    """Failed jobs by what went wrong."""
    failures = CounterMetricFamily("spf_job_failures", "Failed jobs.", labels=("kind", "code"))
    by_code = select(Job.kind, Job.error_code, func.count()).group_by(Job.kind, Job.error_code)
    for kind, code, count in session.execute(by_code.where(Job.state == "failed")):
        failures.add_metric((kind, str(code)), count)
    return failures


def _losses(session: Session) -> Metric:
    """How often a job went back into the queue because its worker or its engine was lost."""
    help_text = "Attempts that were lost and tried again."
    losses = CounterMetricFamily("spf_job_losses", help_text, labels=("kind", "reason"))
    # A job that was never lost has one token: so the many events of most jobs are not looked at.
    requeued = (
        select(Job.kind.label("kind"), JobEvent.data["reason"].as_string().label("reason"))
        .join(Job, Job.id == JobEvent.job_id)
        .where(Job.token > 1, JobEvent.kind == "state")
        .subquery()
    )
    lost = select(requeued.c.kind, requeued.c.reason, func.count()).where(requeued.c.reason != "preempted")
    for kind, reason, count in session.execute(lost.group_by(requeued.c.kind, requeued.c.reason)):
        losses.add_metric((kind, reason), count)
    return losses


def _fill(
    session: Session,
    histogram: HistogramMetricFamily,
    seconds: ColumnElement[Any],
    labels: Sequence[InstrumentedAttribute[str]],
) -> None:
    """Have the database sort durations into the histogram's buckets."""
    within = [func.sum(case((seconds <= bound, 1), else_=0)) for bound in _BOUNDS_S]
    query = select(*labels, func.count(), func.sum(seconds), *within).where(seconds.is_not(None)).group_by(*labels)
    for row in session.execute(query):
        names, (count, total, *counts) = row[: len(labels)], row[len(labels) :]
        buckets = [(str(bound), number) for bound, number in zip(_BOUNDS_S, counts, strict=True)]
        histogram.add_metric(names, [*buckets, ("+Inf", count)], total)
