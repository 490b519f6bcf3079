"""One order, sent many times at once with one Idempotency-Key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Final

from nemesis.client import PAIR
from nemesis.row import Round, Row
from nemesis.violation import Violation, unless

_REQUESTS: Final = 50


def _strike(this: Round) -> Iterator[Violation]:
    studio = this.studio
    key = {"Idempotency-Key": f"key-{this.number}"}
    order = {"kind": "comparison", "spec": {**PAIR, "seed": this.number}}
    with ThreadPoolExecutor(_REQUESTS) as senders:
        sent = [senders.submit(studio.client.ask, "POST", "/jobs", json=order, headers=key) for _ in range(_REQUESTS)]
        answers = [future.result() for future in sent]
    jobs = {answer.json().get("id") for answer in answers}
    yield from unless(len(jobs) == 1, f"{len(jobs)} jobs from one key", "published twice")
    statuses = Counter(answer.status_code for answer in answers)
    expected = {HTTPStatus.ACCEPTED: 1, HTTPStatus.OK: _REQUESTS - 1}
    yield from unless(statuses == expected, f"the answers were {dict(statuses)}")
    other = studio.client.ask("POST", "/jobs", json={**order, "spec": {**PAIR, "seed": 10_000}}, headers=key)
    yield from unless(other.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, f"another order: {other.status_code}")
    for job_id in jobs:
        studio.client.cancel(str(job_id))


ONE_KEY_MANY_TIMES: Final = Row(
    number=31,
    fault=f"one order {_REQUESTS} times at once with one Idempotency-Key, and another order with the same key",
    promise="one job, found by all; the other order is refused",
    rounds=50,
    strike=_strike,
)
