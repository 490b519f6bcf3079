"""The Celery application: brings messages that a job may be there, nothing more.

A message is acknowledged before the work starts and carries a job's id only. Whether there is work, who has it and how
it ended is decided in the job's row (see `backend.jobs.transitions`). No result backend, no remote control.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from multiprocessing.sharedctypes import RawValue
from typing import Any, cast

from celery import Celery
from celery.signals import setup_logging, worker_process_shutdown, worker_shutting_down

from backend.db import Database
from backend.logs import configure_logs
from backend.maintenance.notifier import RUN_JOB
from backend.settings import Settings
from backend.start_error import StartError
from backend.storage import LocalStorage
from worker.attempt import run_attempt
from worker.context import ENGINE, WorkerContext, engine_environment
from worker.warm_engine import WarmEngine


def create_worker(settings: Settings, engine: Sequence[str] = ENGINE) -> Any:
    """Build the Celery application.

    Args:
        settings: settings of the service; `redis_url` must be set.
        engine: command that the arguments of `spf-portrait` are appended to.

    Returns:
        The application, untyped as Celery is.

    Raises:
        StartError: no broker is named.
    """
    if settings.redis_url is None:
        raise StartError("found no SPF_REDIS_URL; a worker needs a broker. `python -m backend.studio` starts one.")
    app = cast(Any, Celery("worker", broker=settings.redis_url))
    app.conf.update(
        task_acks_late=False,
        task_ignore_result=True,
        worker_prefetch_multiplier=1,
        # The job's row says whether to go on; a restart of the broker is no reason to stop a training.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={"socket_keepalive": True, "health_check_interval": 25},
    )
    draining = _drain_flag()
    # Holds no process before the pool's fork; afterwards the forked child, which runs the jobs, has it for itself.
    warm_engine = WarmEngine(engine, engine_environment(settings), settings.warm_s)

    def close_engine(**_: object) -> None:
        warm_engine.close()

    cast(Any, worker_process_shutdown).connect(close_engine, weak=False)

    def log_as_the_service_does(**_: object) -> None:
        configure_logs(settings.log_format, settings.log_level or "INFO")

    cast(Any, setup_logging).connect(log_as_the_service_does, weak=False)  # instead of Celery's own lines

    def run(job_id: str) -> None:
        # Opened here and not at start, because a database connection must not be carried through the pool's fork.
        db = Database(settings.sqlalchemy_url)
        try:
            storage = LocalStorage(settings.data_dir)
            run_attempt(WorkerContext(settings, db, storage, engine, warm_engine, draining), job_id)
        finally:
            db.close()

    app.task(name=RUN_JOB)(run)
    return app


def _drain_flag() -> Callable[[], bool]:
    """Return a test for "this worker is to stop".

    Celery announces the shutdown in its main process only, while the job runs in a forked child; one byte of shared
    memory, mapped before the fork, carries the news. It has no lock, because it is set inside a signal handler.
    """
    flag = RawValue("b", 0)

    def drain(**_: object) -> None:
        flag.value = 1

    cast(Any, worker_shutting_down).connect(drain, weak=False)
    return lambda: bool(flag.value)
