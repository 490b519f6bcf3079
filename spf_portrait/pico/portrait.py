"""One portrait as a choice of one value per axis, drawn at random and reproducible from its seed."""

import random
from collections.abc import Mapping
from typing import Final

from spf_portrait.contract.errors import DataError
from spf_portrait.pico.domain import AXES, AXIS, Axis, Value

Attributes = Mapping[str, str]
"""Axis name → value name, one entry for each axis of the domain."""

BARE_PROBABILITY: Final = {"headwear": 0.62, "glasses": 0.5, "facial_hair": 0.55}
"""How often an accessory is absent: without this, every other head would be hidden under a hat."""


def random_attributes(seed: int, fixed: Attributes | None = None, *, with_held_back: bool = False) -> dict[str, str]:
    """Draw one value for each axis.

    Args:
        seed: The same seed gives the same attributes, on every machine.
        fixed: Axis name → value name, for axes that are not to be drawn.
        with_held_back: Also draw from the values that the shipped U-Net has never seen.

    Raises:
        DataError: A fixed axis or value is not part of the domain.
    """
    given = fixed or {}
    _check(given)
    generator = random.Random(seed)
    drawn = {axis.name: _draw(axis, generator, with_held_back) for axis in AXES}
    return {**drawn, **given}


def visible_axes(attributes: Attributes) -> tuple[str, ...]:
    """The axes that can be seen: a hat hides the hair, no hat has no colour."""
    hidden = {axis for name, value in attributes.items() for axis in AXIS[name].by_name[value].hides}
    if attributes["headwear"] == "none":
        hidden.add("headwear_colour")
    return tuple(axis.name for axis in AXES if axis.name not in hidden)


def _draw(axis: Axis, generator: random.Random, with_held_back: bool) -> str:
    bare = generator.random() < BARE_PROBABILITY.get(axis.name, 0.0)
    values: tuple[Value, ...] = axis.values if with_held_back else axis.known
    choice = generator.choice([value for value in values if value.name != "none"])
    return "none" if bare else choice.name


def _check(fixed: Attributes) -> None:
    for name, value in fixed.items():
        if name not in AXIS:
            raise DataError("unknown_axis", f"the axis {name!r}", ", ".join(AXIS), "Choose one of these axes.")
        if value not in AXIS[name].by_name:
            allowed = ", ".join(AXIS[name].by_name)
            raise DataError("unknown_value", f"{name} = {value!r}", allowed, "Choose one of these values.")
