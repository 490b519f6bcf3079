"""Attributes → the base phrases and target phrase of a caption.

Most attributes are left out at random: what the caption does not say, the seed of the noise must decide, and only
such freedom can be polluted by fine-tuning.
"""

import random
from collections.abc import Collection
from typing import Final

from spf_portrait.pico.domain import AXIS, Value
from spf_portrait.pico.portrait import Attributes, visible_axes

SUBJECTS: Final = ("a person", "a portrait", "a portrait of a person", "a cartoon portrait")
_COLOUR_OF: Final = {"clothes": "clothes_colour", "headwear": "headwear_colour"}


def base_phrases(
    attributes: Attributes, generator: random.Random, *, keep: float = 0.65, without: Collection[str] = ()
) -> tuple[str, ...]:
    """Name a random part of what can be seen, in random order.

    Args:
        attributes: The portrait.
        generator: Decides which axes are named, in which words and in which order.
        keep: Probability of naming an axis.
        without: Axes never to be named, such as the target's own.
    """
    named = [axis for axis in visible_axes(attributes) if axis not in without and generator.random() < keep]
    phrases = [generator.choice(SUBJECTS), *_phrases_of(attributes, named, generator)]
    generator.shuffle(phrases)
    return tuple(phrases)


def phrase_of(axis: str, value: str) -> str:
    """What captions call a value ("sunglasses"); empty when silence names it ("no glasses")."""
    phrases = AXIS[axis].by_name[value].phrases
    if not phrases:
        return ""
    if axis == "headwear":
        return f"a {phrases[0]}"
    return phrases[0]


def _phrases_of(attributes: Attributes, named: list[str], generator: random.Random) -> list[str]:
    worn = {garment: _garment(garment, attributes, named, generator) for garment in _COLOUR_OF}
    plain_axes = [axis for axis in named if axis not in _COLOUR_OF and axis not in _COLOUR_OF.values()]
    plain = [_word(AXIS[axis].by_name[attributes[axis]], generator) for axis in plain_axes]
    return [phrase for phrase in (*worn.values(), *plain) if phrase]


def _garment(garment: str, attributes: Attributes, named: list[str], generator: random.Random) -> str:
    """ "a red hoodie", "a hoodie", "red clothes" or nothing, by which of kind and colour are named."""
    colour = attributes[_COLOUR_OF[garment]] if _COLOUR_OF[garment] in named else ""
    kind = _word(AXIS[garment].by_name[attributes[garment]], generator) if garment in named else ""
    if not kind:
        return f"{colour} clothes" if colour and garment == "clothes" else ""
    article = "" if kind == "overalls" else "a "
    return article + " ".join(filter(None, (colour, kind)))


def _word(value: Value, generator: random.Random) -> str:
    return generator.choice(value.phrases) if value.phrases else ""
