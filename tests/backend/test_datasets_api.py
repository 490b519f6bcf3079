"""Uploads, corrections and versions, through HTTP."""

from __future__ import annotations

import errno
import io
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from anyio.to_thread import current_default_thread_limiter, run_sync
from PIL import Image
from starlette.testclient import TestClient

from backend.datasets.thumbnails import THUMBNAIL_PX
from backend.settings import Settings
from spf_portrait.contract.caption_set import MAX_ITEMS
from tests.backend.service_fixtures import GOOD_FILES, made_dataset, parts, png, zipped

URL = "/api/v1/datasets"


def _upload(client: TestClient, files: Mapping[str, bytes], **fields: str) -> Any:
    return client.post(URL, files=parts(files), data={"name": "my set", **fields})


def _stored_files(settings: Settings) -> list[Path]:
    folders = (settings.data_dir / name for name in ("datasets", "incoming"))
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def test_portraits_with_a_table(client: TestClient) -> None:
    answer = _upload(client, GOOD_FILES)
    assert answer.status_code == 201
    dataset = answer.json()
    assert answer.headers["location"] == f"{URL}/{dataset['id']}"
    assert (dataset["name"], dataset["status"], dataset["target"]) == ("my set", "draft", "blonde hair")
    assert dataset["errors"] == []
    first = dataset["items"][0]
    assert (first["file_name"], first["base"], first["errors"]) == ("a.png", ["a woman", "a brown jacket"], [])
    image = client.get(first["image_url"])
    assert image.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(image.content)).size == (40, 40)
    assert client.get(f"{URL}/{dataset['id']}").json() == dataset
    listed = client.get(URL).json()
    assert [row["id"] for row in listed["data"]] == [dataset["id"]]
    assert listed["has_more"] is False


def test_one_zip(client: TestClient) -> None:
    dataset = _upload(client, {"set.zip": zipped(GOOD_FILES)}).json()
    assert [item["file_name"] for item in dataset["items"]] == ["a.png", "b.png"]


def test_caption_files_and_a_target_for_all(client: TestClient) -> None:
    files = {"a.png": png(), "a.txt": b"a woman, a brown jacket, blonde hair"}
    dataset = _upload(client, files, target="blonde hair").json()
    assert dataset["items"][0]["base"] == ["a woman", "a brown jacket"]
    assert dataset["target"] == "blonde hair"


def test_a_broken_portrait_is_named_and_the_rest_is_kept(client: TestClient) -> None:
    answer = _upload(client, {**GOOD_FILES, "b.png": png()[:60]})
    assert answer.status_code == 201
    dataset = answer.json()
    assert [item["file_name"] for item in dataset["items"]] == ["a.png"]
    assert [(error["file_name"], error["code"]) for error in dataset["errors"]] == [("b.png", "broken_image")]
    assert dataset["errors"][0]["hint"]


def test_a_name_that_is_too_long_is_named_and_the_rest_is_kept(client: TestClient) -> None:
    name = "n" * 197
    files = {f"{name}.png": png("red"), f"{name}.txt": b"a man, [blonde hair]"}
    dataset = _upload(client, {**GOOD_FILES, **files}).json()
    assert [item["file_name"] for item in dataset["items"]] == ["a.png", "b.png"]
    assert [(error["file_name"], error["code"]) for error in dataset["errors"]] == [(f"{name}.png", "name_too_long")]
    assert client.post(f"{URL}/{dataset['id']}/freeze").status_code == 200


def test_a_caption_without_target_is_named_and_can_be_corrected(client: TestClient) -> None:
    files = {
        **GOOD_FILES,
        "captions.csv": b'file_name,text\na.png,"a woman, [blonde hair]"\nb.png,"a man in a scarf, blonde hair"\n',
    }
    dataset = _upload(client, files).json()
    item = dataset["items"][1]
    assert (item["base"], item["target"]) == (["a man", "a scarf", "blonde hair"], None)
    assert item["errors"][0]["code"] == "no_target"
    assert "b.png" in item["errors"][0]["message"]
    refused = client.post(f"{URL}/{dataset['id']}/freeze")
    assert refused.status_code == 422
    assert refused.json()["code"] == "captions_need_attention"
    assert refused.json()["errors"][0]["file_name"] == "b.png"

    change = {"base": ["a man", "a red hat"], "target": "blonde hair"}
    corrected = client.patch(f"{URL}/{dataset['id']}/items/{item['id']}", json=change)
    assert corrected.status_code == 200
    assert corrected.json()["errors"] == []
    assert client.post(f"{URL}/{dataset['id']}/freeze").json()["item_count"] == 2


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"a.png": b"not a picture"}, "nothing_usable"),
        ({"set.zip": zipped({})}, "empty_archive"),
        ({"set.zip": b"no zip at all"}, None),
        ({"set.zip": zipped(GOOD_FILES), "a.png": png()}, "zip_with_other_files"),
        ({**GOOD_FILES, "captions.csv": b"\xff\xfe\x00"}, "unreadable_captions"),
        ({"readme.pdf": b"%PDF-1.4"}, "nothing_usable"),
    ],
)
def test_an_upload_with_nothing_usable_leaves_nothing(
    client: TestClient, settings: Settings, files: dict[str, bytes], code: str | None
) -> None:
    answer = _upload(client, files)
    assert answer.status_code == 422
    problem = answer.json()
    assert code in {None, problem["code"]}
    assert problem["detail"]
    assert problem["hint"]
    assert client.get(URL).json()["data"] == []
    assert _stored_files(settings) == []


def test_two_files_of_one_name_are_refused(client: TestClient, settings: Settings) -> None:
    answer = client.post(URL, files=[*parts(GOOD_FILES), *parts({"a.png": png("red")})], data={"name": "x"})
    assert answer.json()["code"] == "duplicate_file_names"
    assert _stored_files(settings) == []


def test_metadata_is_not_stored(client: TestClient, settings: Settings) -> None:
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    Image.new("RGB", (40, 40)).save(stream, "JPEG", exif=exif, comment=b"a secret comment")
    _upload(client, {"a.jpg": stream.getvalue(), "a.txt": b"a woman, [blonde hair]"})
    assert all(b"secret" not in path.read_bytes() for path in _stored_files(settings))


def test_the_sender_cannot_choose_where_files_land(client: TestClient, settings: Settings, tmp_path: Path) -> None:
    before = {path for path in tmp_path.rglob("*") if settings.data_dir not in path.parents}
    _upload(client, {"../../evil.png": png(), "../../evil.txt": b"a woman, [blonde hair]"})
    assert {path for path in tmp_path.rglob("*") if settings.data_dir not in path.parents} == before


def test_versions_follow_the_content(client: TestClient) -> None:
    dataset = _upload(client, GOOD_FILES).json()
    url = f"{URL}/{dataset['id']}"
    first = client.post(f"{url}/freeze").json()
    assert client.post(f"{url}/freeze").json() == first
    assert client.get(url).json()["status"] == "frozen"
    assert client.get(url).json()["version_id"] == first["id"]

    item = f"{url}/items/{dataset['items'][0]['id']}"
    client.patch(item, json={"base": ["a woman", "a red hat"], "target": "blonde hair"})
    assert client.get(url).json()["status"] == "draft"
    second = client.post(f"{url}/freeze").json()
    assert second["content_hash"] != first["content_hash"]
    client.patch(item, json={"base": dataset["items"][0]["base"], "target": "blonde hair"})
    assert client.post(f"{url}/freeze").json()["id"] == first["id"]


def test_a_deleted_item_goes_with_its_picture_unless_a_version_has_it(client: TestClient, settings: Settings) -> None:
    dataset = _upload(client, GOOD_FILES).json()
    url = f"{URL}/{dataset['id']}"
    first, second = (f"{url}/items/{item['id']}" for item in dataset["items"])
    assert client.delete(first).status_code == 204
    assert client.get(f"{first}/image").status_code == 404
    assert len(_stored_files(settings)) == 1
    client.post(f"{url}/freeze")
    assert client.delete(second).status_code == 204
    assert len(_stored_files(settings)) == 1
    empty = client.post(f"{url}/freeze")
    assert (empty.status_code, empty.json()["code"]) == (422, "caption_set_size")


def test_two_targets_cannot_be_frozen(client: TestClient) -> None:
    table = b'file_name,text\na.png,"a woman, [blonde hair]"\nb.png,"a man, [red hat]"\n'
    dataset = _upload(client, {**GOOD_FILES, "captions.csv": table}).json()
    assert dataset["target"] is None
    assert client.post(f"{URL}/{dataset['id']}/freeze").json()["code"] == "several_targets"


def test_wrong_phrases_are_refused(client: TestClient) -> None:
    dataset = _upload(client, GOOD_FILES).json()
    item = f"{URL}/{dataset['id']}/items/{dataset['items'][0]['id']}"
    assert client.patch(item, json={"base": ["red hat"], "target": "red hat"}).json()["code"] == "target_in_base"
    assert client.patch(item, json={"base": [], "target": "x"}).json()["errors"][0]["pointer"] == "/base"
    assert client.patch(item, json={"base": ["a"], "target": "x", "id": "y"}).status_code == 422


def test_large_uploads_are_accepted(client: TestClient) -> None:
    big = io.BytesIO()
    Image.effect_noise((1400, 1400), 80).save(big, "PNG")
    assert len(big.getvalue()) > 1_500_000
    answer = _upload(client, {"a.png": big.getvalue(), "a.txt": b"a woman, [blonde hair]"})
    assert answer.status_code == 201


def test_examples(client: TestClient, models_dir: Path) -> None:
    (models_dir / "pico" / "examples").mkdir()
    (models_dir / "pico" / "examples" / "sunglasses.zip").write_bytes(zipped(GOOD_FILES))
    made = client.post(f"{URL}/examples/sunglasses")
    assert made.status_code == 201
    assert made.json()["name"] == "Example: sunglasses"
    assert client.post(f"{URL}/examples/none").json()["code"] == "example_not_found"
    assert client.post(f"{URL}/examples/..%2Fsunglasses").status_code in {404, 405}


def test_phrases_are_parsed_without_storing(client: TestClient) -> None:
    parsed = client.post("/api/v1/phrases/parse", json={"text": "a woman in a hat, [blonde hair]"}).json()
    assert parsed["base"] == ["a woman", "a hat"]
    assert parsed["complete_text"] == "a woman, a hat, blonde hair"
    refused = client.post("/api/v1/phrases/parse", json={"text": "a woman"})
    assert (refused.status_code, refused.json()["code"]) == (422, "no_target")


def test_lists_are_paged(client: TestClient) -> None:
    made = [_upload(client, GOOD_FILES).json()["id"] for _ in range(3)]
    page = client.get(URL, params={"limit": 2}).json()
    assert [row["id"] for row in page["data"]] == made[:0:-1]
    rest = client.get(URL, params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert [row["id"] for row in rest["data"]] == made[:1]
    assert rest["next_cursor"] is None


def _no_room(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("where", ["os.fsync", "starlette.formparsers.SpooledTemporaryFile"])
def test_a_full_disk_is_named(
    client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(where, _no_room)
    answer = _upload(client, GOOD_FILES)
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
    monkeypatch.undo()
    assert _stored_files(settings) == []


def test_more_portraits_than_a_training_takes_are_refused_at_once(client: TestClient, settings: Settings) -> None:
    pictures = {f"{number}.png": b"" for number in range(MAX_ITEMS + 1)}
    answer = _upload(client, {"set.zip": zipped(pictures)})
    assert (answer.status_code, answer.json()["code"]) == (422, "caption_set_size")
    assert _stored_files(settings) == []


LARGE = {"large.png": png("navy", 5000), "large.txt": b"a man, [blonde hair]"}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no limit is kept")
@pytest.mark.parametrize("packed", [False, True])
def test_a_picture_that_ends_its_reader_is_named_and_the_rest_is_kept(
    client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    monkeypatch.setattr("backend.datasets.upload_process._MEMORY_BYTES", 200 * 2**20)
    files = {"a.png": png(), "a.txt": b"a woman, [blonde hair]", **LARGE}
    answer = _upload(client, {"set.zip": zipped(files)} if packed else files)
    assert answer.status_code == 201
    dataset = answer.json()
    assert [item["file_name"] for item in dataset["items"]] == ["a.png"]
    assert [(error["file_name"], error["code"]) for error in dataset["errors"]] == [("large.png", "broken_image")]
    assert len(_stored_files(settings)) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no limit is kept")
def test_an_upload_of_such_pictures_alone_is_refused(
    client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.datasets.upload_process._MEMORY_BYTES", 200 * 2**20)
    answer = _upload(client, LARGE)
    assert (answer.status_code, answer.json()["code"]) == (422, "nothing_usable")
    assert _stored_files(settings) == []


def test_uploads_and_health_need_no_thread_of_other_requests(client: TestClient) -> None:
    busy, free = threading.Event(), threading.Event()

    def occupy() -> None:
        busy.set()
        free.wait()

    async def leave_one_thread() -> None:
        current_default_thread_limiter().total_tokens = 1

    assert client.portal is not None
    client.portal.call(leave_one_thread)
    client.portal.start_task_soon(run_sync, occupy)
    try:
        assert busy.wait(60.0)
        assert client.get("/healthz").status_code == 200
        assert _upload(client, GOOD_FILES).status_code == 201
    finally:
        free.set()


def test_portraits_are_there_in_small(client: TestClient) -> None:
    made = made_dataset(client, {"a.png": png("tan", 600), "a.txt": b"a woman, [hat]"})
    assert made["cover_url"] == made["items"][0]["thumbnail_url"]
    answer = client.get(made["cover_url"])
    assert (answer.headers["content-type"], "immutable" in answer.headers["cache-control"]) == ("image/webp", True)
    assert Image.open(io.BytesIO(answer.content)).size == (THUMBNAIL_PX, THUMBNAIL_PX)
    assert client.get("/api/v1/datasets").json()["data"][0]["cover_url"] == made["cover_url"]
    client.delete(made["items"][0]["image_url"].removesuffix("/image"))
    assert client.get(f"/api/v1/datasets/{made['id']}").json()["cover_url"] is None
    assert client.get(made["cover_url"]).status_code == 404
