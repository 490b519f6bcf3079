"""One row of the fault matrix: what is done to a studio, how often, and what must hold afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from nemesis.studio import Studio
from nemesis.violation import Violation


class CannotRun(Exception):
    """This machine lacks what a row needs; the message says what."""


@dataclass(frozen=True)
class Round:
    """One strike of the fault."""

    studio: Studio
    number: int
    """From 0; rows with several forms of a fault take them in turn."""
    chance: Random
    """For moments and places; the same seed gives the same ones."""


@dataclass(frozen=True)
class Row:
    """A fault and the promise that it must not break."""

    number: int
    """As in docs/nemesis.md."""
    fault: str
    promise: str
    rounds: int
    """Of the full form."""
    strike: Callable[[Round], Iterator[Violation]]
    """Does it once and yields what did not hold. Whatever it stopped runs again afterwards."""
    processes: tuple[str, ...] = ("broker", "api", "maintenance")
    """What runs besides the workers; rows about files alone need nothing."""
    workers: tuple[str, ...] = ()
    """Names of the workers that the studio has; the part before a hyphen is their queue."""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """Settings of the studio besides those of `nemesis.studio.SETTINGS`."""
