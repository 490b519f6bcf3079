"""Which parts of a portrait an axis is made of: together they are the region where its target may change things."""

from typing import Final

from spf_portrait.pico.parsing import Part

TARGET_PARTS: Final[dict[str, frozenset[Part]]] = {
    "skin": frozenset({Part.SKIN}),
    "hair_style": frozenset({Part.HAIR, Part.HEADWEAR}),
    "hair_colour": frozenset({Part.HAIR, Part.HEADWEAR, Part.FACIAL_HAIR}),
    "headwear": frozenset({Part.HEADWEAR, Part.HAIR}),
    "headwear_colour": frozenset({Part.HEADWEAR, Part.HAIR}),
    "glasses": frozenset({Part.GLASSES}),
    "facial_hair": frozenset({Part.FACIAL_HAIR}),
    "clothes": frozenset({Part.CLOTHES}),
    "clothes_colour": frozenset({Part.CLOTHES}),
    "expression": frozenset({Part.EYES, Part.MOUTH}),
    "background": frozenset({Part.BACKGROUND}),
}
"""Hair and headwear share one place on the head, and a beard has the colour of the hair."""
