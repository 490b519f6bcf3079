"""Adapters and comparisons with their files, through HTTP."""

from __future__ import annotations

import asyncio
import io
import time
import zipfile
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from backend.adapters.repository import add_adapter
from backend.comparisons.repository import add_comparison
from backend.db import Database
from backend.file_responses import zip_response
from backend.ids import new_id
from backend.storage import LocalStorage, StoredFile
from tests.backend.service_fixtures import NewJob

CONTENT = bytes(range(256)) * 8


@pytest.fixture
def stored(storage: LocalStorage, tmp_path: Path) -> StoredFile:
    """An adapter file in the storage."""
    source = tmp_path / "adapter.safetensors"
    source.write_bytes(CONTENT)
    return storage.put(source.name, "adapters/job_x/1/adapter.safetensors", source)


def publish(
    db: Database,
    new_job: NewJob,
    files: list[StoredFile],
    loads_in: list[str] | None = None,
    reason: str | None = None,
) -> str:
    """Add an adapter."""
    adapter_id = new_id("adp")
    job_id = new_job()
    with db.write() as session:
        add_adapter(
            session,
            adapter_id=adapter_id,
            job_id=job_id,
            base="pico",
            method="spf",
            target="hat",
            loads_in=loads_in,
            loads_in_reason=reason,
            files=files,
        )
    return adapter_id


@pytest.fixture
def adapter_id(db: Database, new_job: NewJob, stored: StoredFile) -> str:
    """An adapter from before there were other files."""
    return publish(db, new_job, [stored])


def test_read_and_list(client: TestClient, adapter_id: str, stored: StoredFile) -> None:
    adapter = client.get(f"/api/v1/adapters/{adapter_id}").json()
    assert (adapter["base"], adapter["method"], adapter["target"]) == ("pico", "spf", "hat")
    assert adapter["files"] == [
        {
            "name": "adapter.safetensors",
            "url": f"/api/v1/adapters/{adapter_id}/files/adapter.safetensors",
            "sha256": stored.sha256,
            "size_bytes": len(CONTENT),
        }
    ]
    assert (adapter["loads_in"], adapter["loads_in_reason"]) == (None, None)
    assert client.get("/api/v1/adapters").json()["data"] == [adapter]
    assert client.get(f"/api/v1/jobs/{adapter['job_id']}").json()["adapter_id"] == adapter_id


def test_download_with_etag_and_ranges(client: TestClient, adapter_id: str, stored: StoredFile) -> None:
    url = f"/api/v1/adapters/{adapter_id}/files/adapter.safetensors"
    whole = client.get(url)
    assert whole.content == CONTENT
    assert whole.headers["content-disposition"] == 'attachment; filename="adapter.safetensors"'
    tag = whole.headers["etag"]
    assert stored.sha256 in tag
    assert client.get(url, headers={"If-None-Match": tag}).status_code == 304
    assert client.get(url, headers={"If-None-Match": '"other"'}).status_code == 200

    part = client.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, CONTENT[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(CONTENT)}"
    assert client.get(url, headers={"Range": "bytes=-5"}).content == CONTENT[-5:]
    assert client.get(url, headers={"Range": "bytes=10-19", "If-Range": tag}).status_code == 206
    assert client.get(url, headers={"Range": "bytes=10-19", "If-Range": '"other"'}).status_code == 200
    outside = client.get(url, headers={"Range": "bytes=999999-"})
    assert (outside.status_code, outside.json()["code"]) == (416, "range_not_satisfiable")
    assert outside.headers["content-range"] == f"bytes */{len(CONTENT)}"


CONTENTS = {
    "adapter.safetensors": CONTENT,
    "pytorch_lora_weights.safetensors": CONTENT[::-1],
    "adapter.json": b"{}",
    "adapter.png": b"\x89PNG",
    "report.json": b"{}",
}


@pytest.fixture
def complete_id(db: Database, new_job: NewJob, storage: LocalStorage, tmp_path: Path) -> str:
    """An adapter with all files of an export."""
    source = tmp_path / "source"
    files: list[StoredFile] = []
    for name, content in CONTENTS.items():
        source.write_bytes(content)
        files.append(storage.put(name, f"adapters/job_y/1/{name}", source))
    return publish(db, new_job, files, ["diffusers"], "its text is narrow")


def test_every_file_has_its_address(client: TestClient, complete_id: str) -> None:
    adapter = client.get(f"/api/v1/adapters/{complete_id}").json()
    assert (adapter["loads_in"], adapter["loads_in_reason"]) == (["diffusers"], "its text is narrow")
    assert {file["name"]: client.get(file["url"]).content for file in adapter["files"]} == CONTENTS
    picture = client.get(f"/api/v1/adapters/{complete_id}/files/adapter.png")
    assert picture.headers["content-type"] == "image/png"
    assert picture.headers["content-disposition"].startswith("inline")


def test_all_files_in_one_zip(client: TestClient, complete_id: str) -> None:
    adapter = client.get(f"/api/v1/adapters/{complete_id}").json()
    answer = client.get(adapter["archive_url"])
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="{complete_id}.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
        assert archive.infolist()[0].date_time[0] == time.gmtime().tm_year
    weights = CONTENTS["pytorch_lora_weights.safetensors"]
    assert found.pop("diffusers/pytorch_lora_weights.safetensors") == weights
    assert found == {name: content for name, content in CONTENTS.items() if content != weights}
    assert client.get("/api/v1/adapters/adp_none/archive").json()["code"] == "adapter_not_found"


def test_the_zip_of_an_adapter_from_before_has_its_one_file(client: TestClient, adapter_id: str) -> None:
    answer = client.get(f"/api/v1/adapters/{adapter_id}/archive")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["adapter.safetensors"]


def test_a_zip_is_sent_in_pieces(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(20_000_000)
    response = zip_response("all.zip", {"a/large": large})

    async def pieces() -> list[bytes]:
        return [piece async for piece in response.body_iterator if isinstance(piece, bytes)]

    sent = asyncio.run(pieces())
    assert max(map(len, sent)) < 1_000_000
    with zipfile.ZipFile(io.BytesIO(b"".join(sent))) as archive:
        assert archive.getinfo("a/large").file_size == 20_000_000
        assert archive.testzip() is None


def test_names_that_are_no_files(client: TestClient, adapter_id: str) -> None:
    for name in ("other.bin", "..%2F..%2Fstudio.sqlite", "%2Fetc%2Fpasswd"):
        assert client.get(f"/api/v1/adapters/{adapter_id}/files/{name}").status_code == 404
    assert client.get("/api/v1/adapters/adp_none").json()["code"] == "adapter_not_found"


def test_comparison(client: TestClient, db: Database, new_job: NewJob, storage: LocalStorage, tmp_path: Path) -> None:
    picture = tmp_path / "p.png"
    picture.write_bytes(b"\x89PNG")
    names = ("reference.png", "maps/response/00_00.png")
    files = [storage.put(name, f"comparisons/job_x/1/{name}", picture) for name in names]
    job_id, comparison_id = new_job("comparison"), new_id("cmp")
    with db.write() as session:
        add_comparison(
            session, comparison_id=comparison_id, job_id=job_id, adapter_id=None, sample={"seed": 4}, files=files
        )
    comparison = client.get(f"/api/v1/comparisons/{comparison_id}").json()
    assert comparison["sample"] == {"seed": 4}
    assert set(comparison["files"]) == set(names)
    answer = client.get(comparison["files"]["maps/response/00_00.png"])
    assert (answer.content, answer.headers["content-type"]) == (b"\x89PNG", "image/png")
    assert answer.headers["content-disposition"].startswith("inline")
    assert client.get(f"/api/v1/comparisons/{comparison_id}/files/maps/none.png").status_code == 404
    assert client.get("/api/v1/comparisons/cmp_none").status_code == 404
    assert client.get(f"/api/v1/jobs/{job_id}").json()["comparison_id"] == comparison_id


def test_storage_refuses_keys_that_lead_out(storage: LocalStorage) -> None:
    for key in ("../x", "/etc/passwd", "a/../../x", "a//b", ".hidden", ""):
        with pytest.raises(ValueError, match="storage key"):
            storage.path(key)


def test_storage_leaves_nothing_when_a_copy_fails(storage: LocalStorage, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        storage.put("x", "adapters/x/1/x.bin", tmp_path / "missing")
    assert [path for path in storage.root.rglob("*") if path.is_file() and path.name.startswith((".x", "x"))] == []
