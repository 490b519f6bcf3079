"""What the service knows about a kind of job before a worker has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, JsonValue

from backend.context import Context
from backend.tables import JobQueue

Options = dict[str, JsonValue]

OrderIn = TypeVar("OrderIn", bound=BaseModel)


@dataclass(frozen=True)
class Draft:
    """A checked order, complete enough to be queued."""

    spec: dict[str, Any]
    """Every option with its value, as the worker hands it to the engine."""
    dataset_version_id: str | None = None
    adapter_ids: tuple[str, ...] = ()
    """What the job works with."""


@dataclass(frozen=True)
class Kind(Generic[OrderIn]):
    """A kind of job."""

    queue: JobQueue
    """Which workers take it."""
    draft: Callable[[Context, OrderIn], Draft]
    """Checks an order; raises ServiceError or SpfError for what cannot run."""
