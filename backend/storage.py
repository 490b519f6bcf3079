"""Files by key in a local folder. A file is either there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


@dataclass(frozen=True)
class StoredFile:
    """A stored file as its record describes it."""

    name: str
    key: str
    sha256: str
    size_bytes: int


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

    def put(self, name: str, key: str, source: Path) -> StoredFile:
        """Store a copy of `source` and return its record, with the hash of what is really on the disk.

        The copy is written beside its place, synced and renamed, then read again; so a full disk or a power cut never
        leaves a torn file under the key.

        Raises:
            OSError: the copy could not be written, or reads back with other bytes.
        """
        place = self.path(key)
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = place.with_name(f".{place.name}.{secrets.token_hex(4)}.tmp")
        try:
            shutil.copyfile(source, temporary)
            _sync(temporary)
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)
        _sync(place.parent)
        stored = StoredFile(name, key, sha256_of(place), place.stat().st_size)
        if stored.sha256 != sha256_of(source):
            place.unlink()
            raise OSError(f"{name} read back with other bytes than were written; check the disk under {self.root}")
        return stored

    def delete_tree(self, key: str) -> None:
        """Delete everything under a key; a missing key is fine."""
        shutil.rmtree(self.path(key), ignore_errors=True)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Force a file's or folder's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
