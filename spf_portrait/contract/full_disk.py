"""Recognising a full disk among the errors by which libraries tell of it."""

import errno
from typing import Final

_CODES: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_WORDS: Final = ("No space left on device", "Disk quota exceeded", "database or disk is full")
"""What safetensors, torch and SQLite say: their errors carry no code."""


def is_disk_full(error: BaseException) -> bool:
    """Whether an error, or one that led to it, says that there is no room left to write to."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _CODES:
            return True
        if any(words in str(seen) for words in _WORDS):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
