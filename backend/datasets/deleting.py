"""Deleting a caption set: its rows, its pictures, and what else holds its portraits."""

from __future__ import annotations

from collections.abc import Sequence

from backend.context import Context
from backend.datasets import repository
from backend.datasets.lookup import dataset_to_change
from backend.errors import Conflict
from backend.tables import FINAL_STATES, Job


def delete_dataset(context: Context, dataset_id: str, if_match: str | None) -> None:
    """Delete a caption set with its items, versions and pictures.

    Trainings that ended stay, and so do their adapters; but they cannot be retried, because their portraits are gone,
    and with them their checkpoints and whatever a killed attempt left in its workspace.

    Raises:
        NotFound: no such caption set.
        ChangedMeanwhile: the asker has seen another content.
        Conflict: a job that has not ended needs it.
    """
    with context.db.write() as session:
        dataset_to_change(session, dataset_id, if_match)
        jobs = repository.jobs_of(session, dataset_id)
        _refuse_unfinished(jobs)
        repository.delete_dataset(session, dataset_id)
    # What a crash leaves here goes with the next sweep: no row knows it any more.
    context.storage.delete(f"datasets/{dataset_id}")
    for job in jobs:
        context.storage.delete(f"checkpoints/{job.id}")
        context.storage.delete(f"jobs/{job.id}")


def _refuse_unfinished(jobs: Sequence[Job]) -> None:
    """Refuse while a job may still read the pictures.

    Raises:
        Conflict: one may.
    """
    unfinished = [job for job in jobs if job.state not in FINAL_STATES]
    if unfinished:
        named = ", ".join(job.id for job in unfinished[:5])
        raise Conflict(
            "dataset_in_use",
            f"Found {len(unfinished)} jobs on this caption set that have not ended: {named}.",
            "Cancel them, or wait for their end; then delete the caption set.",
            [{"code": "unfinished_job", "message": f"{job.id} is {job.state}"} for job in unfinished],
        )
