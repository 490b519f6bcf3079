"""The sibling oracle stands on a rule, not on taste."""

import colorsys

import numpy as np
import pytest

from spf_portrait.pico.domain import AXIS, held_back
from spf_portrait.pico.held_out import held_out_portrait, place_of
from spf_portrait.pico.renderer import render
from spf_portrait.pico.siblings import SIBLINGS, sibling_phrase

SHAPES = [phrase for phrase, (axis, _) in held_back().items() if axis != "hair_colour"]
COLOURS = [phrase for phrase, (axis, _) in held_back().items() if axis == "hair_colour"]


def distance(phrase: str, other: str) -> float:
    """Mean pixel difference between portraits with the target and with another value in its place."""
    axis, value = place_of(phrase)
    found: list[float] = []
    for seed in range(4):
        attributes = held_out_portrait(axis, value, phrase, seed).attributes
        ours, theirs = (np.asarray(render({**attributes, axis: name}), dtype=float) for name in (value, other))
        found.append(float(np.abs(ours - theirs).mean()))
    return sum(found) / len(found)


def hue(value: str) -> float:
    """Of a hair colour, as a share of the circle."""
    colour = dict(AXIS["hair_colour"].by_name[value].draw)["hairColor"]
    return colorsys.rgb_to_hsv(*(int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)))[0]


def test_every_held_back_attribute_has_a_known_sibling_with_a_phrase_of_its_own() -> None:
    assert SIBLINGS.keys() == set(held_back().values())
    for phrase, (axis, value) in held_back().items():
        sibling = AXIS[axis].by_name[SIBLINGS[axis, value]]
        assert not sibling.held_back
        assert place_of(sibling_phrase(phrase)) == (axis, sibling.name)


@pytest.mark.parametrize("phrase", SHAPES)
def test_the_sibling_of_a_shape_is_nearest_in_look(phrase: str) -> None:
    axis, value = place_of(phrase)
    others = {other.name: distance(phrase, other.name) for other in AXIS[axis].known if other.name != "none"}
    assert others[SIBLINGS[axis, value]] <= 1.25 * min(others.values())


@pytest.mark.parametrize("phrase", COLOURS)
def test_the_sibling_of_a_hair_colour_is_nearest_in_hue(phrase: str) -> None:
    axis, value = place_of(phrase)
    away = {other.name: abs(hue(other.name) - hue(value)) for other in AXIS[axis].known}
    around = {name: min(share, 1 - share) for name, share in away.items()}
    assert SIBLINGS[axis, value] == min(around, key=lambda name: around[name])
