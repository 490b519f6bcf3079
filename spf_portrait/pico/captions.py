"""Attributes → the base phrases and target phrase of a caption.

Most attributes are left out at random: what the caption does not say, the seed of the noise must decide, and only
such freedom can be polluted by fine-tuning.
"""

import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from spf_portrait.pico.domain import AXES, AXIS, COLOURS, Value
from spf_portrait.pico.portrait import Attributes, visible_axes

SUBJECTS: Final = ("a person", "a portrait", "a portrait of a person", "a cartoon portrait", "a drawing of a person")
COLOUR_OF: Final = {"clothes": "clothes_colour", "headwear": "headwear_colour"}
LEADS: Final = {
    "clothes": ("wearing ", "in "),
    "headwear": ("wearing ", "with "),
    "glasses": ("wearing ", "with "),
    "facial_hair": ("with ",),
    "expression": ("with ",),
}
_LEAD_PROBABILITY: Final = 0.25
COLOURED_HAIR: Final = {
    "short": "short {} hair",
    "quiff": "a {} quiff",
    "bob": "a {} bob",
    "long": "long {} hair",
    "curly": "curly {} hair",
    "shaggy": "shaggy {} hair",
    "afro": "a {} afro",
    "bun": "a {} hair bun",
}
"""How people name style and colour of hair at once."""
_COLOURED_HAIR_PROBABILITY: Final = 0.3


@dataclass(frozen=True)
class Description:
    """What a caption says.

    Attributes:
        phrases: In random order.
        said: The axes whose values they tell.
    """

    phrases: tuple[str, ...]
    said: frozenset[str]


def describe(
    attributes: Attributes, generator: random.Random, *, keep: float = 0.65, without: Collection[str] = ()
) -> Description:
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
    return Description(tuple(phrases), frozenset(axis for axis in named if _can_be_said(axis, attributes, named)))


def base_phrases(
    attributes: Attributes, generator: random.Random, *, keep: float = 0.65, without: Collection[str] = ()
) -> tuple[str, ...]:
    """The phrases of `describe`."""
    return describe(attributes, generator, keep=keep, without=without).phrases


def phrase_of(axis: str, value: str) -> str:
    """What captions usually call a value ("sunglasses"); empty when silence names it ("no glasses")."""
    phrases = AXIS[axis].by_name[value].phrases
    return phrases[0] if phrases else ""


def all_phrases() -> Iterable[str]:
    """Every wording that a caption can have, without colours filled in: the vocabulary of the domain."""
    yield from SUBJECTS
    yield from (phrase for axis in AXES for value in axis.values for phrase in value.phrases)
    yield from (lead for leads in LEADS.values() for lead in leads)
    yield from (template.format("") for template in COLOURED_HAIR.values())
    yield from (*COLOURS, "clothes")


def _can_be_said(axis: str, attributes: Attributes, named: Collection[str]) -> bool:
    """Silence names "no glasses", and nobody speaks of a hat's colour without the hat."""
    return bool(AXIS[axis].by_name[attributes[axis]].phrases) and (axis != "headwear_colour" or "headwear" in named)


def _phrases_of(attributes: Attributes, named: list[str], generator: random.Random) -> list[str]:
    worn = {garment: _garment(garment, attributes, named, generator) for garment in COLOUR_OF}
    hair = _hair(attributes, named, generator)
    done = {*COLOUR_OF, *COLOUR_OF.values(), *(("hair_style", "hair_colour") if hair else ())}
    plain = {axis: _word(AXIS[axis].by_name[attributes[axis]], generator) for axis in named if axis not in done}
    phrases = {**worn, "hair": hair, **plain}
    return [_led(axis, phrase, generator) for axis, phrase in phrases.items() if phrase]


def _garment(garment: str, attributes: Attributes, named: list[str], generator: random.Random) -> str:
    """ "a red hoodie", "a hoodie", "red clothes" or nothing, by which of kind and colour are named."""
    colour = attributes[COLOUR_OF[garment]] if COLOUR_OF[garment] in named else ""
    kind = _word(AXIS[garment].by_name[attributes[garment]], generator) if garment in named else ""
    if not kind:
        return f"{colour} clothes" if colour and garment == "clothes" else ""
    article = "a " if kind.startswith("a ") else ""
    return article + " ".join(filter(None, (colour, kind.removeprefix("a "))))


def _hair(attributes: Attributes, named: list[str], generator: random.Random) -> str:
    """Sometimes "short brown hair", when style and colour are both named; otherwise nothing."""
    together = generator.random() < _COLOURED_HAIR_PROBABILITY
    if not (together and {"hair_style", "hair_colour"} <= set(named) and attributes["hair_style"] in COLOURED_HAIR):
        return ""
    return COLOURED_HAIR[attributes["hair_style"]].format(attributes["hair_colour"])


def _led(axis: str, phrase: str, generator: random.Random) -> str:
    """Sometimes "wearing a hat" instead of "a hat"."""
    leads = LEADS.get(axis, ())
    return generator.choice(leads) + phrase if leads and generator.random() < _LEAD_PROBABILITY else phrase


def _word(value: Value, generator: random.Random) -> str:
    return generator.choice(value.phrases) if value.phrases else ""
