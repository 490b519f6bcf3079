"""An upload as it came: its files in a folder of their own, and what tells it from other uploads."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import UploadFile

from backend.context import Context
from backend.datasets.uploaded_files import UploadedFile
from backend.idempotency import RequestKey, digest
from backend.storage import sha256_of


@dataclass(frozen=True)
class Incoming:
    """Files of one upload, lying in `folder`; `request_key` is None when the sender gave none."""

    files: Sequence[UploadedFile]
    folder: Path
    target: str | None
    """Target phrase for captions that mark none."""
    request_key: RequestKey | None


@contextmanager
def incoming_folder(context: Context) -> Generator[Path]:
    """Give a folder for the files of one upload; whatever happens, it is gone afterwards."""
    folder = context.storage.path(f"incoming/{secrets.token_hex(8)}")
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def received(
    context: Context, files: Sequence[UploadFile], target: str | None, key: str | None, fields: Mapping[str, str]
) -> Generator[Incoming]:
    """Take in what a form has sent, for as long as the block lasts.

    Args:
        context: parts of the application.
        files: the files of the form.
        target: its target phrase; empty means none.
        key: the Idempotency-Key, if there is one.
        fields: what else makes this request what it is.
    """
    with incoming_folder(context) as folder:
        taken = [_taken(file, folder / f"{number:04d}.part") for number, file in enumerate(files)]
        request_key = None
        if key is not None:
            sent = [[file.name, sha256_of(file.path)] for file in taken]
            request_key = RequestKey(key, digest({**fields, "target": target or "", "files": sent}))
        yield Incoming(taken, folder, target or None, request_key)


def _taken(file: UploadFile, place: Path) -> UploadedFile:
    """Copy one file out of the request."""
    with place.open("wb") as copy:
        shutil.copyfileobj(file.file, copy)
    return UploadedFile(file.filename or "", place)
