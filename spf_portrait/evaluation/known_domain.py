"""What a domain offers whose truth is known, such as that of the bundled portraits.

Every method raises ModelError when its weights are missing, and DataError when the domain has no such target.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL import Image
from torch import Tensor

from spf_portrait.contract.phrases import Caption

JUDGE_FOLDER = "judge"
"""In a base model's folder: networks that no loss uses, for measuring."""
Pictures = Sequence[Image.Image]


@dataclass(frozen=True)
class MaskedPortrait:
    """A real portrait with the target, and exactly where the target is.

    Attributes:
        picture: RGB.
        caption: Base phrases and target.
        mask: [height, width] of booleans, as large as the picture.
    """

    picture: Image.Image
    caption: Caption
    mask: Tensor


class KnownDomain(Protocol):
    """Knows portraits, and looks at pictures."""

    def captions(self, seeds: Sequence[int]) -> list[Caption]:
        """One held-out caption for each seed; its base phrases are silent about the target's attribute."""
        ...

    def portraits(self, seeds: Sequence[int]) -> list[MaskedPortrait]:
        """The portraits that these captions describe, with their targets."""
        ...

    def shown(self, pictures: Pictures) -> list[float]:
        """1 for each picture that shows the target, 0 for the others."""
        ...

    def pollution(self, references: Pictures, responses: Pictures) -> list[float]:
        """Share of the other attributes that differ, for each pair."""
        ...

    def regions(self, references: Pictures, responses: Pictures) -> list[Tensor]:
        """Where the target may change things, for each pair: [height, width] of booleans."""
        ...

    def class_maps(self, pictures: Pictures) -> list[Tensor]:
        """The part of the portrait that covers each pixel, [height, width]."""
        ...

    def identities(self, pictures: Pictures) -> Tensor:
        """An embedding of who is shown, [pictures, width]."""
        ...


DomainOf = Callable[[Path, str], KnownDomain | None]
"""Folder of a base model and target phrase → what is known there; None if nothing is known about what it draws."""
