"""Who is shown: the axes that make a person, as far as they can be seen.

Headwear, glasses, clothes, colours, expression and background may change, and it is still the same person. What is
hidden is no part of a person, as nobody can tell whose hair is under a hat. So a portrait with a hat and one without
are never the same person, and they are different ones only if something that both show differs; otherwise nothing can
be said, and no training and no measurement compares them. If they counted as the same, a hat would have to lie near
blonde and near black hair at once, and these would be drawn together.
"""

import random
from collections.abc import Mapping
from typing import Final

from spf_portrait.pico.domain import AXIS
from spf_portrait.pico.portrait import Attributes, visible_axes

PERSON_AXES: Final = ("skin", "hair_style", "hair_colour", "facial_hair")
Person = Mapping[str, str]
"""Axis → value, for those of `PERSON_AXES` that can be seen. Equal mappings are the same person."""


def person_of(attributes: Attributes) -> dict[str, str]:
    """Who a portrait shows."""
    seen = set(visible_axes(attributes))
    if attributes["facial_hair"] != "none":
        seen.add("hair_colour")  # a beard has the colour of the hair, and no hat hides it
    return {axis: attributes[axis] for axis in PERSON_AXES if axis in seen}


def are_different(first: Person, second: Person) -> bool:
    """Whether something that both portraits show of the person differs."""
    return any(first[axis] != second[axis] for axis in first.keys() & second.keys())


def another_person(attributes: Attributes, generator: random.Random) -> dict[str, str]:
    """The same portrait of somebody else: one axis of the person has another value."""
    axis = generator.choice(list(person_of(attributes)))
    others = [value.name for value in AXIS[axis].values if value.name != attributes[axis]]
    return {**attributes, axis: generator.choice(others)}
