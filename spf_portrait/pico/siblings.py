"""A known sibling of every held-back attribute: how well can the original model do what it was trained on?

The original model, asked for the sibling on the same texts, is the limit of every training that teaches the target: it
has learnt the sibling from thousands of portraits, and nothing was taught beside it.

The rule: of the known values on the target's axis the one that is nearest in look. Shapes are near when portraits that
differ in nothing else are near, pixel by pixel; among those that are about equally near (within a quarter) stands the
commoner word. Colours of hair all change the same pixels, so there the nearest hue decides. "None" is no sibling.
"""

from typing import Final

from spf_portrait.pico.captions import phrase_of
from spf_portrait.pico.held_out import place_of

SIBLINGS: Final[dict[tuple[str, str], str]] = {
    ("hair_style", "afro"): "curly",
    ("hair_style", "bun"): "short",
    ("hair_colour", "blonde"): "brown",
    ("hair_colour", "pink"): "black",
    ("headwear", "turban"): "hat",
    ("headwear", "cat_ear_hat"): "beanie",
    ("glasses", "sunglasses"): "round",
    ("glasses", "eyepatch"): "round",
    ("facial_hair", "full_beard"): "short_beard",
    ("facial_hair", "curled_moustache"): "moustache",
    ("clothes", "overalls"): "v_neck",
    ("expression", "heart_eyes"): "smiling",
    ("expression", "tongue_out"): "smiling",
}
"""(axis, held-back value) → known value of the same axis."""


def sibling_phrase(target: str) -> str:
    """What captions call the sibling of a held-back attribute, such as "round glasses" for "sunglasses".

    Raises:
        DataError: The portraits have no such attribute.
    """
    axis, value = place_of(target)
    return phrase_of(axis, SIBLINGS[axis, value])
