"""Phrase → where a portrait shows it, exactly: the parts of the figure that the phrase speaks of."""

from typing import Final

import numpy as np
from PIL import Image

from spf_portrait.pico.parsing import Part, class_map
from spf_portrait.pico.portrait import Attributes
from spf_portrait.pico.said_attributes import said_attributes
from spf_portrait.pico.target_parts import TARGET_PARTS

_PERSON: Final = frozenset(Part) - {Part.BACKGROUND}
"""What "a person" stands for."""


def phrase_mask(phrase: str, attributes: Attributes) -> Image.Image:
    """White where the portrait shows what the phrase says, black elsewhere; all black where that is hidden."""
    parts = [int(part) for part in parts_named(phrase)]
    return Image.fromarray(np.isin(class_map(attributes), parts).astype(np.uint8) * 255)


def parts_named(phrase: str) -> frozenset[Part]:
    """The parts that a phrase of a caption speaks of; the whole person if it names no attribute."""
    axes = said_attributes([phrase])
    return frozenset[Part]().union(*(TARGET_PARTS[axis] for axis in axes)) if axes else _PERSON
