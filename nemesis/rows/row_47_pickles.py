"""Pickles under other names: whoever loads one runs what it says."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from nemesis.row import Round, Row
from nemesis.uploads import CAPTION, is_refused, zipped
from nemesis.violation import Violation, unless

_NAMES: Final = ("a.png", "a.jpg", "a.webp", "a.safetensors", "a.ckpt", "a.bin")


class _Mark:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return os.mkdir, (str(self._marker), 0o755)


def _strike(this: Round) -> Iterator[Violation]:
    marker = this.studio.folder / "a-pickle-was-loaded"
    content = pickle.dumps(_Mark(marker))
    for name in _NAMES:
        files = {name: content, "a.txt": CAPTION}
        yield from is_refused(this.studio, files, f"a pickle called {name}")
        yield from is_refused(this.studio, {"a.zip": zipped(files)}, f"a pickle called {name} in a zip")
    yield from unless(not marker.exists(), "a pickle was loaded")


PICKLES: Final = Row(
    number=47,
    fault=f"pickles called {', '.join(_NAMES)}, alone and in zips",
    promise="refused with 4xx, and never loaded",
    rounds=10,
    strike=_strike,
)
