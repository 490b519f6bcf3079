"""`python -m worker train` or `python -m worker draw`: a worker that takes one job at a time from one queue."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, get_args

from backend.db import Database
from backend.settings import load_settings
from backend.start_error import StartError
from backend.tables import JobQueue
from worker.app import create_worker

QUEUES: tuple[str, ...] = get_args(JobQueue)


def worker_options(queue: str) -> list[str]:
    """Return Celery's options for a worker of one queue.

    One forked process, one message at a time: a second message must stay in the broker for another worker. Gossip,
    mingle and heartbeats only fill the broker; the lease in the job's row says who is alive.
    """
    return [
        "worker",
        *("--pool", "prefork", "--concurrency", "1", "--queues", queue),
        *("--without-gossip", "--without-mingle", "--without-heartbeat", "--disable-prefetch"),
        *("--hostname", f"{queue}@%h"),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a worker until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m worker", description=__doc__)
    parser.add_argument("queue", choices=QUEUES, help="train: trainings; draw: pairs of pictures and evaluations")
    chosen = parser.parse_args(arguments)
    try:
        settings = load_settings()
        # Connects to nothing yet, and nothing is carried through the pool's fork; it finds out whether a driver lacks.
        Database(settings.sqlalchemy_url).close()
        app: Any = create_worker(settings)
    except StartError as error:
        sys.exit(f"The worker cannot start: {error}")
    app.worker_main(worker_options(chosen.queue))


if __name__ == "__main__":
    main()
