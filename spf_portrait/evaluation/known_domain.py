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
from spf_portrait.metrics.attributes import Comparison, Reading

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

    def readings(self, pictures: Pictures) -> list[Reading]:
        """What a judge reads off each picture: a value for every axis, hidden ones guessed."""
        ...

    def shows_target(self, reading: Reading) -> float:
        """1 if the target is there, otherwise 0."""
        ...

    def shows_place(self, reading: Reading) -> bool:
        """Whether nothing hides the place where the target would be, as a hat hides the hair."""
        ...

    def comparison(self, reference: Reading, response: Reading) -> Comparison:
        """Which of the other attributes can be seen in both pictures, and which of these differ."""
        ...

    def followed(self, caption: Caption, reading: Reading) -> float | None:
        """Share of what the base text names, and the target leaves alone, that the reading has; None if nothing is."""
        ...

    def changed(self, first: Reading, second: Reading) -> float:
        """Share of all attributes that can be seen in either picture which differ, the target's own included."""
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
