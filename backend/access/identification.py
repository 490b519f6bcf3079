"""Who a request comes from, by the key or the session that it shows."""

from __future__ import annotations

import logging
from typing import cast

from sqlalchemy.exc import OperationalError
from starlette.requests import HTTPConnection

from backend.access import repository
from backend.access.credentials import hashed, is_same, read_key
from backend.access.sessions import SESSION_COOKIE
from backend.caller import SINGLE_USER, Caller, Scope
from backend.db import Database
from backend.errors import NotSignedIn
from backend.tables import ApiKey

log = logging.getLogger(__name__)


def identify(db: Database, request: HTTPConnection, *, always_keyed: bool) -> Caller:
    """Return who a request comes from.

    Args:
        db: the whole database.
        request: its headers.
        always_keyed: no single user comes in, not even where there are no keys.

    Raises:
        NotSignedIn: it shows no credential, or one that is not valid.
    """
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    token = request.cookies.get(SESSION_COOKIE)
    if scheme.lower() == "bearer":
        return _by_key(db, key)
    caller = None if token is None else _by_session(db, token)
    if caller is not None:
        return caller
    if not always_keyed and not _has_keys(db):
        return SINGLE_USER
    raise NotSignedIn("Found no key and no session." if token is None else "Found a session that is over.")


def matching_key(db: Database, text: str) -> ApiKey:
    """Return the valid key that a text is.

    Raises:
        NotSignedIn: it is none.
    """
    shown = read_key(text)
    with db.read() as session:
        known = None if shown is None else repository.valid_key(session, shown.id)
    if shown is None or known is None or not is_same(shown.secret, known.secret_sha256):
        raise NotSignedIn("Found a key that is unknown, revoked or expired.", tried=True)
    return known


def _by_key(db: Database, text: str) -> Caller:
    """Return the caller who shows a key."""
    key = matching_key(db, text)
    _note_use(db, key.id)
    return Caller(key.owner, cast("Scope", key.scope))


def _by_session(db: Database, token: str) -> Caller | None:
    """Return the caller who shows a session's cookie, or None when it is over."""
    token_sha256 = hashed(token)
    with db.read() as session:
        key = repository.key_of_session(session, token_sha256)
    if key is None:
        return None
    _note_use(db, key.id)
    return Caller(key.owner, cast("Scope", key.scope), session_id=token_sha256)


def _has_keys(db: Database) -> bool:
    """Tell whether there was ever a key."""
    with db.read() as session:
        return repository.has_keys(session)


def _note_use(db: Database, key_id: str) -> None:
    """Write that a key is in use, seldom; a database that cannot write now keeps nobody out for that."""
    with db.read() as session:
        if repository.is_use_noted(session, key_id):
            return
    try:
        with db.write() as session:
            repository.note_use(session, key_id)
    except OperationalError as error:
        log.warning("the last use of key %s stays unknown: %s", key_id, error)
