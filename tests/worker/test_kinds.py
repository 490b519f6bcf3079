"""Every kind of job that can be ordered can be done, and what it publishes is known."""

from typing import get_args

from backend.jobs.kinds import KINDS as ORDERED
from backend.jobs.kinds import JobKind
from worker.__main__ import QUEUES
from worker.kinds import KINDS as DONE


def test_orders_and_workers_know_the_same_kinds() -> None:
    assert set(get_args(JobKind)) == set(ORDERED) == set(DONE)


def test_every_kind_waits_in_a_queue_that_workers_serve() -> None:
    assert {kind.queue for kind in ORDERED.values()} == set(QUEUES)
