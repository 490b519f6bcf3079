"""Repeated requests: the same Idempotency-Key with the same request finds what the first one made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Header
from sqlalchemy.exc import IntegrityError

from backend.errors import Unprocessable

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        description="within 24 hours, the same key with the same request finds what the first one made",
    ),
]

Made = TypeVar("Made")


@dataclass(frozen=True)
class RequestKey:
    """A key, and the hash of the request that it came with."""

    key: str
    sha256: str


def digest(request: object) -> str:
    """Return a hash that is equal for equal requests; they are plain JSON values."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


def require_same_request(key: str, first_sha256: str, sha256: str) -> None:
    """Refuse a key that came with another request before.

    Raises:
        Unprocessable: it did.
    """
    if first_sha256 != sha256:
        raise Unprocessable(
            "idempotency_key_reused",
            f"Found Idempotency-Key {key!r} with another request than the first one it came with.",
            "Use a new key for a new request.",
        )


def find_or_make(find: Callable[[], Made | None], make: Callable[[], Made]) -> Made:
    """Return what an earlier request with the same key made, or make it now.

    PostgreSQL lets two requests look for their key before either has stored it; the table takes one of them.
    """
    found = find()
    if found is not None:
        return found
    try:
        return make()
    except IntegrityError:
        found = find()
        if found is None:
            raise
        return found
