"""Names of files that lead elsewhere, or mean something to a shell, a page or a system."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nemesis.row import Round, Row
from nemesis.studio import Studio
from nemesis.uploads import CAPTION, picture, stored, zipped
from nemesis.violation import Violation, unless

_PARTS: Final = (
    *("..", "../..", "/etc", "\\..\\..", "C:\\windows", "CON", "nul.", ".", "~", "$(id)", ";id;", "-rf", "--output"),
    *("\u202egnp", "\u2024\u2024", "\uff0e\uff0e", "a\x00b", "a\nb", "'\"", "<script>", "%2e%2e", "e\u0301", "x" * 250),
)


def _strike(this: Round) -> Iterator[Violation]:
    name = "/".join(this.chance.sample(_PARTS, this.chance.randint(1, 3))) + ".png"
    before = _outside(this.studio)
    files = {name: picture(), "a.png": picture(), "a.txt": CAPTION}
    for what, upload in (("member", {"a.zip": zipped(files)}), ("file", files)):
        answer = this.studio.client.upload(upload)
        this.studio.history.note("upload", name=name, status=answer.status_code)
        yield from unless(answer.status_code < 500, f"a {what} called {name!r}: {answer.status_code}", "server error")
    left = _outside(this.studio) - before
    yield from unless(not left, f"{name!r} led to {sorted(left)}", "leak")
    odd = [path for path in stored(this.studio) if not path.isascii() or ".." in path]
    yield from unless(not odd, f"{name!r} is stored as {odd[:3]}", "leak")


def _outside(studio: Studio) -> set[str]:
    """Files beside the data folder, in the folders above it."""
    places = (studio.folder, studio.folder.parent)
    return {str(path) for place in places for path in place.iterdir()}


HOSTILE_NAMES: Final = Row(
    number=37,
    fault="pictures, alone and in zips, with names that leave the folder or mean something to a system",
    promise="no file outside the caption sets, and none under a name that its sender chose",
    rounds=300,
    strike=_strike,
)
