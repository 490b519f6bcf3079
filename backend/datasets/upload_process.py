"""Having an upload read by a process of its own, which may be killed by what it reads."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector

from backend.datasets.upload import ReadUpload
from backend.datasets.upload_messages import ANSWER, Answer, NoRoom, Opening, Read, ReadingOrder, Refused, Unreadable
from backend.datasets.uploaded_files import UploadedFile
from backend.errors import Unprocessable
from spf_portrait.contract.errors import DataError

_MEMORY_BYTES = 2 * 1024**3
"""For the process; the largest allowed picture takes about a quarter of it."""

_LONGEST_SILENCE_S = 120.0
"""No portrait takes longer, however busy the machine is."""

_MOST_CRASHES = 3


def read_in_process(
    files: Sequence[UploadedFile], folder: Path, target: str | None, present: Sequence[str] = ()
) -> ReadUpload:
    """Read an upload as `read_upload` does; a portrait that ends the process is one of those that are not kept.

    Args:
        files: the files.
        folder: place for extracted and cleaned files; the caller removes it.
        target: target phrase for captions that mark none.
        present: names of portraits that the caption set has already.

    Raises:
        Unprocessable: nothing can be used, the files cannot be told apart, or too many end the process.
        DataError: the zip or a caption table cannot be read.
        OSError: the disk is full.
    """
    crashed: list[str] = []
    while len(crashed) < _MOST_CRASHES:
        fresh = folder / f"reading-{len(crashed)}"
        fresh.mkdir()
        order = ReadingOrder(files=list(files), folder=fresh, target=target, present=list(present), crashed=crashed)
        last = _last_answer(order)
        if isinstance(last, Read):
            return last.upload
        if not isinstance(last, Opening):
            raise _error(last)
        crashed.append(last.file_name)
        shutil.rmtree(fresh)
    raise Unprocessable(
        "upload_unreadable",
        f"Found pictures that cannot be decoded within the limits of this service: {', '.join(crashed)}.",
        "Save them anew as PNG, or leave them out.",
    )


def _error(answer: Refused | Unreadable | NoRoom | None) -> Exception:
    """Raise here what was raised there."""
    if isinstance(answer, Refused):
        return Unprocessable(answer.code, answer.detail, answer.hint, answer.errors)
    if isinstance(answer, Unreadable):
        return DataError(answer.code, answer.found, answer.allowed, answer.hint)
    if isinstance(answer, NoRoom):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return Unprocessable(
        "upload_unreadable",
        "The upload could not be read within the limits of this service.",
        "Send fewer or smaller files; if that does not help, report this as a bug.",
    )


def _last_answer(order: ReadingOrder) -> Answer | None:
    """Run a process to its end; return the last that it said."""
    command = [sys.executable, "-m", "backend.datasets.read_upload", str(_MEMORY_BYTES)]
    last: Answer | None = None
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(order.model_dump_json().encode() + b"\n")
        process.stdin.close()
        try:
            for line in _lines(process.stdout.fileno()):
                last = ANSWER.validate_json(line)
        finally:
            process.kill()
    return last


def _lines(pipe: int) -> Iterator[bytes]:
    """Yield complete lines until the other side closes the pipe or falls silent."""
    rest = b""
    # Not select(), which cannot wait for a descriptor beyond 1023: a busy service has that many.
    with DefaultSelector() as selector:
        selector.register(pipe, EVENT_READ)
        while selector.select(_LONGEST_SILENCE_S) and (chunk := os.read(pipe, 1 << 16)):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
