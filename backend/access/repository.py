"""Reading and adding of the rows of keys and sessions."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, literal, or_, select, update
from sqlalchemy.orm import Session

from backend.caller import Scope
from backend.db import now
from backend.tables import ApiKey, PageSession

_NOTED_EVERY_S = 60.0
"""So seldom is it written that a key is in use: a page asks every second."""

_VALID = ApiKey.revoked_at.is_(None) & or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now())


def add_key(session: Session, key_id: str, secret_sha256: str, owner: str, scope: Scope, valid_s: float | None) -> None:
    """Add a key that is valid for some seconds, or until it is revoked."""
    ends = None if valid_s is None else now() + literal(valid_s)
    session.add(ApiKey(id=key_id, secret_sha256=secret_sha256, owner=owner, scope=scope, expires_at=ends))


def list_keys(session: Session) -> Sequence[tuple[ApiKey, bool]]:
    """Return every key in the order in which they were made, and whether it is valid."""
    return [(key, valid) for key, valid in session.execute(select(ApiKey, _VALID).order_by(ApiKey.created_at))]


def revoke_key(session: Session, key_id: str) -> bool:
    """Revoke a key and end its sessions. False: no such key, or it is revoked already."""
    revoked = session.scalar(
        update(ApiKey)
        .where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=now())
        .returning(ApiKey.id)
    )
    session.execute(delete(PageSession).where(PageSession.key_id == key_id))
    return revoked is not None


def has_keys(session: Session) -> bool:
    """Tell whether there was ever a key; without one the studio has a single user."""
    return session.scalar(select(ApiKey.id).limit(1)) is not None


def has_valid_key(session: Session) -> bool:
    """Tell whether anybody can come in."""
    return session.scalar(select(ApiKey.id).where(_VALID).limit(1)) is not None


def valid_key(session: Session, key_id: str) -> ApiKey | None:
    """Return a key that is neither revoked nor over, or None."""
    return session.scalar(select(ApiKey).where(ApiKey.id == key_id, _VALID))


def key_of_session(session: Session, token_sha256: str) -> ApiKey | None:
    """Return the valid key of a session that is not over, or None."""
    of_key = select(ApiKey).join(PageSession, PageSession.key_id == ApiKey.id)
    return session.scalar(
        of_key.where(PageSession.token_sha256 == token_sha256, PageSession.expires_at > now(), _VALID)
    )


def is_use_noted(session: Session, key_id: str) -> bool:
    """Tell whether a key's last use was written a short while ago."""
    noted = ApiKey.last_used_at > now() - literal(_NOTED_EVERY_S)
    return session.scalar(select(ApiKey.id).where(ApiKey.id == key_id, noted)) is not None


def note_use(session: Session, key_id: str) -> None:
    """Write that a key is in use."""
    session.execute(update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=now()))


def add_session(session: Session, token_sha256: str, key_id: str, valid_s: float) -> None:
    """Add a session that is over after some seconds."""
    session.add(PageSession(token_sha256=token_sha256, key_id=key_id, expires_at=now() + literal(valid_s)))


def end_session(session: Session, token_sha256: str) -> None:
    """Delete a session; one that is not there is over already."""
    session.execute(delete(PageSession).where(PageSession.token_sha256 == token_sha256))
