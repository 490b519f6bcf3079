"""Portraits and captions for measuring: seen by no training, their captions silent about the target."""

import random
from dataclasses import dataclass
from typing import Final

from spf_portrait.contract.errors import DataError
from spf_portrait.contract.phrases import Caption
from spf_portrait.pico.captions import base_phrases
from spf_portrait.pico.domain import AXES, AXIS, held_back
from spf_portrait.pico.portrait import random_attributes, visible_axes

_FIRST_SEED: Final = 9_100_000
"""Trainings draw their portraits from smaller seeds."""
_TRIES: Final = 100
"""Seeds that one portrait may use up until the target can be seen: under a hat blonde hair cannot."""


@dataclass(frozen=True)
class HeldOutPortrait:
    """A portrait that shows the target.

    Attributes:
        attributes: Its own.
        without_target: The same but for the target's axis, which is bare or has another value.
        caption: Names some of what can be seen, never the target's axis in its base phrases.
    """

    attributes: dict[str, str]
    without_target: dict[str, str]
    caption: Caption


def place_of(phrase: str) -> tuple[str, str]:
    """Axis and value that a phrase names.

    Raises:
        DataError: No value is called so, or several are, as colours of both hats and clothes.
    """
    places = [
        (axis.name, value.name) for axis in AXES for value in axis.values if _bare(phrase) in map(_bare, value.phrases)
    ]
    if len(places) != 1:
        raise DataError(
            "unknown_target",
            f"the target {phrase!r}, which the portraits of this base have no attribute for",
            ", ".join(held_back()),
            "Name one of these with --target, or give the base texts to measure with as --texts FILE",
        )
    return places[0]


def held_out_portrait(axis: str, value: str, phrase: str, seed: int) -> HeldOutPortrait:
    """One portrait; the same seed gives the same.

    Args:
        axis: Of the target.
        value: The target.
        phrase: What captions call it.
        seed: Any number from 0.
    """
    first = _FIRST_SEED + _TRIES * seed
    drawn = (random_attributes(first + index, {axis: value}) for index in range(_TRIES))
    attributes = next(portrait for portrait in drawn if axis in visible_axes(portrait))
    generator = random.Random(first)
    without_target = {**attributes, axis: _other_value(axis, value, generator)}
    base = base_phrases(attributes, generator, without={axis})
    return HeldOutPortrait(attributes, without_target, Caption(base=base, target=phrase))


def _other_value(axis: str, value: str, generator: random.Random) -> str:
    """ "none" where an axis has it, so that the target is all that differs; otherwise another known value."""
    others = [other.name for other in AXIS[axis].known if other.name != value]
    return "none" if "none" in others else generator.choice(others)


def _bare(phrase: str) -> str:
    return phrase.casefold().removeprefix("a ").removeprefix("an ")
