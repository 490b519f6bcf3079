"""Small archives that would become large ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nemesis.row import Round, Row
from nemesis.uploads import is_refused, picture, with_directory, zipped
from nemesis.violation import Violation

_UNPACKED_BYTES: Final = 40 * 2**20
"""Of each member: less than a picture may have, so that only the ratio tells."""
_TWINS: Final = 500


def _strike(this: Round) -> Iterator[Violation]:
    bomb = zipped({"a.png": picture(), **{f"{name}.png": bytes(_UNPACKED_BYTES) for name in "bcd"}})
    yield from is_refused(this.studio, {"bomb.zip": bomb}, "a zip that unpacks to a thousand times its size")
    overlapping = with_directory({"a.png": picture(size=(900, 900))}, _TWINS)
    yield from is_refused(this.studio, {"twins.zip": overlapping}, f"{_TWINS} names for one member's bytes")
    nested = zipped({"a.png": picture(), "b.zip": bomb})
    yield from is_refused(this.studio, {"nested.zip": nested}, "a zip inside a zip")


ARCHIVE_BOMBS: Final = Row(
    number=34,
    fault="zips that unpack to a thousand times their size, whose members share their bytes, or that hold a zip",
    promise="refused with 4xx; nothing stored, and the service's own memory stays small",
    rounds=10,
    strike=_strike,
)
