"""Keys, the page's sessions, and what is whose."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from sqlalchemy import update
from starlette.testclient import TestClient
from starlette.types import Message

from backend.access.credentials import hashed
from backend.access.sessions import SESSION_COOKIE
from backend.db import Database, now
from backend.jobs import transitions
from backend.main import create_app
from backend.maintenance.old_sessions import forget_sessions
from backend.settings import Settings
from backend.storage import LocalStorage
from backend.tables import Adapter, ApiKey, Comparison, Evaluation, Job, PageSession
from tests.backend.access_fixtures import ORIGIN, Visitor, key_of, revoked, signed_in
from tests.backend.service_fixtures import GOOD_FILES, NewJob, job_row, made_dataset, parts

JOBS = "/api/v1/jobs"
SESSION = "/api/v1/session"
PAIR = {"kind": "comparison", "spec": {"base": "pico", "base_text": "a woman", "target": "blonde hair", "seed": 1}}


def _training(dataset_id: str) -> dict[str, Any]:
    return {"kind": "training", "dataset_id": dataset_id, "spec": {"base": "pico"}}


def _key_row(db: Database, key: str) -> ApiKey:
    with db.read() as session:
        return session.get_one(ApiKey, key.split("_")[1])


def test_without_keys_the_studio_has_one_user_who_never_signs_in(visitor: Visitor) -> None:
    client = visitor()
    assert client.get(JOBS).status_code == 200
    assert client.get("/metrics").status_code == 200
    assert client.get(SESSION).json() == {"owner": "local", "scope": "admin", "keyed": False}


def test_from_the_first_key_on_everything_below_api_takes_one(visitor: Visitor, db: Database) -> None:
    client = visitor()
    key = key_of(db, "mina")
    for address in (JOBS, "/api/v1/openapi.json", "/api", "/api/", "/api/v1/unknown", "/metrics"):
        refusal = client.get(address)
        assert (refusal.status_code, refusal.json()["code"]) == (401, "not_signed_in"), address
        assert refusal.headers["WWW-Authenticate"] == 'Bearer realm="spf-portrait"'
    assert client.get("/healthz").status_code == 200
    assert visitor(key).get(JOBS).status_code == 200
    assert visitor(revoked(db, key)).get(JOBS).status_code == 401
    assert client.get(JOBS).status_code == 401  # the last key is gone, the studio stays closed


SPOILED: dict[str, Callable[[str], str]] = {
    "last letter": lambda key: key[:-1] + ("a" if key[-1] != "a" else "b"),
    "longer": lambda key: key + "a",
    "no secret": lambda key: key.split("_", 2)[1],
    "unknown": lambda key: "spf_0000000000_" + key.split("_", 2)[2],
    "empty": lambda key: "",
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_no_other_text_is_a_key(visitor: Visitor, db: Database, spoiled: str) -> None:
    refusal = visitor(SPOILED[spoiled](key_of(db, "mina"))).get(JOBS)
    assert refusal.status_code == 401
    assert 'error="invalid_token"' in refusal.headers["WWW-Authenticate"]


def test_keys_and_session_tokens_are_stored_as_hashes_alone(visitor: Visitor, db: Database) -> None:
    key = key_of(db, "mina")
    client = signed_in(visitor(), key)
    with db.read() as session:
        stored = session.query(ApiKey).one(), session.query(PageSession).one()
    text = " ".join(str(value) for row in stored for value in vars(row).values())
    assert key.split("_", 2)[2] not in text
    assert client.cookies[SESSION_COOKIE] not in text


def test_a_key_is_over_after_its_days(visitor: Visitor, db: Database) -> None:
    key = key_of(db, "mina", days=1)
    client = visitor(key)
    assert client.get(JOBS).status_code == 200
    with db.write() as session:
        session.execute(update(ApiKey).values(expires_at=now() - 1.0))
    assert client.get(JOBS).status_code == 401


def test_the_last_use_of_a_key_is_written_once_a_minute(visitor: Visitor, db: Database) -> None:
    key = key_of(db, "mina")
    assert _key_row(db, key).last_used_at is None
    visitor(key).get(JOBS)
    first = _key_row(db, key).last_used_at
    visitor(key).get(JOBS)
    assert first is not None
    assert _key_row(db, key).last_used_at == first
    with db.write() as session:
        session.execute(update(ApiKey).values(last_used_at=now() - 61.0))
    visitor(key).get(JOBS)
    assert (_key_row(db, key).last_used_at or 0.0) >= first


def test_each_scope_allows_what_it_says(visitor: Visitor, db: Database) -> None:
    reader, writer, admin = (visitor(key_of(db, "mina", scope)) for scope in ("read", "write", "admin"))
    refusal = reader.post(JOBS, json=PAIR)
    assert (refusal.status_code, refusal.json()["code"]) == (403, "scope_missing")
    assert "'write'" in refusal.json()["detail"]
    job = writer.post(JOBS, json=PAIR).json()
    assert reader.get(f"{JOBS}/{job['id']}").status_code == 200
    assert [client.get("/metrics").status_code for client in (reader, writer, admin)] == [403, 403, 200]


def test_somebody_elses_things_are_not_there(visitor: Visitor, db: Database) -> None:
    owner, other = (visitor(key_of(db, name)) for name in ("mina", "noah"))
    dataset = made_dataset(owner)
    item = dataset["items"][0]
    job = owner.post(JOBS, json=PAIR).json()
    addresses = [
        f"/api/v1/datasets/{dataset['id']}",
        f"/api/v1/datasets/{dataset['id']}/archive",
        f"/api/v1/datasets/{dataset['id']}/items/{item['id']}",
        f"/api/v1/datasets/{dataset['id']}/items/{item['id']}/image",
        f"{JOBS}/{job['id']}",
        f"{JOBS}/{job['id']}/events",
    ]
    for address in addresses:
        assert owner.get(address).status_code == 200, address
        assert other.get(address).status_code == 404, address
        assert visitor(key_of(db, "olga", "admin")).get(address).status_code == 200, address
    stream = other.get(f"{JOBS}/{job['id']}/events", headers={"Accept": "text/event-stream"})
    assert stream.status_code == 404


def test_lists_show_the_callers_own_and_an_admin_everything(
    visitor: Visitor, db: Database, storage: LocalStorage, new_job: NewJob
) -> None:
    clients = {name: visitor(key_of(db, name)) for name in ("mina", "noah")}
    made: dict[str, dict[str, str]] = {}
    for name, client in clients.items():
        job_id = client.post(JOBS, json=PAIR).json()["id"]
        made[name] = {"datasets": made_dataset(client)["id"], "jobs": job_id, **_published(db, job_id)}
    admin = visitor(key_of(db, "olga", "admin"))
    for kind in ("datasets", "jobs", "adapters", "comparisons", "evaluations"):
        own = {name: [row["id"] for row in clients[name].get(f"/api/v1/{kind}").json()["data"]] for name in clients}
        assert own == {name: [made[name][kind]] for name in clients}, kind
        seen = {row["id"] for row in admin.get(f"/api/v1/{kind}").json()["data"]}
        assert seen == {made[name][kind] for name in clients}


def _published(db: Database, job_id: str) -> dict[str, str]:
    """One result of every kind, as a job publishes it."""
    end = job_id[-8:]
    figures: dict[str, Any] = {
        **{"base": "pico", "target": "hat", "count": 1, "steps": 1, "guidance_scale": 1.0, "strength": 1.0},
        **{"hold": None, "metrics": {}, "pollution_by_axis": {}},
    }
    with db.write() as session:
        session.add(Adapter(id=f"adp_{end}", job_id=job_id, base="pico", method="spf", target="hat", files=[]))
        session.flush()
        session.add(Comparison(id=f"cmp_{end}", job_id=job_id, adapter_id=f"adp_{end}", sample={}, files=[]))
        session.add(Evaluation(id=f"evl_{end}", job_id=job_id, adapter_id=f"adp_{end}", figures=figures, files=[]))
    return {"adapters": f"adp_{end}", "comparisons": f"cmp_{end}", "evaluations": f"evl_{end}"}


def test_nobody_orders_with_what_belongs_to_others_not_even_an_admin(visitor: Visitor, db: Database) -> None:
    owner = visitor(key_of(db, "mina"))
    dataset_id = made_dataset(owner)["id"]
    adapter_id = _published(db, owner.post(JOBS, json=PAIR).json()["id"])["adapters"]
    orders = (
        _training(dataset_id),
        {**PAIR, "adapter_id": adapter_id},
        {"kind": "evaluation", "adapter_id": adapter_id, "spec": {"texts": [{"base_text": "a man", "seed": 1}]}},
    )
    for order in orders:
        assert owner.post(JOBS, json=order).status_code == 202
        for stranger in (visitor(key_of(db, "noah")), visitor(key_of(db, "olga", "admin"))):
            assert stranger.post(JOBS, json=order).status_code == 404


def test_two_owners_may_use_one_idempotency_key(visitor: Visitor, db: Database) -> None:
    clients = [visitor(key_of(db, "mina", "write")), visitor(key_of(db, "noah", "admin"))]
    same = {"Idempotency-Key": "same"}
    jobs = [client.post(JOBS, json=PAIR, headers=same).json()["id"] for client in clients]
    assert jobs[0] != jobs[1]
    assert [client.post(JOBS, json=PAIR, headers=same).json()["id"] for client in clients] == jobs
    uploads = [_uploaded(client, same) for client in clients]
    assert uploads[0] != uploads[1]
    assert [_uploaded(client, same) for client in clients] == uploads


def _uploaded(client: Any, headers: dict[str, str]) -> str:
    answer = client.post("/api/v1/datasets", files=parts(GOOD_FILES), data={"name": "set"}, headers=headers)
    return str(answer.json()["id"])


def test_what_an_admin_retries_stays_with_its_owner(visitor: Visitor, db: Database) -> None:
    owner, admin = visitor(key_of(db, "mina")), visitor(key_of(db, "olga", "admin"))
    job_id = owner.post(JOBS, json=PAIR).json()["id"]
    admin.post(f"{JOBS}/{job_id}/cancel")
    retry = admin.post(f"{JOBS}/{job_id}/retry").json()["id"]
    assert job_row(db, retry).belongs_to == "mina"
    assert owner.get(f"{JOBS}/{retry}").status_code == 200


def test_the_place_in_the_line_counts_the_jobs_of_all_owners(visitor: Visitor, db: Database) -> None:
    first, second = (visitor(key_of(db, name)) for name in ("mina", "noah"))
    first.post(JOBS, json=PAIR)
    assert second.post(JOBS, json=PAIR).json()["queue_position"] == 2


def test_what_the_single_user_made_belongs_to_the_local_owner(visitor: Visitor, db: Database) -> None:
    job_id = visitor().post(JOBS, json=PAIR).json()["id"]
    with db.read() as session:
        assert session.get_one(Job, job_id).belongs_to == "local"
    assert visitor(key_of(db, "local", "read")).get(f"{JOBS}/{job_id}").status_code == 200
    assert visitor(key_of(db, "mina")).get(f"{JOBS}/{job_id}").status_code == 404


def test_a_session_begins_with_a_key_and_ends_with_the_sign_out(visitor: Visitor, db: Database) -> None:
    client = signed_in(visitor(), key_of(db, "mina"))
    assert client.get(SESSION).json() == {"owner": "mina", "scope": "write", "keyed": True}
    kept = client.cookies[SESSION_COOKIE]
    assert client.delete(SESSION).status_code == 204
    assert SESSION_COOKIE not in client.cookies
    client.cookies.set(SESSION_COOKIE, kept)
    assert client.get(SESSION).status_code == 401


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(visitor: Visitor, db: Database) -> None:
    key = key_of(db, "mina")

    def cookie(origin: str) -> str:
        answer = visitor().post(SESSION, json={"key": key}, headers={"Origin": origin})
        return str(answer.headers["Set-Cookie"])

    plain, secure = cookie("http://testserver"), cookie("https://testserver")
    assert "HttpOnly" in plain
    assert "SameSite=strict" in plain
    assert "Secure" not in plain
    assert "Secure" in secure


def test_a_session_is_over_with_its_time_and_with_its_key(visitor: Visitor, db: Database) -> None:
    key = key_of(db, "mina")
    timed, outlived = signed_in(visitor(), key), signed_in(visitor(), key)
    with db.write() as session:
        session.execute(update(PageSession).values(expires_at=now() - 1.0))
    assert timed.get(JOBS).status_code == 401
    again = signed_in(outlived, key)
    assert again.get(JOBS).status_code == 200
    revoked(db, key)
    assert again.get(JOBS).status_code == 401


def test_sessions_that_are_over_are_forgotten(visitor: Visitor, db: Database) -> None:
    key = key_of(db, "mina")
    over, going_on = signed_in(visitor(), key), signed_in(visitor(), key)
    ended = PageSession.token_sha256 == hashed(over.cookies[SESSION_COOKIE])
    with db.write() as session:
        session.execute(update(PageSession).where(ended).values(expires_at=now() - 1.0))
    forget_sessions(db)
    with db.read() as session:
        assert session.query(PageSession).count() == 1
    assert going_on.get(JOBS).status_code == 200


def test_a_change_by_cookie_must_come_from_the_studios_own_page(visitor: Visitor, db: Database) -> None:
    client = signed_in(visitor(), key_of(db, "mina"))
    del client.headers["Origin"]
    assert client.post(JOBS, json=PAIR).json()["code"] == "origin_missing"
    foreign = client.post(JOBS, json=PAIR, headers={"Origin": "https://evil.example"})
    assert (foreign.status_code, foreign.json()["code"]) == (403, "cross_site_refused")
    assert client.post(JOBS, json=PAIR, headers=ORIGIN).status_code == 202
    assert client.post(JOBS, json=PAIR, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 202


def test_a_strangers_upload_is_refused_before_it_is_read(settings: Settings, db: Database) -> None:
    key_of(db, "mina")
    answered: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body was asked for")

    async def send(message: Message) -> None:
        answered.append(message)

    scope = {"type": "http", "method": "POST", "path": "/api/v1/datasets", "headers": [(b"host", b"testserver")]}
    anyio.run(create_app(settings), scope, receive, send)
    assert answered[0]["status"] == 401


def test_an_open_address_is_closed_even_before_there_is_a_key(settings: Settings) -> None:
    public = settings.model_copy(update={"host": "0.0.0.0"})
    with TestClient(create_app(public)) as client:
        assert client.get(JOBS).status_code == 401


def test_no_answer_and_no_log_line_holds_a_key(visitor: Visitor, db: Database, caplog: Any) -> None:
    key = key_of(db, "mina")
    client = visitor(key)
    with caplog.at_level("DEBUG"):
        answers = [client.get(JOBS), client.get(SESSION), visitor(key + "x").get(JOBS)]
        signed_in(visitor(), key)
    secret = key.split("_", 2)[2]
    assert secret not in caplog.text
    assert all(secret not in answer.text + json.dumps(dict(answer.headers)) for answer in answers)


def test_a_stream_of_events_ends_with_the_key_of_its_reader(
    settings: Settings, visitor: Visitor, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.access.watched_stream._ASKED_EVERY_S", 0.0)
    key = key_of(db, "mina")
    job_id = visitor(key).post(JOBS, json=PAIR).json()["id"]
    heard: list[bytes] = []

    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        heard.append(message.get("body", b""))
        if b"queued" in heard[-1]:
            revoked(db, key)
            with db.write() as session:
                transitions.add_event(session, job_id, "progress", {"said": "after the end"})

    headers = {"Host": "testserver", "Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
    scope = {
        **{"type": "http", "method": "GET", "path": f"{JOBS}/{job_id}/events", "query_string": b""},
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }

    async def follow() -> None:
        with anyio.fail_after(60.0):
            await create_app(settings)(scope, receive, send)

    anyio.run(follow)
    assert b"queued" in b"".join(heard)
    assert b"after the end" not in b"".join(heard)
