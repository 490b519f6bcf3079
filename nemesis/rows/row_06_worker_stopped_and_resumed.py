"""A worker is paused for longer than its lease, and wakes up when its job belongs to another one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import psutil

from nemesis.jobs import FINAL, order_training, succeeds, wait_for_phase
from nemesis.row import Round, Row
from nemesis.studio import Studio
from nemesis.violation import Violation, unless
from nemesis.waiting import wait_for


def _strike(this: Round) -> Iterator[Violation]:
    studio = this.studio
    job_id = order_training(studio)
    wait_for_phase(studio, job_id, "stage1")
    first = wait_for(lambda: next(filter(studio.engine, ("train", "train-2")), None), "the worker that has the job")
    engine = studio.engine(first)
    paused = [studio.process(first), *studio.process(first).children(recursive=True)]
    # The engine is left to run: it finishes by itself, and its supervisor reads of that when it wakes up.
    _each(paused, engine, "suspend")
    studio.history.note("SIGSTOP", worker=first)
    _wait_for_successor(studio, job_id, ended=this.number % 2 == 1)
    _each(paused, engine, "resume")
    studio.history.note("SIGCONT", worker=first)
    yield from succeeds(studio, job_id, attempts=2)
    if engine is not None:
        gone, _ = psutil.wait_procs([engine], timeout=60.0)
        yield from unless(bool(gone), f"the fenced engine {engine.pid} works on", "leak")


def _each(processes: list[psutil.Process], engine: psutil.Process | None, action: str) -> None:
    for process in processes:
        if engine is None or process.pid != engine.pid:
            getattr(process, action)()


def _wait_for_successor(studio: Studio, job_id: str, *, ended: bool) -> None:
    """Wait until the other worker has the job, or even has finished it."""

    def look() -> bool:
        job = studio.client.job(job_id)
        return job["attempt"] == 2 and (not ended or job["status"] in FINAL)

    wait_for(look, f"a second attempt at {job_id}")


WORKER_STOPPED_AND_RESUMED: Final = Row(
    number=6,
    fault="SIGSTOP to a worker for longer than its lease, SIGCONT when another one has its job or has finished it",
    promise="the other worker's result is published, whole; the first writes nothing more and its engine ends",
    rounds=50,
    strike=_strike,
    workers=("train", "train-2"),
)
