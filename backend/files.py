"""Answers that are files: strong ETag, conditional and range requests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import Header, Response
from fastapi.responses import FileResponse

IfNoneMatch = Annotated[str | None, Header()]


def file_response(path: Path, sha256: str, name: str, *, inline: bool) -> FileResponse:
    """Answer with a stored file; its content never changes, so the hash is a strong ETag.

    Args:
        path: where the file lies.
        sha256: hash of its bytes, in hex.
        name: file name for the browser.
        inline: shown in the page (pictures) instead of saved.
    """
    return FileResponse(
        path,
        filename=name,
        content_disposition_type="inline" if inline else "attachment",
        headers={"ETag": etag(sha256), "Cache-Control": "private, max-age=31536000, immutable"},
    )


def etag(sha256: str) -> str:
    """Return the entity tag of a file."""
    return f'"sha256-{sha256}"'


def not_modified(if_none_match: str | None, sha256: str) -> Response | None:
    """Return the empty answer when the asker has this very file already."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    if etag(sha256) in tags or "*" in tags:
        return Response(status_code=304, headers={"ETag": etag(sha256)})
    return None
