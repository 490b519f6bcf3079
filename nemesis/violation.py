"""A promise that was broken, by its kind; a row is green when it has none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, get_args

Kind = Literal["lost", "published twice", "illegal transition", "torn", "leak", "server error", "other"]
"""lost: a job, or an answered order. torn: a file that is not what its record says. leak: a process, file or byte that
nobody needs or that stands where it must not. other: what a row promises beyond these."""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@dataclass(frozen=True)
class Violation:
    """What was found, in words."""

    kind: Kind
    found: str


def unless(holds: bool, found: str, kind: Kind = "other") -> Iterator[Violation]:
    """Yield a violation unless the promise holds."""
    if not holds:
        yield Violation(kind, found)
