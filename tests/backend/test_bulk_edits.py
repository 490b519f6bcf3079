"""Many captions at once, in one transaction, and back again."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.backend.service_fixtures import captioned, made_dataset, parts, png

URL = "/api/v1/datasets"
CAPTIONS = ("a woman, a Brown Jacket, [blonde hair]", "a man, a blue shirt, [blonde hair]", "a girl, a hat, no target")


@pytest.fixture
def dataset(client: TestClient) -> dict[str, Any]:
    """Two right captions, and one without a target."""
    return made_dataset(client, captioned(*CAPTIONS))


def _edit(client: TestClient, dataset: dict[str, Any], **edit: Any) -> Any:
    return client.post(f"{URL}/{dataset['id']}/edits", json=edit)


def _undo(client: TestClient, dataset: dict[str, Any]) -> Any:
    return client.post(f"{URL}/{dataset['id']}/edits/undo")


def _base(answer: Any) -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    return [item["base"] for item in answer.json()["dataset"]["items"]]


def test_a_phrase_in_front_and_behind(client: TestClient, dataset: dict[str, Any]) -> None:
    front = _edit(client, dataset, kind="prefix", phrase=" a  photo ")
    assert [base[0] for base in _base(front)] == ["a photo"] * 3
    assert front.json()["changed"] == 3
    behind = _edit(client, dataset, kind="suffix", phrase="A BLUE SHIRT")
    assert [base[-1] for base in _base(behind)] == ["A BLUE SHIRT", "a blue shirt", "A BLUE SHIRT"]
    assert behind.json()["changed"] == 2
    read = client.get(f"{URL}/{dataset['id']}")
    assert read.json() == behind.json()["dataset"]
    assert read.headers["etag"] == behind.headers["etag"]
    assert (read.json()["last_edit"]["kind"], read.json()["last_edit"]["changed"]) == ("suffix", 2)


def test_a_phrase_is_replaced_or_taken_out(client: TestClient, dataset: dict[str, Any]) -> None:
    replaced = _edit(client, dataset, kind="replace", phrase="a brown jacket", by="a red coat")
    assert _base(replaced)[0] == ["a woman", "a red coat"]
    assert replaced.json()["changed"] == 1
    assert _base(_edit(client, dataset, kind="replace", phrase="a red coat", by="a woman"))[0] == ["a woman"]
    taken_out = _edit(client, dataset, kind="replace", phrase="a blue shirt", by=None)
    assert _base(taken_out)[1] == ["a man"]
    nothing = _edit(client, dataset, kind="replace", phrase="a zebra", by="a horse")
    assert nothing.json()["changed"] == 0
    assert nothing.json()["dataset"]["last_edit"]["kind"] == "replace"
    assert nothing.json()["dataset"]["etag"] == taken_out.json()["dataset"]["etag"]


def test_the_target_of_all_makes_a_set_that_can_be_frozen(client: TestClient, dataset: dict[str, Any]) -> None:
    assert dataset["items"][2]["errors"][0]["code"] == "no_target"
    done = _edit(client, dataset, kind="set_target", target="no target").json()
    assert (done["changed"], done["dataset"]["target"]) == (3, "no target")
    assert done["dataset"]["items"][2] | {"etag": ""} == dataset["items"][2] | {
        "base": ["a girl", "a hat"],
        "target": "no target",
        "errors": [],
        "etag": "",
    }
    assert client.post(f"{URL}/{dataset['id']}/freeze").status_code == 200
    assert client.get(f"{URL}/{dataset['id']}").json()["status"] == "frozen"
    assert _edit(client, dataset, kind="set_target", target="no target").json()["changed"] == 0
    assert client.get(f"{URL}/{dataset['id']}").json()["status"] == "frozen"
    assert _undo(client, dataset).json()["dataset"]["status"] == "draft"


def test_named_items_only(client: TestClient, dataset: dict[str, Any]) -> None:
    first = dataset["items"][0]["id"]
    done = _edit(client, dataset, kind="prefix", phrase="a photo", items=[first, first])
    assert [base[0] for base in _base(done)] == ["a photo", "a man", "a girl"]
    refused = _edit(client, dataset, kind="prefix", phrase="art", items=[first, "itm_none"])
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_items")
    assert "itm_none" in refused.json()["detail"]


def test_all_or_none(client: TestClient, dataset: dict[str, Any]) -> None:
    before = client.get(f"{URL}/{dataset['id']}").json()
    refused = _edit(client, dataset, kind="prefix", phrase="blonde hair")
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (422, "edit_breaks_captions")
    assert [(error["file_name"], error["code"]) for error in problem["errors"]] == [
        ("0.png", "target_in_base"),
        ("1.png", "target_in_base"),
    ]
    assert client.get(f"{URL}/{dataset['id']}").json() == before
    emptied = _edit(client, made_dataset(client, captioned("a man, [hat]")), kind="replace", phrase="a man", by=None)
    assert emptied.json()["errors"][0]["code"] == "empty_base"


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        ({"kind": "prefix", "phrase": "one, two"}, "reserved_character"),
        ({"kind": "prefix", "phrase": " "}, "empty_phrase"),
        ({"kind": "set_target", "target": "[hat]"}, "reserved_character"),
        ({"kind": "suffix", "phrase": "x" * 81}, "invalid_request"),
        ({"kind": "suffix", "phrase": "x", "items": []}, "invalid_request"),
        ({"kind": "suffix", "phrase": "x", "where": "y"}, "invalid_request"),
        ({"kind": "replace", "phrase": "x"}, "invalid_request"),
        ({"kind": "shuffle", "phrase": "x"}, "invalid_request"),
        ({"phrase": "x"}, "invalid_request"),
    ],
)
def test_what_no_edit_is(client: TestClient, dataset: dict[str, Any], edit: dict[str, Any], code: str) -> None:
    refused = _edit(client, dataset, **edit)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert refused.json()["hint"]
    assert client.get(f"{URL}/{dataset['id']}").json() == dataset


def test_the_last_edit_is_undone_once(client: TestClient, dataset: dict[str, Any]) -> None:
    nothing = _undo(client, dataset)
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_to_undo")
    first = _edit(client, dataset, kind="prefix", phrase="a photo").json()["dataset"]
    _edit(client, dataset, kind="set_target", target="no target")
    undone = _undo(client, dataset).json()
    assert undone["changed"] == 3
    assert undone["dataset"]["items"] == first["items"]
    assert undone["dataset"]["last_edit"] is None
    assert _undo(client, dataset).status_code == 409


def test_undo_overwrites_nobodys_later_work(client: TestClient, dataset: dict[str, Any]) -> None:
    items = [f"{URL}/{dataset['id']}/items/{item['id']}" for item in dataset["items"]]
    _edit(client, dataset, kind="replace", phrase="a brown jacket", by="a coat")
    client.patch(items[1], json={"base": ["a boy"], "target": "blonde hair"})  # the edit had not changed this one
    assert _undo(client, dataset).json()["dataset"]["items"][1]["base"] == ["a boy"]

    _edit(client, dataset, kind="prefix", phrase="a photo")
    client.patch(items[0], json={"base": ["a queen"], "target": "blonde hair"})
    client.delete(items[2])
    refused = _undo(client, dataset)
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "edited_since")
    assert [(error["file_name"], error["code"]) for error in problem["errors"]] == [
        ("0.png", "edited_since"),
        ("2.png", "deleted_since"),
    ]
    now = client.get(f"{URL}/{dataset['id']}").json()
    assert [item["base"] for item in now["items"]] == [["a queen"], ["a photo", "a boy"]]


def test_pictures_added_since_do_not_matter(client: TestClient, dataset: dict[str, Any]) -> None:
    _edit(client, dataset, kind="prefix", phrase="a photo")
    more = {"9.png": png("navy"), "9.txt": b"a queen, [blonde hair]"}
    assert client.post(f"{URL}/{dataset['id']}/items", files=parts(more)).status_code == 200
    assert [base[0] for base in _base(_undo(client, dataset))] == ["a woman", "a man", "a girl", "a queen"]
