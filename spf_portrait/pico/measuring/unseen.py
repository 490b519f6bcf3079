"""Portraits and captions for measuring: their seeds are larger than any training's."""

import random
from collections.abc import Mapping
from typing import Final

from spf_portrait.pico.captions import base_phrases
from spf_portrait.pico.domain import AXIS
from spf_portrait.pico.portrait import Attributes, random_attributes, visible_axes

_FIRST_SEED: Final = 9_000_000
_TRIES: Final = 100


def unseen(count: int, *, with_held_back: bool = False) -> list[dict[str, str]]:
    """Attributes of `count` portraits; the same every time."""
    return [random_attributes(_FIRST_SEED + index, with_held_back=with_held_back) for index in range(count)]


def full_caption(attributes: Attributes) -> str:
    """Everything that can be seen, in an order and wording that are the same every time."""
    return ", ".join(base_phrases(attributes, random.Random(str(dict(attributes))), keep=1.0))


def silent_captions(axis: str, count: int) -> list[str]:
    """Captions that say nothing about an axis, of portraits that would show it if they had it."""
    fixed = _bare_of(axis)
    return [_silent_caption(axis, fixed, _FIRST_SEED + _TRIES * index) for index in range(count)]


def _silent_caption(axis: str, fixed: Mapping[str, str], first_seed: int) -> str:
    drawn = (random_attributes(first_seed + index, fixed) for index in range(_TRIES))
    attributes = next(portrait for portrait in drawn if fixed or axis in visible_axes(portrait))
    return ", ".join(base_phrases(attributes, random.Random(first_seed), without={axis}))


def _bare_of(axis: str) -> dict[str, str]:
    """No glasses where glasses are to be added; no hat where hair is."""
    bare = {axis: "none"} if "none" in AXIS[axis].by_name else {}
    return {**bare, **({"headwear": "none"} if axis in ("hair_style", "hair_colour") else {})}
