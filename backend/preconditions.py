"""Optimistic concurrency: who names what they have seen with If-Match overwrites nobody's later change."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from fastapi import Header
from pydantic import BaseModel, Field

from backend.errors import ChangedMeanwhile

IfMatch = Annotated[
    str | None, Header(description="the ETag of what this change is meant for; refused with 412 if it has changed")
]


class Tagged(BaseModel):
    """A representation that carries its own entity tag."""

    etag: str = Field(description="for If-Match: tells this content from any other")


Out = TypeVar("Out", bound=Tagged)


def tagged(kind: type[Out], content: Mapping[str, Any]) -> Out:
    """Build a representation with its tag: a hash of everything else in it."""
    untagged = kind.model_validate({**content, "etag": ""})
    sha256 = hashlib.sha256(untagged.model_dump_json().encode()).hexdigest()
    return untagged.model_copy(update={"etag": f'"{sha256}"'})


def require_match(if_match: str | None, present: Tagged) -> None:
    """Let a change pass that is meant for the present content, or for whatever there is.

    Raises:
        ChangedMeanwhile: it is meant for another content.
    """
    named = [tag.strip() for tag in (if_match or "*").split(",")]
    if "*" not in named and present.etag not in named:
        raise ChangedMeanwhile(
            "changed_meanwhile",
            f"Found If-Match {if_match!r}; the present content has the ETag {present.etag}: it was changed after you "
            "read it.",
            "Read it again, see what has changed, and send your change with the new ETag.",
        )
