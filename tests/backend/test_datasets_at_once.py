"""Many requests on one caption set at once: none is lost, none counts twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

from backend.db import Database
from backend.settings import Settings
from backend.storage import LocalStorage
from backend.tables import DatasetVersion
from tests.backend.service_fixtures import GOOD_FILES, add_dataset, captioned, made_dataset, parts, png

URL = "/api/v1/datasets"
SAME_KEY = {"Idempotency-Key": "same"}
MORE = {"c.png": png("navy"), "c.txt": b"a girl, [blonde hair]"}


def answers_at_once(ask: Callable[[int], Any], count: int = 4) -> list[Any]:
    """Have threads that start together ask, each with its number; return what came of it in the numbers' order."""
    barrier = threading.Barrier(count)
    answers: dict[int, Any] = {}

    def run(number: int) -> None:
        barrier.wait()
        answers[number] = ask(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[number] for number in range(count)]


def test_one_upload_sent_many_times_makes_one_set(client: TestClient, settings: Settings) -> None:
    def upload(_: int) -> Any:
        return client.post(URL, files=parts(GOOD_FILES), data={"name": "my set"}, headers=SAME_KEY)

    answers = answers_at_once(upload)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert {answer.json()["id"] for answer in answers} == {one["id"] for one in client.get(URL).json()["data"]}
    assert len(list((settings.data_dir / "datasets").rglob("*.png"))) == len(answers[0].json()["items"])


def test_one_addition_sent_many_times_adds_once(client: TestClient, settings: Settings) -> None:
    address = f"{URL}/{made_dataset(client)['id']}/items"
    answers = answers_at_once(lambda _: client.post(address, files=parts(MORE), headers=SAME_KEY))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert {tuple(item["file_name"] for item in answer.json()["items"]) for answer in answers} == {
        ("a.png", "b.png", "c.png")
    }
    assert len(list((settings.data_dir / "datasets").rglob("*.png"))) == 3


def test_one_key_for_two_sets_fills_one_of_them(client: TestClient) -> None:
    ids = [made_dataset(client)["id"] for _ in range(2)]

    def add(number: int) -> Any:
        return client.post(f"{URL}/{ids[number]}/items", files=parts(MORE), headers=SAME_KEY)

    answers = answers_at_once(add, count=2)
    assert sorted(answer.status_code for answer in answers) == [200, 422]
    assert sorted(len(client.get(f"{URL}/{each}").json()["items"]) for each in ids) == [2, 3]


def test_of_many_corrections_of_what_was_seen_one_is_made(client: TestClient) -> None:
    dataset = made_dataset(client)
    address = f"{URL}/{dataset['id']}/items/{dataset['items'][0]['id']}"
    seen = {"If-Match": client.get(address).headers["etag"]}

    def correct(number: int) -> Any:
        return client.patch(address, json={"base": [f"phrase {number}"], "target": "hat"}, headers=seen)

    assert sorted(answer.status_code for answer in answers_at_once(correct)) == [200, 412, 412, 412]


def test_many_bulk_edits_leave_all_their_phrases(client: TestClient) -> None:
    dataset = made_dataset(client, captioned("a woman, [hat]", "a man, [hat]"))
    address = f"{URL}/{dataset['id']}/edits"
    answers_at_once(lambda number: client.post(address, json={"kind": "suffix", "phrase": f"phrase {number}"}))
    phrases = [item["base"][1:] for item in client.get(f"{URL}/{dataset['id']}").json()["items"]]
    assert phrases[0] == phrases[1]
    assert sorted(phrases[0]) == [f"phrase {number}" for number in range(4)]


def test_a_training_is_ordered_or_its_set_is_deleted(client: TestClient, db: Database, storage: LocalStorage) -> None:
    for _ in range(10):
        with db.write() as session:
            version = session.get_one(DatasetVersion, add_dataset(session, storage))
        both = _order_and_delete(client, version.dataset_id)
        outcome = answers_at_once(lambda number, both=both: both[number](), count=2)
        assert tuple(answer.status_code for answer in outcome) in {(202, 409), (404, 204), (409, 204)}


def _order_and_delete(client: TestClient, dataset_id: str) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Order a training on a set; delete the set."""
    order = {"kind": "training", "dataset_id": dataset_id, "spec": {"base": "pico", "stage1_steps": 10}}
    return lambda: client.post("/api/v1/jobs", json=order), lambda: client.delete(f"{URL}/{dataset_id}")
