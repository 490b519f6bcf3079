"""Every address of the OpenAPI document × every kind of caller. An address without a row here fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from backend.access.sessions import SESSION_COOKIE, begin_session
from backend.caller import Scope
from backend.db import Database, now
from backend.main import create_app
from backend.settings import Settings
from backend.storage import LocalStorage
from backend.tables import ApiKey
from tests.backend.access_fixtures import Visitor, key_of, revoked
from tests.backend.owned_world import FILE, PREVIEW, World, owned_world
from tests.backend.service_fixtures import GOOD_FILES, parts, png, zipped

UPLOAD = {"files": parts(GOOD_FILES), "data": {"name": "set"}}
MORE = {"files": parts({"c.png": png("navy"), "c.txt": b"a man, [blonde hair]"})}


@dataclass(frozen=True)
class Row:
    """What an address answers.

    Attributes:
        owner: status for the owner of what is named, and for whoever reads or adds their own.
        names: the placeholders of the address belong to the owner; others get 404.
        takes: the scope, or "" for an address that is open.
        admin: status for an admin, where it is not the owner's.
        sent: query, body or files of the request.
    """

    owner: int
    names: bool = True
    takes: str = "read"
    admin: int | None = None
    sent: Mapping[str, Any] = field(default_factory=dict[str, Any])


def own(owner: int, takes: str = "read", **sent: Any) -> Row:
    """An address that names nothing of anybody's."""
    return Row(owner, names=False, takes=takes, sent=sent)


def change(owner: int, **sent: Any) -> Row:
    """A change of what the address names."""
    return Row(owner, takes="write", sent=sent)


READ = Row(200)
DELETE = change(204)
EDIT = {"kind": "prefix", "phrase": "a photo"}

TABLE = {
    "GET /healthz": own(200, ""),
    "GET /readyz": own(200, ""),
    "GET /metrics": own(200, "admin"),
    "GET /api/v1/session": own(200),
    "POST /api/v1/session": own(401, "", json={"key": "no key"}),
    "DELETE /api/v1/session": own(204),
    "GET /api/v1/bases": own(200),
    "POST /api/v1/phrases/parse": own(200, "write", json={"text": "a woman, [blonde hair]"}),
    "GET /api/v1/datasets": own(200),
    "POST /api/v1/datasets": own(201, "write", **UPLOAD),
    "POST /api/v1/datasets/examples/{name}": own(201, "write"),
    "GET /api/v1/datasets/{dataset_id}": READ,
    "PATCH /api/v1/datasets/{dataset_id}": change(200, json={"name": "other"}),
    "DELETE /api/v1/datasets/{dataset_id}": DELETE,
    "GET /api/v1/datasets/{dataset_id}/archive": READ,
    "GET /api/v1/datasets/{dataset_id}/report": READ,
    "POST /api/v1/datasets/{dataset_id}/edits": change(200, json=EDIT),
    "POST /api/v1/datasets/{dataset_id}/edits/undo": change(200),
    "POST /api/v1/datasets/{dataset_id}/freeze": change(200),
    "POST /api/v1/datasets/{dataset_id}/items": change(200, **MORE),
    "GET /api/v1/datasets/{dataset_id}/items/{item_id}": READ,
    "PATCH /api/v1/datasets/{dataset_id}/items/{item_id}": change(200, json={"base": ["a man"], "target": "hat"}),
    "DELETE /api/v1/datasets/{dataset_id}/items/{item_id}": DELETE,
    "GET /api/v1/datasets/{dataset_id}/items/{item_id}/image": READ,
    "GET /api/v1/datasets/{dataset_id}/items/{item_id}/thumbnail": READ,
    "GET /api/v1/trainings/settings": own(200),
    # An order, tried or placed, may work with its sender's own things alone.
    "POST /api/v1/trainings/dry-run": Row(200, takes="write", admin=404),
    "GET /api/v1/jobs": own(200),
    "POST /api/v1/jobs": Row(202, takes="write", admin=404),
    "GET /api/v1/jobs/{job_id}": READ,
    "DELETE /api/v1/jobs/{job_id}": DELETE,
    "GET /api/v1/jobs/{job_id}/events": READ,
    "GET /api/v1/jobs/{job_id}/log": READ,
    "GET /api/v1/jobs/{job_id}/previews/{name}": READ,
    "POST /api/v1/jobs/{job_id}/cancel": change(200),
    "POST /api/v1/jobs/{job_id}/retry": change(202),
    **{f"GET /api/v1/{kind}": own(200) for kind in ("adapters", "comparisons", "evaluations")},
    "GET /api/v1/adapters/{adapter_id}": READ,
    "DELETE /api/v1/adapters/{adapter_id}": DELETE,
    "GET /api/v1/adapters/{adapter_id}/archive": READ,
    "GET /api/v1/adapters/{adapter_id}/files/{name}": READ,
    "GET /api/v1/comparisons/{comparison_id}": READ,
    "DELETE /api/v1/comparisons/{comparison_id}": DELETE,
    "GET /api/v1/comparisons/{comparison_id}/files/{name}": READ,
    "GET /api/v1/evaluations/{evaluation_id}": READ,
    "DELETE /api/v1/evaluations/{evaluation_id}": DELETE,
    "GET /api/v1/evaluations/{evaluation_id}/files/{name}": READ,
}

UNKNOWN = ("nobody", "revoked key", "expired key")
CALLERS = (
    *UNKNOWN,
    "read key",
    "another owner's write key",
    "write key",
    "admin's key",
    "session",
    "session, foreign page",
    "session, no origin",
)


def _expected(address: str, row: Row, caller: str) -> int:
    """Return the status that a caller must get."""
    changes = not address.startswith("GET ")
    refusals = (
        (caller == "session, foreign page" and changes, 403),
        (row.takes == "", row.owner),
        (caller in UNKNOWN, 401),
        (row.takes == "admin" and caller != "admin's key", 403),
        (caller == "read key" and row.takes == "write", 403),
        (caller == "session, no origin" and changes, 403),
        (caller == "another owner's write key" and row.names, 404),
        (caller == "admin's key" and row.admin is not None, row.admin or 0),
    )
    return next((status for holds, status in refusals if holds), row.owner)


def _client(visitor: Visitor, db: Database, caller: str) -> TestClient:
    """A client that calls so."""
    scope: Scope = "read" if caller == "read key" else "admin" if caller == "admin's key" else "write"
    key = key_of(db, {"another owner's write key": "noah", "admin's key": "olga"}.get(caller, "mina"), scope)
    if caller == "nobody":
        return visitor()
    if caller == "revoked key":
        return visitor(revoked(db, key))
    if caller == "expired key":
        with db.write() as session:
            session.execute(update(ApiKey).where(ApiKey.id == key.split("_")[1]).values(expires_at=now() - 1.0))
    return _with_session(visitor(), db, key, caller) if caller.startswith("session") else visitor(key)


def _with_session(client: TestClient, db: Database, key: str, caller: str) -> TestClient:
    """The same client with a cookie, on some page."""
    client.cookies.set(SESSION_COOKIE, begin_session(db, key.split("_")[1], 3600.0))
    origin = {"session": "http://testserver", "session, foreign page": "https://evil.example"}.get(caller)
    client.headers.update({} if origin is None else {"Origin": origin})
    return client


def _filled(address: str, world: World) -> str:
    """Name an owner's things in an address; a job that can be canceled has not ended."""
    job = world.queued_job if address.endswith("/cancel") else world.failed_job
    name = "tiny" if "examples" in address else PREVIEW if "previews" in address else FILE
    values = {**vars(world), "name": name, "job": job}
    placeholders = {f"{noun}_id": value for noun, value in values.items()}
    return address.format(**placeholders, name=name)


def test_every_address_has_a_row(settings: Settings) -> None:
    described = create_app(settings).openapi()["paths"]
    assert {f"{method.upper()} {path}" for path, methods in described.items() for method in methods} == set(TABLE)


@pytest.mark.parametrize("address", TABLE)
def test_every_kind_of_caller_gets_what_is_theirs(
    address: str, visitor: Visitor, db: Database, storage: LocalStorage, settings: Settings
) -> None:
    assert settings.models_dir is not None
    examples = settings.models_dir / "pico" / "examples"
    examples.mkdir()
    (examples / "tiny.zip").write_bytes(zipped(GOOD_FILES))
    row, (method, path) = TABLE[address], address.split()
    world = owned_world(db, storage, "mina")
    found: dict[str, int] = {}
    for caller in CALLERS:
        sent = dict(row.sent)
        if address in ("POST /api/v1/jobs", "POST /api/v1/trainings/dry-run"):
            sent["json"] = {"kind": "training", "dataset_id": world.dataset, "spec": {"base": "pico"}}
        found[caller] = _client(visitor, db, caller).request(method, _filled(path, world), **sent).status_code
        if row.takes == "write" and found[caller] < 300:
            world = owned_world(db, storage, "mina")  # what was changed is no longer what the next one must meet
    assert found == {caller: _expected(address, row, caller) for caller in CALLERS}
