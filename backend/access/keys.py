"""Making, listing and revoking keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.access import repository
from backend.access.credentials import hashed, new_key
from backend.caller import Scope
from backend.context import instant
from backend.db import Database
from backend.errors import NotFound

_DAY_S = 86400.0


@dataclass(frozen=True)
class KeyRow:
    """A key as a list shows it; all times are UTC."""

    id: str
    owner: str
    scope: str
    state: str
    """valid, revoked or expired."""
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


def create_key(db: Database, owner: str, scope: Scope, valid_days: int | None) -> str:
    """Make a key and return it, for the only time: its secret is stored as a hash."""
    key = new_key()
    with db.write() as session:
        valid_s = None if valid_days is None else valid_days * _DAY_S
        repository.add_key(session, key.id, hashed(key.secret), owner, scope, valid_s)
    return str(key)


def list_keys(db: Database) -> Sequence[KeyRow]:
    """Return every key that was ever made, oldest first."""
    with db.read() as session:
        found = repository.list_keys(session)
    return [
        KeyRow(
            key.id,
            key.owner,
            key.scope,
            "valid" if valid else "expired" if key.revoked_at is None else "revoked",
            instant(key.created_at),
            _instant(key.expires_at),
            _instant(key.last_used_at),
        )
        for key, valid in found
    ]


def revoke_key(db: Database, key_id: str) -> None:
    """Revoke a key; the next request with it, or with a session that it began, is refused.

    Raises:
        NotFound: no such key, or it is revoked already.
    """
    with db.write() as session:
        if not repository.revoke_key(session, key_id):
            raise NotFound("key in use", key_id)


def has_valid_key(db: Database) -> bool:
    """Tell whether anybody can come in."""
    with db.read() as session:
        return repository.has_valid_key(session)


def _instant(epoch_s: float | None) -> datetime | None:
    """Return a time that may be missing."""
    return None if epoch_s is None else instant(epoch_s)
