"""What every endpoint needs: settings, database and storage of this application."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from backend.db import Database
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


async def get_context(request: Request) -> Context:
    """Return the context of the running application; as a coroutine, because anything else would take a thread."""
    context: Context = request.app.state.context
    return context


ContextDep = Annotated[Context, Depends(get_context)]


def instant(epoch_s: float) -> datetime:
    """Return a time of the database as an aware UTC time, which JSON shows as RFC 3339."""
    return datetime.fromtimestamp(epoch_s, UTC)
