"""Ordering, reading, cancelling and retrying jobs, through HTTP."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any, get_args

import pytest
from starlette.testclient import TestClient

from backend.db import Database
from backend.ids import new_id
from backend.jobs import transitions
from backend.storage import LocalStorage
from backend.tables import Adapter
from spf_portrait.contract.hold import Hold
from spf_portrait.contract.methods import Method
from spf_portrait.contract.preset_table import AMOUNTS
from tests.backend.service_fixtures import GOOD_FILES, NewJob, parts

URL = "/api/v1/jobs"


@pytest.fixture
def dataset_id(client: TestClient) -> str:
    """An uploaded caption set."""
    dataset: dict[str, Any] = client.post("/api/v1/datasets", files=parts(GOOD_FILES), data={"name": "set"}).json()
    return str(dataset["id"])


def _order(dataset_id: str, **spec: Any) -> dict[str, Any]:
    return {"kind": "training", "dataset_id": dataset_id, "spec": {"preset": "quick", **spec}}


def test_a_training_is_accepted_and_freezes_its_set(client: TestClient, dataset_id: str) -> None:
    answer = client.post(URL, json=_order(dataset_id, stage1_steps=7))
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"{URL}/{job['id']}"
    assert (job["kind"], job["status"], job["queue_position"], job["attempt"]) == ("training", "queued", 1, 0)
    assert (job["spec"]["stage1_steps"], job["spec"]["stage2_steps"]) == (7, AMOUNTS["pico"]["quick"].stage2_steps)
    assert (job["dataset_id"], job["target"]) == (dataset_id, "blonde hair")
    assert job["created_at"].endswith("Z")
    assert client.get(f"/api/v1/datasets/{dataset_id}").json()["status"] == "frozen"
    read = client.get(f"{URL}/{job['id']}")
    assert read.json() == job
    assert read.headers["retry-after"] == "1"


def test_presets_are_those_of_the_ordered_base(client: TestClient, dataset_id: str, models_dir: Path) -> None:
    entry = f'[large]\nhub = "somebody/a-model"\nrevision = "{"0" * 40}"\nfamily = "sdxl"\n'
    (models_dir / "bases.toml").write_text(entry, "utf-8")
    specs = [client.post(URL, json=_order(dataset_id, base=base)).json()["spec"] for base in ("pico", "large")]
    assert [(spec["learning_rate"], spec["warmup_steps"]) for spec in specs] == [(2e-3, 0), (1e-4, 25)]


def test_queue_positions(client: TestClient, dataset_id: str) -> None:
    ids = [client.post(URL, json=_order(dataset_id, seed=seed)).json()["id"] for seed in range(3)]
    listed = {job["id"]: job["queue_position"] for job in client.get(URL).json()["data"]}
    assert listed == {ids[0]: 1, ids[1]: 2, ids[2]: 3}
    client.post(f"{URL}/{ids[0]}/cancel")
    assert client.get(f"{URL}/{ids[1]}").json()["queue_position"] == 1
    queued = client.get(URL, params={"status": "queued"}).json()["data"]
    assert [job["id"] for job in queued] == [ids[2], ids[1]]


def test_lists_are_filtered_page_by_page(client: TestClient, new_job: NewJob) -> None:
    made = [new_job(kind) for kind in ("training", "comparison") * 3]
    trainings, comparisons = made[::2], made[1::2]
    client.post(f"{URL}/{trainings[1]}/cancel")

    def listed(**query: Any) -> list[str]:
        answer = client.get(URL, params=query).json()
        ids = [job["id"] for job in answer["data"]]
        return ids + (listed(**(query | {"cursor": answer["next_cursor"]})) if answer["has_more"] else [])

    assert listed(kind="training", limit=2) == trainings[::-1]
    assert listed(kind="comparison", limit=1) == comparisons[::-1]
    assert listed(kind=["training", "comparison"], limit=4) == made[::-1]
    assert listed(kind="training", status="queued", limit=1) == [trainings[2], trainings[0]]
    assert listed(kind="comparison", status="canceled") == []
    assert listed(status=["canceled", "queued"], limit=5) == made[::-1]


def test_trainings_of_one_caption_set_are_listed(client: TestClient, dataset_id: str, new_job: NewJob) -> None:
    job_id = client.post(URL, json=_order(dataset_id)).json()["id"]
    new_job()
    assert [job["id"] for job in client.get(URL, params={"dataset_id": dataset_id}).json()["data"]] == [job_id]


@pytest.mark.parametrize(("name", "value"), [("kind", "drawing"), ("status", "done"), ("kind", "")])
def test_unknown_filters_are_refused(client: TestClient, name: str, value: str) -> None:
    answer = client.get(URL, params={name: value})
    assert answer.status_code == 422
    assert name in answer.json()["errors"][0]["pointer"]


@pytest.mark.parametrize("method", [method for method in get_args(Method) if method != "tokencompose"])
def test_every_method_that_needs_no_masks_can_be_ordered(client: TestClient, dataset_id: str, method: str) -> None:
    answer = client.post(URL, json=_order(dataset_id, method=method))
    assert (answer.status_code, answer.json()["spec"]["method"]) == (202, method)


@pytest.mark.parametrize(
    ("spec", "code", "named"),
    [
        ({"base": "sdxl"}, "unknown_base", "sdxl"),
        ({"learning": 1}, None, "learning"),
        ({"batch_size": 0}, None, "batch_size"),
        ({"preset": "huge"}, None, "preset"),
        ({"preset": []}, None, "preset"),
        ({"losses": {"control": False}}, None, "control"),
        ({"rivals": {"purecc": {"eta": 1}}}, None, "rivals.purecc.eta"),
        ({"method": "tokencompose"}, "no_masks", "tokencompose"),
    ],
)
def test_wrong_options_are_named(
    client: TestClient, dataset_id: str, spec: dict[str, Any], code: str | None, named: str
) -> None:
    answer = client.post(URL, json=_order(dataset_id, **spec))
    problem = answer.json()
    assert answer.status_code == 422
    assert code in {None, problem["code"]}
    assert named in problem["detail"]
    assert problem["hint"]
    assert client.get(URL).json()["data"] == []


def test_a_missing_models_folder_says_what_to_do(client: TestClient, dataset_id: str, models_dir: Path) -> None:
    shutil.rmtree(models_dir / "pico")
    answer = client.post(URL, json=_order(dataset_id))
    assert (answer.status_code, answer.json()["code"]) == (422, "no_base_model")
    assert "SPF_MODELS_DIR" in answer.json()["hint"]


def test_unknown_things_are_404(client: TestClient) -> None:
    assert client.post(URL, json=_order("ds_none")).json()["code"] == "dataset_not_found"
    order = {"kind": "comparison", "adapter_id": "adp_none", "spec": {"base_text": "a", "target": "b"}}
    assert client.post(URL, json=order).json()["code"] == "adapter_not_found"
    for path in ("job_none", "job_none/events"):
        assert client.get(f"{URL}/{path}").status_code == 404
    for verb in ("cancel", "retry"):
        assert client.post(f"{URL}/job_none/{verb}").status_code == 404


def test_fields_that_nobody_may_set(client: TestClient, dataset_id: str) -> None:
    answer = client.post(URL, json={**_order(dataset_id), "state": "succeeded"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/state"


def test_a_comparison_takes_its_base_from_the_adapter(client: TestClient, db: Database, new_job: NewJob) -> None:
    adapter_id = new_id("adp")
    training = new_job()
    with db.write() as session:
        session.add(Adapter(id=adapter_id, job_id=training, base="pico", method="spf", target="x", files=[]))
    spec = {"base_text": "a woman", "target": "blonde hair", "seed": 5}
    job = client.post(URL, json={"kind": "comparison", "adapter_id": adapter_id, "spec": spec}).json()
    assert (job["spec"]["base"], job["spec"]["adapter"], job["source_adapter_id"]) == ("pico", adapter_id, adapter_id)
    other = {"kind": "comparison", "adapter_id": adapter_id, "spec": {**spec, "base": "sd15"}}
    assert client.post(URL, json=other).json()["code"] == "base_mismatch"
    plain = client.post(URL, json={"kind": "comparison", "adapter_id": None, "spec": spec})
    assert plain.status_code == 202


def _add_adapter(db: Database, new_job: NewJob, base: str = "pico") -> str:
    adapter_id, training = new_id("adp"), new_job()
    with db.write() as session:
        session.add(Adapter(id=adapter_id, job_id=training, base=base, method="spf", target="x", files=[]))
    return adapter_id


def _order_of_several(*uses: tuple[str, float], **spec: Any) -> dict[str, Any]:
    adapters = [{"adapter": adapter_id, "strength": strength} for adapter_id, strength in uses]
    return {"kind": "comparison", "spec": {"base_text": "a woman", "target": "hat", "adapters": adapters, **spec}}


def test_a_comparison_with_several_adapters(client: TestClient, db: Database, new_job: NewJob) -> None:
    first, second = (_add_adapter(db, new_job) for _ in range(2))
    answer = client.post(URL, json=_order_of_several((first, 0.6), (second, 1)))
    assert answer.status_code == 202
    job = answer.json()
    assert job["source_adapter_id"] == first
    assert (job["spec"]["base"], job["spec"]["adapter"]) == ("pico", None)
    uses = [{"adapter": first, "strength": 0.6}, {"adapter": second, "strength": 1.0}]
    assert job["spec"]["adapters"] == uses
    with db.write() as session:
        assert transitions.claim(session, job["id"], owner="test", lease_s=60.0)
    client.post(f"{URL}/{job['id']}/cancel")
    with db.write() as session:
        transitions.finish_cancel(session, transitions.Lease(job["id"], 1))
    assert client.post(f"{URL}/{job['id']}/retry").json()["spec"]["adapters"] == uses


def test_several_adapters_that_do_not_go_together(client: TestClient, db: Database, new_job: NewJob) -> None:
    pico, other = _add_adapter(db, new_job), _add_adapter(db, new_job, "sd15")

    def refused(order: dict[str, Any]) -> tuple[int, str, str]:
        answer = client.post(URL, json=order)
        assert answer.json()["hint"]
        return answer.status_code, answer.json()["code"], answer.json()["detail"]

    status, code, detail = refused(_order_of_several((pico, 1), (other, 1)))
    assert (status, code) == (422, "mixed_bases")
    assert all(text in detail for text in (pico, other, "pico", "sd15"))
    assert refused(_order_of_several((pico, 1), ("adp_none", 1)))[:2] == (404, "adapter_not_found")
    assert refused(_order_of_several((pico, 1), base="sd15"))[:2] == (422, "base_mismatch")
    for order in (
        _order_of_several((pico, 3)),
        _order_of_several(*[(pico, 1)] * 5),
        _order_of_several((pico, 1), strength=0.5),
        {**_order_of_several((pico, 1)), "adapter_id": pico},
    ):
        assert refused(order)[:2] == (422, "option_out_of_bounds")
    assert client.get(URL, params={"kind": "comparison"}).json()["data"] == []


def _held(hold: Any) -> dict[str, Any]:
    return {"kind": "comparison", "spec": {"base_text": "a woman", "target": "hat", "seed": 1, "hold": hold}}


def test_a_hold_is_kept_with_the_order_and_given_back(client: TestClient, db: Database) -> None:
    job = client.post(URL, json=_held({"firmness": 0.5})).json()
    hold = {"held_below": 0.2, "free_above": 0.5, "firmness": 0.5}
    assert job["spec"]["hold"] == client.get(f"{URL}/{job['id']}").json()["spec"]["hold"] == hold
    assert client.post(URL, json=_held({})).json()["spec"]["hold"] == hold | {"firmness": 1.0}
    assert client.post(URL, json=_held(None)).json()["spec"]["hold"] is None
    with db.write() as session:
        assert transitions.claim(session, job["id"], owner="test", lease_s=60.0)
    client.post(f"{URL}/{job['id']}/cancel")
    with db.write() as session:
        transitions.finish_cancel(session, transitions.Lease(job["id"], 1))
    assert client.post(f"{URL}/{job['id']}/retry").json()["spec"]["hold"] == hold


@pytest.mark.parametrize(
    ("hold", "code", "named"),
    [
        ({"firmness": 1.1}, "option_out_of_bounds", "hold.firmness = 1.1"),
        (
            {"held_below": 0.75},
            "option_out_of_bounds",
            "hold.free_above = 0.5; allowed: more than held_below, which is 0.75",
        ),
        ({"strength": 1}, "unknown_option", "held_below, free_above, firmness"),
        (True, "option_out_of_bounds", "hold = True"),
    ],
)
def test_a_hold_out_of_bounds_is_refused(client: TestClient, hold: Any, code: str, named: str) -> None:
    answer = client.post(URL, json=_held(hold))
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert named in answer.json()["detail"]
    assert answer.json()["hint"]
    assert client.get(URL).json()["data"] == []


def test_the_same_pair_with_another_hold_is_another_order(client: TestClient) -> None:
    key = {"Idempotency-Key": "held"}
    first = client.post(URL, json=_held({"firmness": 0.5}), headers=key)
    assert client.post(URL, json=_held({"firmness": 0.5}), headers=key).json()["id"] == first.json()["id"]
    for other in ({"firmness": 0.6}, {}, None):
        answer = client.post(URL, json=_held(other), headers=key)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_the_openapi_document_says_what_a_hold_is(client: TestClient) -> None:
    schemas = client.get("/api/v1/openapi.json").json()["components"]["schemas"]
    told = schemas["ComparisonIn"]["properties"]["spec"]["description"]
    assert all(f"`{name}`" in told for name in ("hold", *Hold.model_fields))
    assert "default 0.2" in told


def test_idempotency_key(client: TestClient, dataset_id: str) -> None:
    key = {"Idempotency-Key": "k1"}
    first = client.post(URL, json=_order(dataset_id), headers=key)
    again = client.post(URL, json=_order(dataset_id), headers=key)
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["location"] == first.headers["location"]
    other = client.post(URL, json=_order(dataset_id, seed=9), headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(client.get(URL).json()["data"]) == 1


def test_one_key_many_times_at_once_makes_one_job(client: TestClient, dataset_id: str) -> None:
    answers: list[tuple[int, str]] = []

    def order() -> None:
        answer = client.post(URL, json=_order(dataset_id), headers={"Idempotency-Key": "same"})
        answers.append((answer.status_code, str(answer.json().get("id"))))

    threads = [threading.Thread(target=order) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {job_id for _, job_id in answers} == {client.get(URL).json()["data"][0]["id"]}
    assert sorted(status for status, _ in answers) == [200] * 11 + [202]


def test_cancel_twice_and_after_the_end(client: TestClient, db: Database, new_job: NewJob) -> None:
    queued = new_job()
    for _ in range(2):
        answer = client.post(f"{URL}/{queued}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "canceled")
    running = new_job()
    with db.write() as session:
        assert transitions.claim(session, running, owner="test", lease_s=60.0)
    for _ in range(2):
        answer = client.post(f"{URL}/{running}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (202, "canceling")
    done = new_job(state="succeeded")
    refused = client.post(f"{URL}/{done}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "job_already_ended")


def test_retry_is_a_new_job_with_a_parent(client: TestClient, new_job: NewJob) -> None:
    failed = new_job(state="failed", error_code="trainer_lost_repeatedly", error_message="It died.", error_hint="Try.")
    read = client.get(f"{URL}/{failed}").json()
    assert read["error"] == {"code": "trainer_lost_repeatedly", "message": "It died.", "hint": "Try."}
    answer = client.post(f"{URL}/{failed}/retry", headers={"Idempotency-Key": "r"})
    assert answer.status_code == 202
    job = answer.json()
    assert (job["parent_id"], job["status"], job["spec"]) == (failed, "queued", read["spec"])
    assert client.post(f"{URL}/{failed}/retry", headers={"Idempotency-Key": "r"}).json()["id"] == job["id"]
    assert client.get(f"{URL}/{failed}").json() == read
    refused = client.post(f"{URL}/{job['id']}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "job_not_retryable")


def _finished_job(db: Database, new_job: NewJob) -> str:
    job_id = new_job()
    with db.write() as session:
        claim = transitions.claim(session, job_id, owner="test", lease_s=60.0)
        assert claim is not None
        for step in (1, 2, 3):
            transitions.heartbeat(
                session,
                claim.lease,
                lease_s=60.0,
                progress={"phase": "stage1", "step": step, "total": 3, "losses": {}, "eta_s": None},
            )
        assert transitions.succeed(session, claim.lease)
    return job_id


def test_events_as_pages(client: TestClient, db: Database, new_job: NewJob) -> None:
    job_id = _finished_job(db, new_job)
    first = client.get(f"{URL}/{job_id}/events", params={"limit": 4}).json()
    assert [event["seq"] for event in first["data"]] == [1, 2, 3, 4]
    assert (first["has_more"], first["final"]) == (True, False)
    rest = client.get(f"{URL}/{job_id}/events", params={"after": first["next_after"]}).json()
    assert [event["kind"] for event in rest["data"]] == ["progress", "state"]
    assert rest["data"][-1]["data"]["to"] == "succeeded"
    assert (rest["has_more"], rest["final"], rest["next_after"]) == (False, True, 6)


def test_events_as_a_stream(client: TestClient, db: Database, new_job: NewJob) -> None:
    job_id = _finished_job(db, new_job)
    headers = {"Accept": "text/event-stream"}
    answer = client.get(f"{URL}/{job_id}/events", headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in answer.text.strip().split("\n\n")]
    assert [block["id"] for block in blocks] == [str(number) for number in range(1, 7)]
    assert [block["event"] for block in blocks] == ["state", "state", *["progress"] * 3, "state"]
    assert json.loads(blocks[-1]["data"])["data"]["to"] == "succeeded"
    rest = client.get(f"{URL}/{job_id}/events", headers={**headers, "Last-Event-ID": "5"})
    assert rest.text.count("event: ") == 1
    missing = client.get(f"{URL}/job_none/events", headers=headers)
    assert missing.headers["content-type"] == "application/problem+json"


def test_the_log_of_the_latest_attempt(client: TestClient, storage: LocalStorage, new_job: NewJob) -> None:
    job_id = new_job()
    assert client.get(f"{URL}/{job_id}/log").json()["code"] == "log_not_found"
    assert client.get(f"{URL}/job_none/log").json()["code"] == "job_not_found"
    for token, text in ((2, "the first"), (10, "x" * 300_000 + "the last word")):
        log = storage.path(f"logs/{job_id}.{token}.log")
        log.parent.mkdir(exist_ok=True)
        log.write_text(text, "utf-8")
    answer = client.get(f"{URL}/{job_id}/log")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.endswith("the last word")
    assert len(answer.text) < 300_000
