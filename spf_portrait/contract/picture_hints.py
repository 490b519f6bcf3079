"""What the pictures alone tell: what cannot be opened, what is too small, and what is there twice."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from spf_portrait.contract.portraits import open_portrait

MUCH: Final = 0.4
"""Share of a portrait outside its middle square from which on the face itself may be cut."""


@dataclass(frozen=True)
class PictureSizes:
    """Sizes in pixels.

    Attributes:
        trained_at_px: Side of the squares that the base model learns from.
        smallest_side_px: The shortest side of all.
        enlarged: How many portraits are smaller than the square, and get blurred.
        most_cut_off: The largest share of a portrait that lies outside its middle square.
    """

    trained_at_px: int
    smallest_side_px: int
    enlarged: int
    most_cut_off: float


@dataclass(frozen=True)
class Opened:
    """A portrait that can be opened: its size, and a digest of its pixels."""

    width_px: int
    height_px: int
    digest: str

    @property
    def shorter_px(self) -> int:
        return min(self.width_px, self.height_px)

    @property
    def cut_off(self) -> float:
        """Share of the picture outside its middle square."""
        return 1 - self.shorter_px / max(self.width_px, self.height_px)


def opened(file: Path, name: str) -> Opened:
    """Decode a portrait to the end.

    Raises:
        DataError: It cannot be used.
    """
    image = open_portrait(file, name)
    return Opened(*image.size, hashlib.sha256(image.tobytes()).hexdigest())


def sizes(pictures: Iterable[Opened], trained_at_px: int) -> PictureSizes:
    """Sizes of one or more portraits beside what the base model is trained at."""
    listed = list(pictures)
    return PictureSizes(
        trained_at_px=trained_at_px,
        smallest_side_px=min(picture.shorter_px for picture in listed),
        enlarged=sum(picture.shorter_px < trained_at_px for picture in listed),
        most_cut_off=round(max(picture.cut_off for picture in listed), 3),
    )


def same_pictures(pictures: Mapping[str, Opened]) -> list[tuple[str, ...]]:
    """Names of portraits that are the same pixel by pixel."""
    by_digest: defaultdict[str, list[str]] = defaultdict(list)
    for name, picture in pictures.items():
        by_digest[picture.digest].append(name)
    return [tuple(names) for names in by_digest.values() if len(names) > 1]


def picture_hints(pictures: Mapping[str, Opened], trained_at_px: int) -> list[str]:
    """Sentences on what may spoil the training."""
    small = [name for name, picture in pictures.items() if picture.shorter_px < trained_at_px]
    cut = [name for name, picture in pictures.items() if picture.cut_off > MUCH]
    hints = [f"{names[0]} is the same picture as {', '.join(names[1:])}." for names in same_pictures(pictures)]
    if small:
        hints.append(
            f"{_named(small)} smaller than the {trained_at_px} px that the base model draws, and will be enlarged: the "
            "model learns the blur along with the target."
        )
    if cut:
        hints.append(
            f"{_named(cut)} cut to the middle square and lose more than {MUCH:.0%} of the picture: crop by hand "
            "where the head is not in the middle."
        )
    return hints


def _named(names: list[str]) -> str:
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{shown} {'is' if len(names) == 1 else 'are'}"
