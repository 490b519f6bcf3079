"""What was done to a studio, in order, so that a red round can be told."""

from __future__ import annotations

import json
import time
from pathlib import Path


class History:
    """Lines of JSON, each on the disk before the next thing is done.

    Args:
        path: the file; appended to.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._started_s = time.monotonic()

    def note(self, did: str, **facts: object) -> None:
        """Add a line."""
        line = {"at_s": round(time.monotonic() - self._started_s, 3), "did": did, **facts}
        self._file.write(json.dumps(line, default=str) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
