"""Uploads as an attacker sends them, and what must hold of every one that is refused."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from PIL import Image

from nemesis.studio import Studio
from nemesis.violation import Violation, unless

_MOST_MEMORY_BYTES: Final = 400 * 2**20
"""Of the process that answers requests; what an upload needs is taken by a process of its own."""

CAPTION: Final = b"a woman, a brown jacket, [blonde hair]"

_AREAS: Final = frozenset({"datasets", "incoming"})


def picture(form: str = "PNG", size: tuple[int, int] = (40, 40), **options: Any) -> bytes:
    """A small picture whose left half is red."""
    image = Image.new("RGB", size, "tan")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A zip of these members."""
    stream = io.BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def with_directory(members: Mapping[str, bytes], more: int, **lies: int) -> bytes:
    """A zip whose directory names its first member more often than it is there.

    Args:
        members: what is really there.
        more: how many further names the directory gives to the first member.
        lies: fields of the directory's first entry, with other values than the member's own header has.
    """
    stream = io.BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        first = archive.filelist[0]
        archive.filelist.extend(_renamed(first, f"{number}.png") for number in range(more))
        for field, value in lies.items():
            setattr(first, field, value)
    return stream.getvalue()


def is_refused(studio: Studio, files: Mapping[str, bytes], what: str) -> Iterator[Violation]:
    """Send files of which nothing may be kept: a 4xx in the service's own words, and no byte on the disk."""
    before = stored(studio)
    answer = studio.client.upload(files)
    studio.history.note("upload", what=what, status=answer.status_code, answer=answer.text[:300])
    refused = HTTPStatus.BAD_REQUEST <= answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
    yield from unless(refused and "code" in answer.json(), f"{what}: answered {answer.status_code}")
    left = sorted(stored(studio) - before)
    yield from unless(not left, f"{what}: left {left[:3]}", "leak")
    memory = studio.process("api").memory_info().rss
    yield from unless(memory < _MOST_MEMORY_BYTES, f"{what}: the service takes {memory // 2**20} MiB", "leak")


def stored(studio: Studio) -> set[str]:
    """Return the files and folders of caption sets and uploads, from the studio's own folder upwards."""
    found = (path.relative_to(studio.folder) for path in studio.folder.rglob("*"))
    return {str(path) for path in found if not _AREAS.isdisjoint(path.parent.parts)}


def _renamed(info: ZipInfo, name: str) -> ZipInfo:
    twin = ZipInfo(name)
    for field in ("header_offset", "CRC", "compress_size", "file_size", "compress_type", "flag_bits"):
        setattr(twin, field, getattr(info, field))
    return twin
