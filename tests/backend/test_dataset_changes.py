"""Renaming, deleting and finding caption sets, and changes that are meant for what the asker has seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, select, text
from starlette.testclient import TestClient

from backend.adapters.repository import add_adapter
from backend.db import Database
from backend.ids import new_id
from backend.jobs import transitions
from backend.settings import Settings
from backend.storage import LocalStorage
from backend.tables import Job
from tests.backend.service_fixtures import GOOD_FILES, job_row, made_dataset, parts

URL = "/api/v1/datasets"
PHRASES = {"base": ["a woman", "a red hat"], "target": "blonde hair"}


def _train(client: TestClient, dataset_id: str) -> str:
    order = {"kind": "training", "dataset_id": dataset_id, "spec": {"base": "pico", "stage1_steps": 10}}
    answer = client.post("/api/v1/jobs", json=order)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def _end(db: Database, storage: LocalStorage, job_id: str) -> str:
    """Publish an adapter and leave what a killed attempt leaves; return the id of the adapter."""
    with db.write() as session:
        job = session.get_one(Job, job_id)
        job.state, job.owner, job.lease_until = "running", "test", 0.0
    with db.write() as session:
        session.get_one(Job, job_id).state = "failed"
        session.get_one(Job, job_id).error_code = "x"
        adapter_id = new_id("adp")
        add_adapter(
            session, adapter_id=adapter_id, job_id=job_id, base="pico", method="spf", target="blonde hair", files=[]
        )
    for key in (f"checkpoints/{job_id}/1/portraits.bin", f"jobs/{job_id}/1/data/0000.png"):
        storage.path(key).parent.mkdir(parents=True)
        storage.path(key).write_bytes(b"x")
    return adapter_id


def _rows_naming(db: Database, *ids: str) -> list[str]:
    """The tables in which one of these ids still stands, in whatever column."""
    found: list[str] = []
    with db.read() as session:
        for table in inspect(db.engine).get_table_names():
            rows = str(session.execute(text(f"SELECT * FROM {table}")).all())
            found += [table for one in ids if one in rows]
    return found


def _files_naming(settings: Settings, *ids: str) -> list[Path]:
    return [path for path in settings.data_dir.rglob("*") if any(one in str(path) for one in ids)]


def test_a_set_is_renamed_and_stays_frozen(client: TestClient) -> None:
    dataset = made_dataset(client)
    url = f"{URL}/{dataset['id']}"
    client.post(f"{url}/freeze")
    renamed = client.patch(url, json={"name": "  other set "})
    assert (renamed.status_code, renamed.json()["name"], renamed.json()["status"]) == (200, "other set", "frozen")
    assert client.get(url).json() == renamed.json()
    assert renamed.headers["etag"] == renamed.json()["etag"] != dataset["etag"]


@pytest.mark.parametrize("name", ["", "   ", "n" * 121, None])
def test_a_name_is_no_longer_than_people_read(client: TestClient, name: str | None) -> None:
    url = f"{URL}/{made_dataset(client)['id']}"
    refused = client.patch(url, json={"name": name})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/name")
    assert client.post(URL, files=parts(GOOD_FILES), data={"name": name or ""}).status_code == 422
    assert client.patch(url, json={"name": "x", "target": "y"}).status_code == 422
    assert client.get(url).json()["name"] == "my set"


def test_what_is_not_there_cannot_be_changed(client: TestClient) -> None:
    url = f"{URL}/ds_none"
    asked = (client.patch(url, json={"name": "x"}), client.delete(url), client.get(f"{url}/archive"))
    undone = client.post(f"{url}/edits/undo")
    edited = client.post(f"{url}/edits", json={"kind": "set_target", "target": "hat"})
    added = client.post(f"{url}/items", files=parts(GOOD_FILES))
    for answer in (*asked, undone, edited, added, client.get(f"{url}/report"), client.get(f"{url}/items/itm_none")):
        assert answer.status_code == 404


def test_a_change_is_refused_once_somebody_else_was_faster(client: TestClient) -> None:
    seen = made_dataset(client)
    url = f"{URL}/{seen['id']}"
    assert client.get(url).headers["etag"] == seen["etag"]
    client.patch(f"{url}/items/{seen['items'][0]['id']}", json=PHRASES)

    for refused in (
        client.patch(url, json={"name": "mine"}, headers={"If-Match": seen["etag"]}),
        client.delete(url, headers={"If-Match": seen["etag"]}),
        client.post(f"{url}/edits", json={"kind": "set_target", "target": "hat"}, headers={"If-Match": seen["etag"]}),
        client.post(f"{url}/edits/undo", headers={"If-Match": seen["etag"]}),
    ):
        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (412, "changed_meanwhile")
        assert refused.headers["content-type"] == "application/problem+json"
        assert "Read it again" in problem["hint"]
    now = client.get(url).json()
    assert (now["name"], now["target"]) == ("my set", "blonde hair")
    renamed = client.patch(url, json={"name": "mine"}, headers={"If-Match": f'"other", {now["etag"]}'})
    assert (renamed.status_code, renamed.json()["name"]) == (200, "mine")
    assert client.patch(url, json={"name": "any"}, headers={"If-Match": "*"}).status_code == 200
    assert client.delete(url).status_code == 204


def test_the_same_for_one_item(client: TestClient) -> None:
    dataset = made_dataset(client)
    first, other = dataset["items"]
    url = f"{URL}/{dataset['id']}/items/{first['id']}"
    read = client.get(url)
    assert (read.json(), read.headers["etag"]) == (first, first["etag"])
    # A change of another item does not matter.
    client.patch(f"{URL}/{dataset['id']}/items/{other['id']}", json=PHRASES)
    changed = client.patch(url, json=PHRASES, headers={"If-Match": first["etag"]})
    assert (changed.status_code, changed.headers["etag"]) == (200, changed.json()["etag"])
    again = {"base": ["a man"], "target": "blonde hair"}
    refused = client.patch(url, json=again, headers={"If-Match": first["etag"]})
    assert (refused.status_code, refused.json()["code"]) == (412, "changed_meanwhile")
    assert client.delete(url, headers={"If-Match": first["etag"]}).status_code == 412
    assert client.get(url).json()["base"] == PHRASES["base"]
    assert client.patch(url, json=again).status_code == 200
    present = client.get(url).headers["etag"]
    assert client.delete(url, headers={"If-Match": present}).status_code == 204


def test_a_deleted_set_leaves_neither_rows_nor_files(
    client: TestClient, db: Database, storage: LocalStorage, settings: Settings
) -> None:
    kept = made_dataset(client)
    answer = client.post(URL, files=parts(GOOD_FILES), data={"name": "x"}, headers={"Idempotency-Key": "k"})
    dataset = answer.json()
    url, ids = f"{URL}/{dataset['id']}", [dataset["id"], *(item["id"] for item in dataset["items"])]
    ids.append(client.post(f"{url}/freeze").json()["id"])
    assert client.post(f"{url}/edits", json={"kind": "prefix", "phrase": "a photo"}).json()["changed"] == 2
    job_id = _train(client, dataset["id"])
    ids.append(client.get(url).json()["version_id"])
    client.delete(f"{url}/items/{dataset['items'][0]['id']}")  # its picture stays: versions hold it
    adapter_id = _end(db, storage, job_id)
    assert set(_rows_naming(db, *ids)) >= {"datasets", "dataset_items", "dataset_versions", "bulk_edits", "jobs"}
    assert len(_files_naming(settings, dataset["id"])) == 3

    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 404
    assert _rows_naming(db, *ids) == []
    assert _files_naming(settings, dataset["id"]) == []
    assert [path for path in _files_naming(settings, job_id) if path.is_file()] == []

    job = client.get(f"/api/v1/jobs/{job_id}").json()
    assert (job["dataset_id"], job["dataset_version_id"], job["adapter_id"]) == (None, None, adapter_id)
    assert client.get(f"/api/v1/adapters/{adapter_id}").json()["target"] == "blonde hair"
    retried = client.post(f"/api/v1/jobs/{job_id}/retry")
    assert (retried.status_code, retried.json()["code"]) == (409, "dataset_deleted")
    assert client.get(kept["items"][0]["image_url"]).status_code == 200


def test_a_set_that_a_job_still_needs_is_not_deleted(client: TestClient, db: Database) -> None:
    dataset = made_dataset(client)
    url = f"{URL}/{dataset['id']}"
    job_id = _train(client, dataset["id"])
    for running in (False, True):
        if running:
            with db.write() as session:
                transitions.claim(session, job_id, owner="test", lease_s=60.0)
        refused = client.delete(url)
        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (409, "dataset_in_use")
        assert job_id in problem["detail"]
        assert problem["errors"][0]["message"] == f"{job_id} is {'running' if running else 'queued'}"
        assert client.get(dataset["items"][0]["image_url"]).status_code == 200
    assert job_row(db, job_id).dataset_version_id is not None


def test_a_training_is_not_queued_on_a_set_that_was_just_deleted(
    client: TestClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = made_dataset(client)

    def freeze_and_lose(*_: Any) -> Any:
        version = client.post(f"{URL}/{dataset['id']}/freeze").json()
        client.delete(f"{URL}/{dataset['id']}")
        return type("Version", (), version)

    monkeypatch.setattr("backend.jobs.kinds.training.freeze_dataset", freeze_and_lose)
    order = {"kind": "training", "dataset_id": dataset["id"], "spec": {"base": "pico", "stage1_steps": 10}}
    refused = client.post("/api/v1/jobs", json=order)
    assert (refused.status_code, refused.json()["code"]) == (409, "dataset_deleted")
    with db.read() as session:
        assert session.scalars(select(Job.id)).all() == []


def test_sets_are_found_by_name_and_state(client: TestClient) -> None:
    names = ("Blonde hair 50%", "blonde hair, again", "ÖLGEMÄLDE")
    ids = {name: made_dataset(client, name=name)["id"] for name in names}
    client.post(f"{URL}/{ids[names[0]]}/freeze")

    def found(**query: str | int) -> list[str]:
        return [row["name"] for row in client.get(URL, params=query).json()["data"]]

    assert found(name="BLONDE") == [names[1], names[0]]
    assert found(name="50%") == [names[0]]
    assert found(name="%") == [names[0]]
    assert found(name="ölgemälde") == [names[2]]
    assert found(name="nothing") == []
    assert found(status="frozen") == [names[0]]
    assert found(status="draft") == [names[2], names[1]]
    assert found(name="blonde", status="draft") == [names[1]]
    page = client.get(URL, params={"name": "blonde", "limit": 1}).json()
    assert [row["name"] for row in page["data"]] == [names[1]]
    assert found(name="blonde", limit=1, cursor=page["next_cursor"]) == [names[0]]
    assert client.get(URL, params={"status": "melted"}).status_code == 422
    assert client.get(URL, params={"name": ""}).status_code == 422
