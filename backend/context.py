"""What every endpoint needs: settings, database and storage of this application."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request

from backend.db import Database
from backend.settings import Settings
from backend.storage import LocalStorage


@dataclass(frozen=True)
class Context:
    """Parts that live as long as the application."""

    settings: Settings
    db: Database
    storage: LocalStorage


def get_context(request: Request) -> Context:
    """Return the context of the running application."""
    context: Context = request.app.state.context
    return context


ContextDep = Annotated[Context, Depends(get_context)]


def instant(epoch_s: float) -> datetime:
    """Return a time of the database as an aware UTC time, which JSON shows as RFC 3339."""
    return datetime.fromtimestamp(epoch_s, UTC)
