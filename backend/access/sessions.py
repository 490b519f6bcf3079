"""The page's sessions: begun with a key, carried by a cookie; over after a time, by a sign-out, or with their key."""

from __future__ import annotations

from fastapi import Response

from backend.access import repository
from backend.access.credentials import hashed, new_token
from backend.db import Database

SESSION_COOKIE = "spf_session"


def begin_session(db: Database, key_id: str, valid_s: float) -> str:
    """Begin a session and return its token, which only the cookie holds; the records have its hash."""
    token = new_token()
    with db.write() as session:
        repository.add_session(session, hashed(token), key_id, valid_s)
    return token


def end_session(db: Database, session_id: str) -> None:
    """End a session at once, wherever its cookie is."""
    with db.write() as session:
        repository.end_session(session, session_id)


def set_cookie(response: Response, token: str, valid_s: float, *, secure: bool) -> None:
    """Give the token to the browser, out of reach for scripts and for other sites."""
    response.set_cookie(
        SESSION_COOKIE, token, max_age=int(valid_s), path="/", secure=secure, httponly=True, samesite="strict"
    )


def drop_cookie(response: Response) -> None:
    """Have the browser forget the token."""
    response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="strict")
