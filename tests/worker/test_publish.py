"""Publishing: the file first, the row with the last transition, nothing left when the job is somebody else's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from backend.db import Database
from backend.jobs import transitions
from backend.jobs.transitions import Claim, Lease
from backend.storage import LocalStorage, sha256_of
from backend.tables import Adapter
from spf_portrait.contract.errors import ExportError
from tests.backend.service_fixtures import NewJob, job_row
from worker.publish import publish_adapter
from worker.workspace import Workspace


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An engine's output folder."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "adapter.safetensors").write_bytes(b"weights")
    (folder / "report.json").write_text("{}", "utf-8")
    (folder / "notes.txt").write_text("not published", "utf-8")
    return folder


@pytest.fixture
def claim(db: Database, new_job: NewJob) -> Claim:
    """A running training."""
    job_id = new_job()
    with db.write() as session:
        claimed = transitions.claim(session, job_id, owner="test", lease_s=60.0)
    assert claimed is not None
    return claimed


def _files(storage: LocalStorage) -> list[str]:
    folder = storage.root / "adapters"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_row_says_what_is_on_the_disk(db: Database, storage: LocalStorage, claim: Claim, out: Path) -> None:
    assert publish_adapter(db, storage, claim, out, "blonde hair")
    with db.read() as session:
        adapter = session.scalars(select(Adapter)).one()
    assert [file["name"] for file in adapter.files] == ["adapter.safetensors", "report.json"]
    for file in adapter.files:
        assert sha256_of(storage.path(file["key"])) == file["sha256"]
    assert job_row(db, claim.lease.job_id).state == "succeeded"


def test_every_exported_file_is_published_under_a_flat_name(
    db: Database, storage: LocalStorage, claim: Claim, out: Path
) -> None:
    report = {"loads_in": ["diffusers"], "loads_in_reason": "its text is narrow", "captured_energy": None}
    (out / "report.json").write_text(json.dumps(report), "utf-8")
    (out / "adapter.json").write_text("{}", "utf-8")
    (out / "adapter.png").write_bytes(b"\x89PNG")
    (out / "diffusers").mkdir()
    (out / "diffusers" / "pytorch_lora_weights.safetensors").write_bytes(b"the same weights")
    (out / "loss.jsonl").write_text("{}\n", "utf-8")
    assert publish_adapter(db, storage, claim, out, "blonde hair")
    with db.read() as session:
        adapter = session.scalars(select(Adapter)).one()
    assert [file["name"] for file in adapter.files] == [
        "adapter.safetensors",
        "pytorch_lora_weights.safetensors",
        "adapter.json",
        "adapter.png",
        "report.json",
        "loss.jsonl",
    ]
    stored = {file["name"]: storage.path(file["key"]).read_bytes() for file in adapter.files}
    assert stored["pytorch_lora_weights.safetensors"] == b"the same weights"
    assert (adapter.loads_in, adapter.loads_in_reason) == (["diffusers"], "its text is narrow")


@pytest.mark.parametrize(
    ("report", "told"), [("{}", None), ('{"loads_in": ["diffusers"], "loads_in_reason": ""}', ["diffusers"])]
)
def test_a_report_may_have_no_reason_or_not_speak_of_tools(
    db: Database, storage: LocalStorage, claim: Claim, out: Path, report: str, told: list[str] | None
) -> None:
    (out / "report.json").write_text(report, "utf-8")
    assert publish_adapter(db, storage, claim, out, "blonde hair")
    with db.read() as session:
        adapter = session.scalars(select(Adapter)).one()
    assert (adapter.loads_in, adapter.loads_in_reason) == (told, None)


def test_a_cancel_wins_and_leaves_no_file(db: Database, storage: LocalStorage, claim: Claim, out: Path) -> None:
    with db.write() as session:
        transitions.request_cancel(session, claim.lease.job_id)
    assert not publish_adapter(db, storage, claim, out, "blonde hair")
    assert _files(storage) == []
    assert job_row(db, claim.lease.job_id).state == "canceling"


def test_a_late_attempt_leaves_the_published_files_alone(
    db: Database, storage: LocalStorage, claim: Claim, out: Path
) -> None:
    storage.put("x", f"adapters/{claim.lease.job_id}/0/x", out / "notes.txt")
    assert publish_adapter(db, storage, claim, out, "blonde hair")
    published = _files(storage)
    assert all(name.startswith(f"{claim.lease.job_id}/1/") for name in published)
    late = Claim(Lease(claim.lease.job_id, 0), "training", 1, None, None, None, claim.spec)
    assert not publish_adapter(db, storage, late, out, "blonde hair")
    assert _files(storage) == published


def test_an_engine_without_result(db: Database, storage: LocalStorage, claim: Claim, out: Path) -> None:
    (out / "adapter.safetensors").unlink()
    with pytest.raises(ExportError, match=r"adapter\.safetensors"):
        publish_adapter(db, storage, claim, out, "blonde hair")
    assert _files(storage) == []


def test_a_full_disk_leaves_no_file(
    db: Database, storage: LocalStorage, claim: Claim, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies: list[str] = []

    def copyfile(source: Path, target: Path) -> None:
        copies.append(source.name)
        target.write_bytes(source.read_bytes())
        if len(copies) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("backend.storage.shutil.copyfile", copyfile)
    with pytest.raises(OSError, match="No space"):
        publish_adapter(db, storage, claim, out, "blonde hair")
    assert _files(storage) == []
    assert job_row(db, claim.lease.job_id).state == "running"


def test_checkpoints_come_from_the_newest_attempt_or_the_nearest_ancestor(storage: LocalStorage) -> None:
    def checkpoint(job_id: str, token: int, name: str) -> None:
        folder = storage.path(f"checkpoints/{job_id}/{token}/{name}")
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}", "utf-8")

    def inherited(job_id: str, token: int, ancestors: list[str]) -> list[str]:
        workspace = Workspace(storage, Lease(job_id, token))
        workspace.inherit_checkpoints(ancestors)
        return [path.name for path in workspace.checkpoints.iterdir()]

    checkpoint("job_old", 1, "step-1")
    checkpoint("job_old", 10, "step-10")
    storage.path("checkpoints/job_old/11").mkdir()
    storage.path("checkpoints/job_parent").mkdir()
    assert inherited("job_new", 1, ["job_parent", "job_old"]) == ["step-10"]
    checkpoint("job_new", 2, "step-20")
    assert inherited("job_new", 3, ["job_old"]) == ["step-20"]
    assert inherited("job_first", 1, []) == []
