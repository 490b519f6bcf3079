"""Class maps are exact: the renderer's own pixels must agree with them."""

from collections.abc import Collection

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spf_portrait.metrics.segmentation import dilated
from spf_portrait.pico.domain import AXIS
from spf_portrait.pico.parsing import Part, class_map, majority
from spf_portrait.pico.portrait import Attributes, random_attributes
from spf_portrait.pico.renderer import exact_mask, render

COLOURFUL = {
    "skin": "tan",
    "hair_style": "long",
    "hair_colour": "pink",
    "headwear": "none",
    "headwear_colour": "green",
    "glasses": "none",
    "facial_hair": "none",
    "clothes": "t_shirt",
    "clothes_colour": "blue",
    "expression": "smiling",
    "background": "mint",
}
"""No two parts have one colour, so that whatever happens to the class map can be seen in the picture."""
WORN = {"headwear": Part.HEADWEAR, "glasses": Part.GLASSES, "facial_hair": Part.FACIAL_HAIR}
COLOURED = {
    "skin": (Part.SKIN, {Part.SKIN, Part.EYES, Part.MOUTH}),
    "hair_colour": (Part.HAIR, {Part.HAIR, Part.FACIAL_HAIR}),
    "headwear_colour": (None, {Part.HEADWEAR}),
    "clothes_colour": (None, {Part.CLOTHES}),
    "background": (Part.BACKGROUND, {Part.BACKGROUND}),
}
"""Axis → the part that it colours everywhere, if any, and all parts that it colours at least in places."""


def is_in(classes: NDArray[np.uint8], parts: Collection[Part]) -> NDArray[np.bool_]:
    return np.isin(classes, [int(part) for part in parts])


def share_of_axis(attributes: Attributes, axis: str, other: str) -> NDArray[np.float64]:
    """How much of each pixel's colour an axis decides, 0 … 1: pixels at an edge belong to two parts."""
    pictures = [np.asarray(render(item), dtype=float) for item in (attributes, {**attributes, axis: other})]
    change = np.abs(pictures[1] - pictures[0]).sum(axis=-1)
    return change / change.max()


def values_but(axis: str, value: str) -> list[str]:
    return [other.name for other in AXIS[axis].values if other.name != value]


@pytest.mark.parametrize("axis", COLOURED)
def test_a_pixel_belongs_to_the_part_that_gives_it_most_of_its_colour(axis: str) -> None:
    everywhere, anywhere = COLOURED[axis]
    fixed = {"headwear": "hat" if axis == "headwear_colour" else "none", "background": "white"}
    for seed in range(4):
        attributes = random_attributes(seed, fixed, with_held_back=True)
        classes = class_map(attributes)
        share = share_of_axis(attributes, axis, values_but(axis, attributes[axis])[0])
        assert share[~is_in(classes, anywhere)].max() < 0.52
        if everywhere is not None:
            assert share[classes == everywhere].min() > 0.1
            assert share[classes == everywhere].mean() > 0.9


@pytest.mark.parametrize("axis", ["hair_style", "headwear", "glasses", "facial_hair", "clothes", "expression"])
def test_the_map_changes_only_where_the_picture_does(axis: str) -> None:
    before = class_map(COLOURFUL)
    for value in values_but(axis, COLOURFUL[axis]):
        changed = class_map({**COLOURFUL, axis: value}) != before
        if axis == "facial_hair":
            changed &= before != Part.HAIR  # a beard has the colour of the hair that it lies on
        assert not (changed & ~exact_mask(COLOURFUL, axis, value)).any(), value


def test_no_choice_of_colours_can_hide_a_part() -> None:
    attributes = {**COLOURFUL, "glasses": "round", "facial_hair": "full_beard", "clothes": "jacket"}
    recoloured = {axis: AXIS[axis].values[-1].name for axis in COLOURED}
    assert np.array_equal(class_map(attributes), class_map({**attributes, **recoloured}))


@pytest.mark.parametrize("axis", WORN)
def test_what_is_worn_covers_and_uncovers(axis: str) -> None:
    bare = class_map(COLOURFUL)
    assert not (bare == WORN[axis]).any()
    for value in values_but(axis, "none"):
        worn = class_map({**COLOURFUL, axis: value})
        covered = torch.from_numpy(worn == WORN[axis])
        assert covered.sum() > 40, value
        if axis != "headwear":
            changed = torch.from_numpy(worn != bare)
            assert not (covered & ~changed).any(), value
            assert not (changed & ~dilated(covered, 1)).any(), value


@pytest.mark.parametrize("value", values_but("headwear", "none"))
def test_a_hat_takes_the_place_of_the_hair(value: str) -> None:
    assert (class_map(COLOURFUL) == Part.HAIR).any()
    assert not (class_map({**COLOURFUL, "headwear": value}) == Part.HAIR).any()


def test_eyes_are_seen_through_clear_lenses_and_not_through_dark_ones() -> None:
    brows_and_eyes = {
        value: class_map({**COLOURFUL, "glasses": value}) == Part.EYES for value in ("round", "sunglasses")
    }
    eyes = slice(49, 54)
    assert brows_and_eyes["round"][eyes].any()
    assert not brows_and_eyes["sunglasses"][eyes].any()


def test_the_commonest_of_a_block_wins_and_the_smaller_of_a_tie() -> None:
    samples = np.array([[8, 8, 5, 3], [8, 1, 3, 5], [0, 7, 2, 2], [7, 0, 2, 2]], dtype=np.uint8)
    assert majority(samples, 2).tolist() == [[8, 3], [0, 2]]
    assert np.array_equal(majority(samples, 1), samples)
