import pytest

from spf_portrait.pico.domain import AXES, AXIS, held_back
from spf_portrait.pico.pollution_axes import comparable_axes, compared_axes
from spf_portrait.pico.portrait import random_attributes

BARE = {"headwear": "none", "glasses": "none", "facial_hair": "none"}


@pytest.mark.parametrize("place", held_back().values())
def test_neither_the_targets_axis_nor_what_it_hides_is_compared(place: tuple[str, str]) -> None:
    axis, value = place
    compared = compared_axes(axis, value)
    assert axis not in compared
    assert not set(AXIS[axis].by_name[value].hides) & set(compared)
    assert {"skin", "background"} - {axis} <= set(compared)


@pytest.mark.parametrize(
    ("place", "excluded"),
    [
        (("headwear", "turban"), {"headwear", "headwear_colour", "hair_style", "hair_colour"}),
        (("headwear_colour", "red"), {"headwear", "headwear_colour", "hair_style", "hair_colour"}),
        (("hair_style", "afro"), {"hair_style", "headwear", "headwear_colour"}),
        (("glasses", "sunglasses"), {"glasses", "expression"}),
        (("background", "brick"), {"background"}),
    ],
)
def test_hair_and_headwear_replace_each_other(place: tuple[str, str], excluded: set[str]) -> None:
    assert {axis.name for axis in AXES} - set(compared_axes(*place)) == excluded


def test_what_cannot_be_seen_in_both_pictures_is_not_compared() -> None:
    bare = random_attributes(1, BARE)
    in_a_hat = {**bare, "headwear": "hat"}
    both_bare = comparable_axes("glasses", "sunglasses", bare, bare)
    assert {"hair_style", "hair_colour", "headwear"} <= set(both_bare)
    assert "headwear_colour" not in both_bare
    for pair in ((bare, in_a_hat), (in_a_hat, bare)):
        compared = comparable_axes("glasses", "sunglasses", *pair)
        assert "headwear" in compared, "that a hat came or went is pollution"
        assert not {"hair_style", "hair_colour", "headwear_colour"} & set(compared)
    assert "headwear_colour" in comparable_axes("glasses", "sunglasses", in_a_hat, in_a_hat)
