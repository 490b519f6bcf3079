"""What every endpoint needs: settings, storage, and the database as the caller sees it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from backend.caller import Caller
from backend.db import Database
from backend.ownership import seen_by
from backend.settings import Settings
from backend.storage import LocalStorage

_UPLOADS_AT_ONCE = 2
"""Each takes a core and the memory of a large picture; further ones wait for their turn."""


@dataclass(frozen=True)
class Context:
    """Parts that live as long as the application."""

    settings: Settings
    db: Database
    storage: LocalStorage
    figures: CollectorRegistry = field(default_factory=CollectorRegistry)
    """What `/metrics` shows."""
    uploads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_UPLOADS_AT_ONCE))
    """Threads of their own for uploads, so that these keep no other request waiting."""


# As coroutines, because anything else would take a thread.


async def get_whole_context(request: Request) -> Context:
    """Return the parts of the running application, with everybody's records."""
    context: Context = request.app.state.context
    return context


WholeContextDep = Annotated[Context, Depends(get_whole_context)]


async def get_caller(request: Request) -> Caller:
    """Return who asks; only addresses that `backend.access.layer` closes have one."""
    caller: Caller = request.scope["caller"]
    return caller


CallerDep = Annotated[Caller, Depends(get_caller)]


async def get_context(whole: WholeContextDep, caller: CallerDep) -> Context:
    """Return the parts of the running application, with the records that are the caller's."""
    return replace(whole, db=seen_by(whole.db, caller))


ContextDep = Annotated[Context, Depends(get_context)]


async def get_own_context(whole: WholeContextDep, caller: CallerDep) -> Context:
    """Return the same for an order: what it works with must be the caller's own, even if they see everything."""
    return replace(whole, db=seen_by(whole.db, replace(caller, scope="write")))


OwnContextDep = Annotated[Context, Depends(get_own_context)]


def instant(epoch_s: float) -> datetime:
    """Return a time of the database as an aware UTC time, which JSON shows as RFC 3339."""
    return datetime.fromtimestamp(epoch_s, UTC)
