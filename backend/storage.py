"""Files by key in a local folder. A file is either there whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_PIECE_BYTES = 32 * 1024 * 1024

_NO_SECOND_NAME = frozenset({errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP})
"""What a file system says that cannot give a file a second name."""

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


@dataclass(frozen=True)
class StoredFile:
    """A stored file as its record describes it."""

    name: str
    key: str
    sha256: str
    size_bytes: int


def _pass() -> None:
    """Nothing is to be done between two pieces."""


class LocalStorage:
    """Keeps files under a root folder.

    Args:
        root: the data folder; created when missing.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.root.mkdir(parents=True, exist_ok=True)

    def path(self, key: str) -> Path:
        """Return where the file of this key lies.

        Raises:
            ValueError: the key could lead out of the root.
        """
        if not _KEY.fullmatch(key):
            raise ValueError(f"found storage key {key!r}; allowed are letters, digits, '.', '_', '-' between slashes")
        return self.root / key

    def put(self, name: str, key: str, source: Path, between: Callable[[], None] = _pass) -> StoredFile:
        """Store a copy of `source` and return its record, with the hash of what is really on the disk.

        The copy is written beside its place, synced and renamed, then read again; so a full disk or a power cut never
        leaves a torn file under the key.

        Args:
            name: what its record calls it.
            key: where it goes.
            source: the file.
            between: called after every piece of work, none of which takes long. What it raises ends the copy, and
                nothing is left under the key.

        Raises:
            OSError: the copy could not be written, or reads back with other bytes.
        """
        place = self.path(key)
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = place.with_name(f".{place.name}.{secrets.token_hex(4)}.tmp")
        try:
            written = _copy(source, temporary, between)
            stored = StoredFile(name, key, sha256_of(temporary, between), temporary.stat().st_size)
            if stored.sha256 != written:
                raise OSError(f"{name} read back with other bytes than were written; check the disk under {self.root}")
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)
        _sync(place.parent)
        return stored

    def delete(self, key: str) -> None:
        """Delete a file, or a folder with everything in it; a missing key is fine."""
        path = self.path(key)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def link(source: Path, target: Path, between: Callable[[], None] = _pass) -> None:
    """Give a file that is never written again a second name; make a copy where the file system knows none.

    Args:
        source: the file.
        target: its second name.
        between: see `LocalStorage.put`.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_SECOND_NAME:
            raise
        _copy(source, target, between)
    between()


def sha256_of(path: Path, between: Callable[[], None] = _pass) -> str:
    """Return the SHA-256 of a file's bytes, in hex; `between` as for `LocalStorage.put`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
            between()
    return digest.hexdigest()


def _copy(source: Path, target: Path, between: Callable[[], None]) -> str:
    """Copy piece by piece, each of them on the disk before the next; return the SHA-256 of what was read."""
    digest = hashlib.sha256()
    with source.open("rb") as read, target.open("wb") as written:
        while piece := read.read(_PIECE_BYTES):
            digest.update(piece)
            written.write(piece)
            written.flush()
            os.fsync(written.fileno())
            between()
    return digest.hexdigest()


def _sync(path: Path) -> None:
    """Force a file's or folder's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
