"""Answers that are files: strong ETag, conditional and range requests; several files as one zip."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import Header, Response
from fastapi.responses import FileResponse, StreamingResponse

ZIP = "application/zip"
IMMUTABLE = "private, max-age=31536000, immutable"
"""Cache-Control of what never changes under its address."""
_CHUNK_BYTES = 1 << 18

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
        headers={"ETag": etag(sha256), "Cache-Control": IMMUTABLE},
    )


def zip_response(name: str, members: Mapping[str, Path | bytes]) -> StreamingResponse:
    """Answer with files as one zip, uncompressed and made while it is sent: it is never on the disk or in memory whole.

    Args:
        name: file name for the browser.
        members: where each file lies, or what is in it, by its place in the zip.

    Raises:
        OSError: a file is not there.
    """
    described = [(_zip_info(place, source), source) for place, source in members.items()]
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_zip_bytes(described), media_type=ZIP, headers=headers)


def etag(sha256: str) -> str:
    """Return the entity tag of a file."""
    return f'"sha256-{sha256}"'


def not_modified(if_none_match: str | None, sha256: str) -> Response | None:
    """Return the empty answer when the asker has this very file already."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    if etag(sha256) in tags or "*" in tags:
        return Response(status_code=304, headers={"ETag": etag(sha256)})
    return None


class _Outlet(io.RawIOBase):
    """What a zip is written to: keeps the bytes until they are sent."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def write(self, data: Any, /) -> int:
        """Keep some bytes."""
        self._kept += data
        return len(data)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken = bytes(self._kept)
        self._kept.clear()
        return taken


def _zip_info(place: str, source: Path | bytes) -> zipfile.ZipInfo:
    """Describe a file; its size is told first, because the header of a large one is longer."""
    if isinstance(source, bytes):
        info = zipfile.ZipInfo(place)
        info.file_size = len(source)
        return info
    status = source.stat()
    info = zipfile.ZipInfo(place, time.gmtime(status.st_mtime)[:6])
    info.file_size = status.st_size
    return info


def _zip_bytes(members: Sequence[tuple[zipfile.ZipInfo, Path | bytes]]) -> Iterator[bytes]:
    """Make a zip piece by piece."""
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w") as archive:
        for info, source in members:
            opened = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
            with opened as content, archive.open(info, "w") as member:
                while chunk := content.read(_CHUNK_BYTES):
                    member.write(chunk)
                    yield outlet.take()
    yield outlet.take()
