"""The folders of an attempt: laid out without copies, under a held lease, never in another attempt's way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backend.db import Database
from backend.jobs import transitions
from backend.jobs.transitions import Claim, Lease
from backend.storage import LocalStorage
from backend.tables import DatasetVersion
from spf_portrait.contract.caption_set import load_caption_set
from spf_portrait.contract.errors import DataError
from tests.backend.service_fixtures import job_row
from worker.held_lease import HeldLease, LeaseEnded
from worker.workspace import Workspace


def _pass() -> None:
    """Nothing is to be done between two pieces."""


@pytest.fixture
def version(db: Database, claim: Claim) -> DatasetVersion:
    """Its caption set."""
    with db.read() as session:
        found = session.get(DatasetVersion, claim.dataset_version_id)
    assert found is not None
    return found


def test_portraits_are_laid_out_as_they_are_stored(
    storage: LocalStorage, claim: Claim, version: DatasetVersion
) -> None:
    workspace = Workspace(storage, claim.lease)
    workspace.open()
    workspace.lay_out(claim.spec, version, _pass)
    laid_out = load_caption_set(workspace.data)
    stored = [storage.path(item["image_key"]) for item in version.items]
    assert [place.samefile(kept) for place, kept in zip(laid_out.images, stored, strict=True)] == [True, True]
    assert laid_out.target == "blonde hair"
    workspace.close(finished=False)
    assert all(kept.is_file() for kept in stored)


def test_a_file_system_without_second_names_gets_copies(
    storage: LocalStorage, claim: Claim, version: DatasetVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    workspace = Workspace(storage, claim.lease)
    workspace.open()
    workspace.lay_out(claim.spec, version, _pass)
    stored = storage.path(version.items[0]["image_key"])
    assert load_caption_set(workspace.data).images[0].read_bytes() == stored.read_bytes()


def test_laying_out_keeps_the_lease(db: Database, storage: LocalStorage, claim: Claim, version: DatasetVersion) -> None:
    before = job_row(db, claim.lease.job_id).lease_until or 0.0
    workspace = Workspace(storage, claim.lease)
    workspace.open()
    workspace.lay_out(claim.spec, version, HeldLease(db, storage, claim.lease, lease_s=10_000.0, heartbeat_s=0.0).keep)
    assert (job_row(db, claim.lease.job_id).lease_until or 0.0) > before + 1000.0


def test_laying_out_ends_with_a_cancel(
    db: Database, storage: LocalStorage, claim: Claim, version: DatasetVersion
) -> None:
    with db.write() as session:
        transitions.request_cancel(session, claim.lease.job_id)
    workspace = Workspace(storage, claim.lease)
    workspace.open()
    with pytest.raises(LeaseEnded, match="canceling"):
        workspace.lay_out(claim.spec, version, HeldLease(db, storage, claim.lease, lease_s=60.0, heartbeat_s=0.0).keep)


def test_a_stored_portrait_that_is_gone_is_named(storage: LocalStorage, claim: Claim, version: DatasetVersion) -> None:
    storage.path(version.items[1]["image_key"]).unlink()
    workspace = Workspace(storage, claim.lease)
    workspace.open()
    with pytest.raises(DataError) as refusal:
        workspace.lay_out(claim.spec, version, _pass)
    assert "1.png" in workspace.in_users_words(refusal.value.as_dict())["message"]


def test_no_adapter_is_written_for_every_checkpoint(
    storage: LocalStorage, claim: Claim, version: DatasetVersion
) -> None:
    workspace = Workspace(storage, claim.lease)
    workspace.open()
    workspace.lay_out(claim.spec, version, _pass)
    assert json.loads(workspace.spec_file.read_text("utf-8")) == {**claim.spec, "export_checkpoints": False}


def test_a_worker_that_wakes_up_late_leaves_its_successor_alone(storage: LocalStorage) -> None:
    first, late, successor = (Workspace(storage, Lease("job_x", token)) for token in (1, 2, 3))
    first.open()
    successor.open()
    assert not first.root.exists()
    late.open()
    assert successor.out.is_dir()


def _checkpoint(storage: LocalStorage, job_id: str, token: int, name: str) -> Path:
    folder = storage.path(f"checkpoints/{job_id}/{token}/{name}")
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}", "utf-8")
    return folder


def test_checkpoints_come_from_the_newest_attempt_or_the_nearest_ancestor(storage: LocalStorage) -> None:
    def inherited(job_id: str, token: int, ancestors: list[str]) -> list[str]:
        workspace = Workspace(storage, Lease(job_id, token))
        workspace.inherit_checkpoints(ancestors, _pass)
        return [path.name for path in workspace.checkpoints.iterdir()]

    _checkpoint(storage, "job_old", 1, "step-1")
    _checkpoint(storage, "job_old", 10, "step-10")
    storage.path("checkpoints/job_old/11").mkdir()
    storage.path("checkpoints/job_parent").mkdir()
    assert inherited("job_new", 1, ["job_parent", "job_old"]) == ["step-10"]
    _checkpoint(storage, "job_new", 2, "step-20")
    assert inherited("job_new", 3, ["job_old"]) == ["step-20"]
    assert inherited("job_first", 1, []) == []


def test_an_attempt_takes_over_the_checkpoints_of_the_one_before(storage: LocalStorage) -> None:
    manifest = _checkpoint(storage, "job_x", 1, "step-1") / "manifest.json"
    same = manifest.stat().st_ino
    workspace = Workspace(storage, Lease("job_x", 2))
    workspace.inherit_checkpoints([], _pass)
    assert (workspace.checkpoints / "step-1" / "manifest.json").stat().st_ino == same
    assert [path.name for path in storage.path("checkpoints/job_x").iterdir()] == ["2"]


def test_a_parents_checkpoints_stay_with_it(storage: LocalStorage) -> None:
    kept = _checkpoint(storage, "job_parent", 1, "step-1")
    Workspace(storage, Lease("job_x", 1)).inherit_checkpoints(["job_parent"], _pass)
    assert (kept / "manifest.json").is_file()
