"""A caption set as a zip that uploads again to the same set."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from PIL import Image
from starlette.testclient import TestClient

from tests.backend.service_fixtures import captioned, made_dataset, parts, png

URL = "/api/v1/datasets"


def _download(client: TestClient, dataset: dict[str, Any]) -> bytes:
    answer = client.get(f"{URL}/{dataset['id']}/archive")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["content-disposition"] == f'attachment; filename="{dataset["id"]}.zip"'
    return answer.content


def _again(client: TestClient, archive: bytes) -> dict[str, Any]:
    answer = client.post(URL, files=parts({"set.zip": archive}), data={"name": "again"})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert made["errors"] == []
    return made


def _said(dataset: dict[str, Any]) -> list[tuple[Any, ...]]:
    keys = ("file_name", "base", "target", "width_px", "height_px")
    return [(*(item[key] for key in keys), [e["code"] for e in item["errors"]]) for item in dataset["items"]]


def _pictures(client: TestClient, dataset: dict[str, Any]) -> list[bytes]:
    return [client.get(item["image_url"]).content for item in dataset["items"]]


def _photo(suffix: str, seed: int) -> bytes:
    stream = io.BytesIO()
    Image.effect_noise((60, 50), 20.0 + seed).convert("RGB").save(stream, suffix)
    return stream.getvalue()


def test_there_and_back(client: TestClient) -> None:
    dataset = made_dataset(
        client,
        {
            **captioned(
                "a woman, a brown jacket, [blonde hair]", "a man in the rain; [blonde hair]", "a girl, no mark"
            ),
            "3.png": _photo("PNG", 1),
            "ä b.png": _photo("PNG", 2),
            "captions.jsonl": json.dumps(
                {"file_name": "ä b.png", "base": ["a woman with a hat", '"quoted"'], "target": "blonde hair"}
            ).encode(),
        },
    )
    assert [item["errors"] != [] for item in dataset["items"]] == [False, False, True, True, False]
    archive = _download(client, dataset)
    again = _again(client, archive)
    assert _said(again) == _said(dataset)
    assert _pictures(client, again) == _pictures(client, dataset)
    assert _said(_again(client, _download(client, again))) == _said(dataset)
    rows = zipfile.ZipFile(io.BytesIO(archive)).read("metadata.jsonl").decode().splitlines()
    assert json.loads(rows[0]) == {
        "file_name": "0.png",
        "base": ["a woman", "a brown jacket"],
        "target": "blonde hair",
        "text": "a woman, a brown jacket, [blonde hair]",
    }


def test_what_was_edited_and_added_comes_along(client: TestClient) -> None:
    dataset = made_dataset(client, captioned("a woman, [hat]", "a man, [hat]"))
    url = f"{URL}/{dataset['id']}"
    client.post(f"{url}/edits", json={"kind": "set_target", "target": "a red hat"})
    client.post(f"{url}/items", files=parts({"9.png": png("red"), "9.txt": b"a girl, [a red hat]"}))
    client.delete(f"{url}/items/{dataset['items'][0]['id']}")
    again = _again(client, _download(client, dataset))
    assert _said(again) == _said(client.get(url).json())
    assert again["target"] == "a red hat"
    assert client.post(f"{URL}/{again['id']}/freeze").status_code == 200


def test_names_that_no_zip_may_hold(client: TestClient) -> None:
    names = ("../x.png", "c:y.png", ".hidden.png", "con.png", "photo.jpg", "photo.png", "PHOTO.webp", "sub/p.png")
    files: dict[str, bytes] = {}
    for number, name in enumerate(names):
        kind = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[name.rsplit(".", 1)[1]]
        files |= {name: _photo(kind, number)}
    rows = (json.dumps({"file_name": name, "base": [f"person {name[-7]}"], "target": "hat"}) for name in names)
    dataset = made_dataset(client, {**files, "metadata.jsonl": "\n".join(rows).encode()})
    assert len(dataset["items"]) == len(names)
    again = _again(client, _download(client, dataset))
    assert {(*item["base"], item["target"]) for item in again["items"]} == {
        (*item["base"], item["target"]) for item in dataset["items"]
    }
    assert sorted(_pictures(client, again)) == sorted(_pictures(client, dataset))
    kept = {item["file_name"] for item in again["items"]}
    assert len(kept) == len(names)
    assert kept >= {"photo.png"}


def test_an_emptied_set_is_an_empty_table(client: TestClient) -> None:
    dataset = made_dataset(client, captioned("a woman, [hat]"))
    client.delete(f"{URL}/{dataset['id']}/items/{dataset['items'][0]['id']}")
    with zipfile.ZipFile(io.BytesIO(_download(client, dataset))) as archive:
        assert archive.namelist() == ["metadata.jsonl"]
