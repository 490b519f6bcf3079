"""/session: who is asking, sign-in on the page, and sign-out."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response

from backend.access.identification import matching_key
from backend.access.schemas import CallerOut, SignIn
from backend.access.sessions import begin_session, drop_cookie, end_session, set_cookie
from backend.caller import Scope
from backend.context import CallerDep, WholeContextDep

router = APIRouter(prefix="/session", tags=["session"])


@router.get("")
def read_caller(caller: CallerDep) -> CallerOut:
    """Say who is asking."""
    return CallerOut(owner=caller.owner, scope=caller.scope, keyed=caller.keyed)


@router.post("", status_code=201)
def sign_in(context: WholeContextDep, request: Request, response: Response, shown: SignIn) -> CallerOut:
    """Begin a session with a key; the answer sets its cookie."""
    key = matching_key(context.db, shown.key)
    valid_s = context.settings.session_s
    set_cookie(response, begin_session(context.db, key.id, valid_s), valid_s, secure=_is_secure(request))
    return CallerOut(owner=key.owner, scope=cast("Scope", key.scope), keyed=True)


@router.delete("", status_code=204)
def sign_out(context: WholeContextDep, response: Response, caller: CallerDep) -> None:
    """End the session; a key stays valid."""
    if caller.session_id is not None:
        end_session(context.db, caller.session_id)
    drop_cookie(response)
    # Pictures are kept by the browser for a year; the next one at this screen may be somebody else.
    response.headers["Clear-Site-Data"] = '"cache"'


def _is_secure(request: Request) -> bool:
    """Tell whether the browser speaks https, which behind a proxy only it knows."""
    return "https" in (request.url.scheme, urlsplit(request.headers.get("origin", "")).scheme)
