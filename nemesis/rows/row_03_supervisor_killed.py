"""The process that supervises an engine dies; the engine must not go on alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import psutil

from nemesis.jobs import order_training, succeeds, wait_for_phase
from nemesis.row import Round, Row
from nemesis.violation import Violation
from nemesis.waiting import wait_for

_GONE_S: Final = 30.0
"""The kernel ends an orphan at once; a busy machine may take its time to clean up."""


def _strike(this: Round) -> Iterator[Violation]:
    studio = this.studio
    job_id = order_training(studio)
    wait_for_phase(studio, job_id, "loading", "stage1")
    engine = wait_for(lambda: studio.engine("train"), "an engine")
    supervisor = wait_for(engine.parent, "its supervisor")
    studio.history.note("SIGKILL", process="supervisor", pid=supervisor.pid)
    supervisor.kill()
    gone, _ = psutil.wait_procs([engine], timeout=_GONE_S)
    if not gone:
        engine.kill()
        yield Violation("leak", f"the engine {engine.pid} of {job_id} outlived its supervisor")
    yield from succeeds(studio, job_id)


SUPERVISOR_KILLED: Final = Row(
    number=3,
    fault="SIGKILL to the process that supervises an engine",
    promise="the engine dies with it, and the job is done once more",
    rounds=50,
    strike=_strike,
    workers=("train",),
)
