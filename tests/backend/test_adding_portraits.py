"""Uploads into a caption set that is there, and uploads that are sent twice."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from backend.db import Database, now
from backend.maintenance.old_keys import forget_keys
from backend.settings import Settings
from backend.tables import IdempotencyKey, UploadKey
from spf_portrait.contract.caption_set import MAX_ITEMS
from tests.backend.service_fixtures import GOOD_FILES, captioned, made_dataset, parts, png, zipped

URL = "/api/v1/datasets"
MORE = {"c.png": png("navy"), "c.txt": b"a girl, [blonde hair]"}


def _add(client: TestClient, dataset: dict[str, Any], files: Mapping[str, bytes], **headers: str) -> Any:
    return client.post(f"{URL}/{dataset['id']}/items", files=parts(files), headers=headers)


def _names(dataset: dict[str, Any]) -> list[str]:
    return [item["file_name"] for item in dataset["items"]]


def _pictures(settings: Settings) -> list[Path]:
    folders = (settings.data_dir / name for name in ("datasets", "incoming"))
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def test_portraits_come_behind_those_that_are_there(client: TestClient, settings: Settings) -> None:
    dataset = made_dataset(client)
    client.post(f"{URL}/{dataset['id']}/freeze")
    added = _add(client, dataset, {"0.png": png("red"), "0.txt": b"a boy, [blonde hair]", **MORE})
    assert added.status_code == 200
    assert added.headers["location"] == f"{URL}/{dataset['id']}"
    now_there = added.json()
    assert (_names(now_there), now_there["status"]) == (["a.png", "b.png", "0.png", "c.png"], "draft")
    assert now_there["items"][:2] == dataset["items"]
    assert client.get(f"{URL}/{dataset['id']}").json() == now_there
    assert client.get(now_there["items"][3]["image_url"]).content
    assert len(_pictures(settings)) == 4
    assert client.post(f"{URL}/{dataset['id']}/freeze").json()["item_count"] == 4


def test_a_zip_and_a_target_for_all(client: TestClient) -> None:
    dataset = made_dataset(client)
    files = {"more.zip": zipped({"c.png": png("navy"), "c.txt": b"a girl, blonde hair"})}
    answer = client.post(f"{URL}/{dataset['id']}/items", files=parts(files), data={"target": "blonde hair"})
    assert answer.json()["items"][2]["base"] == ["a girl"]
    assert answer.json()["target"] == "blonde hair"


def test_a_name_that_is_taken_is_told_and_the_rest_is_kept(client: TestClient, settings: Settings) -> None:
    dataset = made_dataset(client)
    files = {"a.png": png("red"), "a.txt": b"a stranger, [blonde hair]", **MORE}
    now_there = _add(client, dataset, files).json()
    assert _names(now_there) == ["a.png", "b.png", "c.png"]
    assert [(error["file_name"], error["code"]) for error in now_there["errors"]] == [("a.png", "already_in_set")]
    assert now_there["items"][0] == dataset["items"][0]
    assert len(_pictures(settings)) == 3
    refused = _add(client, dataset, {"a.png": png("red"), "a.txt": b"a stranger, [blonde hair]"})
    assert (refused.status_code, refused.json()["code"]) == (422, "nothing_usable")
    assert refused.json()["errors"][0]["code"] == "already_in_set"


def test_captions_for_portraits_that_are_there(client: TestClient) -> None:
    dataset = made_dataset(client, {"a.png": png(), "b.png": png("olive"), "c.png": png("navy")})
    assert [item["errors"][0]["code"] for item in dataset["items"]] == ["missing_caption"] * 3
    table = b'file_name,text\na.png,"a woman, [blonde hair]"\nb.png,a man\nz.png,"a ghost, [blonde hair]"\n'
    now_there = _add(client, dataset, {"captions.csv": table, "c.txt": b"a girl, [blonde hair]"}).json()
    assert [(item["base"], item["target"]) for item in now_there["items"]] == [
        (["a woman"], "blonde hair"),
        ([], None),
        (["a girl"], "blonde hair"),
    ]
    assert [len(item["errors"]) for item in now_there["items"]] == [0, 1, 0]
    assert [(error["file_name"], error["code"]) for error in now_there["errors"]] == [
        ("b.png", "no_target"),
        ("z.png", "missing_image"),
    ]


def test_a_set_never_gets_larger_than_a_training_takes(
    client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = made_dataset(client)
    many = {f"{number}.png": b"" for number in range(MAX_ITEMS - 1)}
    refused = _add(client, dataset, {"more.zip": zipped(many)})
    assert (refused.status_code, refused.json()["code"]) == (422, "caption_set_size")
    assert str(MAX_ITEMS + 1) in refused.json()["detail"]
    monkeypatch.setattr("backend.datasets.upload.MAX_ITEMS", 2)  # here, but not in the process that reads
    refused = _add(client, dataset, MORE)
    assert (refused.status_code, refused.json()["code"]) == (422, "caption_set_size")
    assert len(_pictures(settings)) == 2


def test_what_another_request_added_meanwhile_is_not_there_twice(
    client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backend.datasets.upload_process import read_in_process

    dataset = made_dataset(client)

    def read_and_be_overtaken(*order: Any) -> Any:
        read = read_in_process(*order)
        monkeypatch.undo()
        assert _add(client, dataset, MORE).status_code == 200
        return read

    monkeypatch.setattr("backend.datasets.adding.read_in_process", read_and_be_overtaken)
    late = _add(client, dataset, MORE)
    assert (late.status_code, late.json()["code"]) == (409, "added_meanwhile")
    assert _names(client.get(f"{URL}/{dataset['id']}").json()) == ["a.png", "b.png", "c.png"]
    assert len(_pictures(settings)) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no limit is kept")
def test_a_picture_that_ends_its_reader_is_named(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = made_dataset(client)
    monkeypatch.setattr("backend.datasets.upload_process._MEMORY_BYTES", 200 * 2**20)
    large = {"large.png": png("navy", 5000), "large.txt": b"a man, [blonde hair]"}
    now_there = _add(client, dataset, {**MORE, **large}).json()
    assert _names(now_there) == ["a.png", "b.png", "c.png"]
    assert [(error["file_name"], error["code"]) for error in now_there["errors"]] == [("large.png", "broken_image")]


def _create(client: TestClient, files: Mapping[str, bytes], key: str, name: str = "my set") -> Any:
    return client.post(URL, files=parts(files), data={"name": name}, headers={"Idempotency-Key": key})


def test_an_upload_sent_twice_makes_one_set(client: TestClient, settings: Settings) -> None:
    first, second = _create(client, GOOD_FILES, "k"), _create(client, GOOD_FILES, "k")
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    assert second.headers["location"] == first.headers["location"]
    assert len(client.get(URL).json()["data"]) == 1
    assert len(_pictures(settings)) == 2
    other_bytes = _create(client, {**GOOD_FILES, "b.png": png("black")}, "k")
    for refused in (other_bytes, _create(client, GOOD_FILES, "k", name="another name")):
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert _create(client, GOOD_FILES, "another key").status_code == 201
    assert _create(client, GOOD_FILES, "").status_code == 422


def test_two_requests_with_one_key_at_once_make_one_set(
    client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backend.datasets.upload_process import read_in_process

    answers: list[Any] = []

    def read_and_be_overtaken(*order: Any) -> Any:
        monkeypatch.undo()
        answers.append(_create(client, GOOD_FILES, "k"))
        return read_in_process(*order)

    monkeypatch.setattr("backend.datasets.uploading.read_in_process", read_and_be_overtaken)
    late = _create(client, GOOD_FILES, "k")
    assert (late.status_code, late.json()) == (200, answers[0].json())
    assert len(client.get(URL).json()["data"]) == 1
    assert len(_pictures(settings)) == 2


def test_an_addition_sent_twice_adds_once(client: TestClient) -> None:
    dataset = made_dataset(client)
    first = _add(client, dataset, MORE, **{"Idempotency-Key": "k"})
    second = _add(client, dataset, MORE, **{"Idempotency-Key": "k"})
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.json() == first.json()
    assert _names(second.json()) == ["a.png", "b.png", "c.png"]
    elsewhere = _add(client, made_dataset(client), MORE, **{"Idempotency-Key": "k"})
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "idempotency_key_reused")


def test_an_upload_that_was_refused_may_come_again(client: TestClient) -> None:
    assert _create(client, {"a.png": b"no picture"}, "k").status_code == 422
    assert _create(client, GOOD_FILES, "k").status_code == 201


def test_keys_are_forgotten_after_a_day(client: TestClient, db: Database) -> None:
    dataset = _create(client, GOOD_FILES, "old").json()
    _create(client, captioned("a man, [hat]"), "new")
    order = {"kind": "training", "dataset_id": dataset["id"], "spec": {"base": "pico", "stage1_steps": 10}}
    job = client.post("/api/v1/jobs", json=order, headers={"Idempotency-Key": "job"}).json()
    with db.write() as session:
        session.execute(update(UploadKey).where(UploadKey.key == "old").values(created_at=now() - 86500.0))
        session.execute(update(UploadKey).where(UploadKey.key == "new").values(created_at=now() - 86300.0))
    forget_keys(db)
    assert _create(client, captioned("a man, [hat]"), "new").status_code == 200
    assert _create(client, GOOD_FILES, "old").status_code == 201
    assert client.post("/api/v1/jobs", json=order, headers={"Idempotency-Key": "job"}).json()["id"] == job["id"]
    with db.write() as session:
        session.execute(update(IdempotencyKey).values(created_at=now() - 86500.0))
    forget_keys(db)
    assert client.post("/api/v1/jobs", json=order, headers={"Idempotency-Key": "job"}).json()["id"] != job["id"]


def test_a_service_with_many_open_files_reads_uploads(client: TestClient) -> None:
    """As a busy one has; whoever waits with select() can wait for the first 1,024 alone."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), max(hard, 2048)))
    try:
        with ExitStack() as opened:
            for _ in range(1100):
                opened.enter_context(Path(os.devnull).open("rb"))
            made_dataset(client)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
