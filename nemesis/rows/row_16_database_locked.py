"""Somebody holds the database's write lock for longer than anybody waits for it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from typing import Final

from backend.db import BUSY_TIMEOUT_S
from nemesis.client import PAIR
from nemesis.jobs import order_training, succeeds, wait_for_phase
from nemesis.row import Round, Row
from nemesis.studio import Studio
from nemesis.violation import Violation, unless

_HELD_S: Final = BUSY_TIMEOUT_S + 3.0


def _strike(this: Round) -> Iterator[Violation]:
    studio = this.studio
    job_id = order_training(studio)
    wait_for_phase(studio, job_id, "loading", "stage1")
    with _locked(studio):
        answer = studio.client.ask("POST", "/jobs", json={"kind": "comparison", "spec": {**PAIR, "seed": this.number}})
    refused = answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and "Retry-After" in answer.headers
    yield from unless(refused, f"an order was answered {answer.status_code}", "server error")
    yield from succeeds(studio, job_id, attempts=1)


@contextmanager
def _locked(studio: Studio) -> Generator[None]:
    """Hold the lock, for the block and for as long as the block's patience could last."""
    until_s = time.monotonic() + _HELD_S
    with closing(sqlite3.connect(studio.data_dir / "studio.sqlite", isolation_level=None, timeout=60.0)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            time.sleep(max(0.0, until_s - time.monotonic()))
        finally:
            connection.execute("ROLLBACK")


DATABASE_LOCKED: Final = Row(
    number=16,
    fault=f"the database's write lock held for {_HELD_S:g} s while a training runs and an order comes",
    promise="the order is answered 503 with Retry-After, and the training goes on",
    rounds=20,
    strike=_strike,
    workers=("train",),
    settings={"SPF_LEASE_S": "60"},
)
