"""Steps that several rows take with a job: order it, wait for a point in it, see how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from nemesis.checker import read_records, states_of
from nemesis.client import PAIR, TRAINING
from nemesis.studio import Studio
from nemesis.violation import Violation, unless
from nemesis.waiting import wait_for

FINAL: Final = ("succeeded", "failed", "canceled")


def order_training(studio: Studio) -> str:
    """Order the smallest training; its caption set is uploaded first."""
    dataset_id = studio.client.upload_folder(studio.portraits)
    return studio.client.order({"kind": "training", "dataset_id": dataset_id, "spec": TRAINING})


def order_pair(studio: Studio, seed: int) -> str:
    """Order the smallest pair."""
    return studio.client.order({"kind": "comparison", "spec": {**PAIR, "seed": seed}})


def wait_for_phase(studio: Studio, job_id: str, *phases: str) -> dict[str, Any]:
    """Wait until a job is in one of these phases, or has ended."""

    def look() -> dict[str, Any] | None:
        job = studio.client.job(job_id)
        return job if job["phase"] in phases or job["status"] in FINAL else None

    return wait_for(look, f"{job_id} to be {' or '.join(phases)}")


def wait_for_end(studio: Studio, job_id: str) -> dict[str, Any]:
    """Wait until a job has ended."""

    def look() -> dict[str, Any] | None:
        job = studio.client.job(job_id)
        return job if job["status"] in FINAL else None

    return wait_for(look, f"{job_id} to end")


def succeeds(studio: Studio, job_id: str, attempts: int | None = None) -> Iterator[Violation]:
    """Wait for a job's end; yield a violation unless it succeeded, with so many attempts if that is told."""
    job = wait_for_end(studio, job_id)
    studio.history.note("ended", job=job_id, status=job["status"], attempt=job["attempt"])
    yield from unless(job["status"] == "succeeded", f"{job_id} {job['status']}: {job['error']}", "lost")
    if attempts is not None:
        yield from unless(job["attempt"] == attempts, f"{job_id} took {job['attempt']} attempts, not {attempts}")


def went_through(studio: Studio, job_id: str) -> list[str]:
    """Return the states that a job went through."""
    return states_of(read_records(studio.db).events[job_id])


def checkpoint_steps(studio: Studio, job_id: str) -> list[int]:
    """Return the steps of the checkpoints that a job told of, in order."""
    events = read_records(studio.db).events[job_id]
    return [int(event.data["step"]) for event in events if event.kind == "checkpoint"]
