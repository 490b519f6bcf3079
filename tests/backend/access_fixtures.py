"""Callers of a studio with keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from starlette.testclient import TestClient

from backend.access.keys import create_key, revoke_key
from backend.caller import Scope
from backend.db import Database
from backend.main import create_app
from backend.settings import Settings

ORIGIN = {"Origin": "http://testserver"}

Visitor = Callable[..., TestClient]


@pytest.fixture
def visitor(settings: Settings) -> Iterator[Visitor]:
    """A function that opens a client of one and the same application, with a key or without one."""
    app = create_app(settings)
    opened: list[TestClient] = []

    def visit(key: str | None = None) -> TestClient:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        client = TestClient(app, headers=headers, raise_server_exceptions=False)
        opened.append(client)
        return client

    yield visit
    for client in opened:
        client.close()
    app.state.context.db.close()


def key_of(db: Database, owner: str, scope: Scope = "write", days: int | None = None) -> str:
    """A new key."""
    return create_key(db, owner, scope, days)


def revoked(db: Database, key: str) -> str:
    """The same key, revoked."""
    revoke_key(db, key.split("_")[1])
    return key


def signed_in(client: TestClient, key: str) -> TestClient:
    """The same client with a session instead of a key."""
    answer = client.post("/api/v1/session", json={"key": key}, headers=ORIGIN)
    assert answer.status_code == 201, answer.text
    client.headers.update(ORIGIN)
    return client
