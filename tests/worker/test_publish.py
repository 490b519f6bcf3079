"""Publishing: the file first, the row with the last transition, nothing left when the job is somebody else's."""

from __future__ import annotations

import json
import resource
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from backend.db import Database
from backend.jobs import transitions
from backend.jobs.transitions import Claim, Lease
from backend.settings import Settings
from backend.storage import LocalStorage, sha256_of
from backend.tables import Adapter
from spf_portrait.contract.errors import ExportError
from tests.backend.service_fixtures import job_row
from worker.held_lease import HeldLease, LeaseEnded
from worker.kinds.training import made_by_training
from worker.publish import publish


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An engine's output folder."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "adapter.safetensors").write_bytes(b"weights")
    (folder / "report.json").write_text("{}", "utf-8")
    (folder / "notes.txt").write_text("not published", "utf-8")
    return folder


def _pass() -> None:
    """Nothing is to be done between two pieces."""


def publish_adapter(
    db: Database, storage: LocalStorage, claim: Claim, out: Path, target: str, between: Callable[[], None]
) -> bool:
    """Publish what a training wrote."""
    return publish(db, storage, claim.lease, made_by_training(claim, out, target), between)


def _files(storage: LocalStorage) -> list[str]:
    folder = storage.root / "adapters"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_row_says_what_is_on_the_disk(db: Database, storage: LocalStorage, claim: Claim, out: Path) -> None:
    assert publish_adapter(db, storage, claim, out, "blonde hair", _pass)
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
    assert publish_adapter(db, storage, claim, out, "blonde hair", _pass)
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
    assert publish_adapter(db, storage, claim, out, "blonde hair", _pass)
    with db.read() as session:
        adapter = session.scalars(select(Adapter)).one()
    assert (adapter.loads_in, adapter.loads_in_reason) == (told, None)


def test_a_cancel_wins_and_leaves_no_file(db: Database, storage: LocalStorage, claim: Claim, out: Path) -> None:
    with db.write() as session:
        transitions.request_cancel(session, claim.lease.job_id)
    assert not publish_adapter(db, storage, claim, out, "blonde hair", _pass)
    assert _files(storage) == []
    assert job_row(db, claim.lease.job_id).state == "canceling"


def test_a_late_attempt_leaves_the_published_files_alone(
    db: Database, storage: LocalStorage, claim: Claim, out: Path
) -> None:
    storage.put("x", f"adapters/{claim.lease.job_id}/0/x", out / "notes.txt")
    assert publish_adapter(db, storage, claim, out, "blonde hair", _pass)
    published = _files(storage)
    assert all(name.startswith(f"{claim.lease.job_id}/1/") for name in published)
    late = Claim(Lease(claim.lease.job_id, 0), "training", 1, None, None, None, claim.spec)
    assert not publish_adapter(db, storage, late, out, "blonde hair", _pass)
    assert _files(storage) == published


def test_an_engine_without_result(db: Database, storage: LocalStorage, claim: Claim, out: Path) -> None:
    (out / "adapter.safetensors").unlink()
    with pytest.raises(ExportError, match=r"adapter\.safetensors"):
        publish_adapter(db, storage, claim, out, "blonde hair", _pass)
    assert _files(storage) == []


@pytest.fixture
def small_files_only() -> Iterator[None]:
    """No file may grow beyond 64 KiB, as if the disk were full there."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_file_without_room_leaves_none(
    db: Database, storage: LocalStorage, claim: Claim, out: Path, request: pytest.FixtureRequest
) -> None:
    (out / "loss.jsonl").write_bytes(b"x" * (1 << 17))
    request.getfixturevalue("small_files_only")
    with pytest.raises(OSError, match="too large"):
        publish_adapter(db, storage, claim, out, "blonde hair", _pass)
    assert _files(storage) == []
    assert job_row(db, claim.lease.job_id).state == "running"


def test_publishing_keeps_the_lease(db: Database, storage: LocalStorage, claim: Claim, out: Path) -> None:
    leases: list[float] = []
    held = HeldLease(db, storage, claim.lease, lease_s=10_000.0, heartbeat_s=0.0)

    def keep() -> None:
        held.keep()
        leases.append(job_row(db, claim.lease.job_id).lease_until or 0.0)

    before = job_row(db, claim.lease.job_id).lease_until or 0.0
    assert publish_adapter(db, storage, claim, out, "blonde hair", keep)
    assert min(leases) > before + 1000.0


def test_publishing_ends_when_the_job_is_somebody_elses(
    db: Database, storage: LocalStorage, claim: Claim, out: Path
) -> None:
    held = HeldLease(db, storage, claim.lease, lease_s=60.0, heartbeat_s=0.0)
    with db.write() as session:
        transitions.release(session, claim.lease)
    with pytest.raises(LeaseEnded):
        publish_adapter(db, storage, claim, out, "blonde hair", held.keep)
    assert _files(storage) == []


def test_a_result_waits_for_a_database_that_is_locked(
    storage: LocalStorage,
    claim: Claim,
    out: Path,
    db: Database,
    database: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("backend.db.BUSY_TIMEOUT_S", 0.05)
    impatient = Database(settings.sqlalchemy_url)
    published: list[bool] = []
    publishing = threading.Thread(
        target=lambda: published.append(publish_adapter(impatient, storage, claim, out, "blonde hair", _pass))
    )
    with db.write() as session:
        # A writing transaction locks all of SQLite with its first statement.
        session.execute(text("SELECT 1" if database == "sqlite" else "LOCK TABLE jobs IN EXCLUSIVE MODE"))
        publishing.start()
        while publishing.is_alive() and "does not take a record" not in caplog.text:
            publishing.join(0.02)
    publishing.join()
    assert "does not take a record" in caplog.text
    assert published == [True]
    assert "adapter.safetensors" in " ".join(_files(storage))
    assert job_row(impatient, claim.lease.job_id).state == "succeeded"
    impatient.close()


def test_a_commit_whose_answer_was_lost_is_not_undone(
    db: Database, storage: LocalStorage, claim: Claim, out: Path
) -> None:
    class Deaf(Database):
        """Takes the first transaction, but its answer never comes."""

        deaf = True

        @contextmanager
        def write(self) -> Generator[Session]:
            with super().write() as session:
                yield session
            if self.deaf:
                self.deaf = False
                raise OperationalError("COMMIT", {}, Exception("server closed the connection"))

    deaf = Deaf(db.url)
    assert publish_adapter(deaf, storage, claim, out, "blonde hair", _pass)
    deaf.close()
    with db.read() as session:
        files = session.scalars(select(Adapter)).one().files
    assert all(storage.path(file["key"]).is_file() for file in files)
