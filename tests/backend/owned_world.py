"""One of everything that an owner may have, written as rows and files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.db import Database
from backend.ids import new_id
from backend.jobs import transitions
from backend.jobs.preview_files import preview_folder, preview_name
from backend.storage import LocalStorage
from backend.tables import (
    Adapter,
    BulkEdit,
    Comparison,
    Dataset,
    DatasetItem,
    DatasetVersion,
    Evaluation,
    Job,
    JobState,
    Result,
)
from tests.backend.service_fixtures import add_dataset, png

FILE = "picture.png"
PREVIEW = preview_name(1, 0, 0)
_SPEC = {"base": "pico", "adapter": None, "base_text": "a woman", "target": "blonde hair", "seed": 1}
_FIGURES: dict[str, Any] = {
    **{"base": "pico", "target": "hat", "count": 1, "steps": 1, "guidance_scale": 1.0, "strength": 1.0},
    **{"hold": None, "metrics": {}, "pollution_by_axis": {}},
}


@dataclass(frozen=True)
class World:
    """Ids of what an owner has."""

    dataset: str
    item: str
    queued_job: str
    failed_job: str
    adapter: str
    comparison: str
    evaluation: str


def owned_world(db: Database, storage: LocalStorage, owner: str) -> World:
    """Make one of everything for an owner; each result has one file, and nothing depends on it."""
    with db.write() as session:
        dataset = _dataset(session, storage, owner)
        item = session.scalars(select(DatasetItem.id).where(DatasetItem.dataset_id == dataset)).first()
        assert item is not None
        failed = _job(session, owner, "failed", error_code="x", error_message="x", error_hint="x")
        _write(storage.path(f"logs/{failed}.1.log"), b"what the engine said")
        _write(storage.path(f"{preview_folder(failed)}/{PREVIEW}"), png())
        made = _results(session, storage, owner)
        return World(dataset, item, _job(session, owner, "queued"), failed, *made)


def _dataset(session: Session, storage: LocalStorage, owner: str) -> str:
    """A frozen set whose last bulk edit can be undone."""
    version = session.get_one(DatasetVersion, add_dataset(session, storage))
    session.execute(update(Dataset).where(Dataset.id == version.dataset_id).values(belongs_to=owner))
    items = session.scalars(select(DatasetItem).where(DatasetItem.dataset_id == version.dataset_id)).all()
    after = [
        {"id": item.id, "file_name": item.file_name, "base": item.base, "target": item.target, "problem": item.problem}
        for item in items
    ]
    before = [{**state, "base": ["a man"]} for state in after]
    edit = {"kind": "replace", "find": "man", "replacement": "woman"}
    session.add(BulkEdit(dataset_id=version.dataset_id, edit=edit, before=before, after=after))
    return version.dataset_id


def _job(session: Session, owner: str, state: JobState, **columns: Any) -> str:
    """A comparison in some state."""
    job = Job(id=new_id("job"), kind="comparison", queue="draw", state=state, spec=_SPEC, belongs_to=owner, **columns)
    transitions.enqueue(session, job)
    return job.id


def _results(session: Session, storage: LocalStorage, owner: str) -> tuple[str, str, str]:
    """An adapter, a pair and an evaluation, each of a job of its own."""
    adapter = Adapter(id=new_id("adp"), base="pico", method="spf", target="hat")
    comparison = Comparison(id=new_id("cmp"), adapter_id=None, sample={})
    _publish(session, storage, owner, adapter)
    _publish(session, storage, owner, comparison)
    other = Adapter(id=new_id("adp"), base="pico", method="spf", target="hat")
    _publish(session, storage, owner, other)
    evaluation = Evaluation(id=new_id("evl"), adapter_id=other.id, figures=_FIGURES)
    _publish(session, storage, owner, evaluation)
    return adapter.id, comparison.id, evaluation.id


def _publish(session: Session, storage: LocalStorage, owner: str, result: Result) -> None:
    """Add a result with one file."""
    result.job_id = _job(session, owner, "succeeded")
    key = f"{result.__tablename__}/{result.job_id}/1/{FILE}"
    place = storage.path(key)
    _write(place, png())
    result.files = [{"name": FILE, "key": key, "sha256": "0" * 64, "size_bytes": place.stat().st_size}]
    session.add(result)
    session.flush()


def _write(place: Path, content: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
