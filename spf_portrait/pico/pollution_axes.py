"""Which axes can be polluted: those that a target neither is, nor hides, nor replaces."""

from typing import Final

from spf_portrait.pico.domain import AXES, AXIS
from spf_portrait.pico.portrait import Attributes, visible_axes

_REPLACED: Final[dict[str, tuple[str, ...]]] = {
    "hair_style": ("headwear", "headwear_colour"),
    "hair_colour": ("headwear", "headwear_colour"),
    "headwear": ("headwear_colour", "hair_style", "hair_colour"),
    "headwear_colour": ("headwear", "hair_style", "hair_colour"),
}
"""Hair and headwear share one place on the head: what shows hair takes a hat off, and a hat comes with its colour."""


def compared_axes(axis: str, value: str) -> tuple[str, ...]:
    """The axes that a target leaves alone.

    Args:
        axis: The target's own.
        value: The target's.
    """
    excluded = {axis, *AXIS[axis].by_name[value].hides, *_REPLACED.get(axis, ())}
    return tuple(other.name for other in AXES if other.name not in excluded)


def comparable_axes(axis: str, value: str, reference: Attributes, response: Attributes) -> tuple[str, ...]:
    """Those of `compared_axes` that can be seen in both portraits: hair under a hat says nothing."""
    seen = set(visible_axes(reference)) & set(visible_axes(response))
    return tuple(other for other in compared_axes(axis, value) if other in seen)
