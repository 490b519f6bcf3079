"""The labelled renderer: what it is told is what it draws, and nothing else."""

import random

import numpy as np
import pytest

from spf_portrait.contract.errors import DataError
from spf_portrait.pico.captions import base_phrases, phrase_of
from spf_portrait.pico.domain import AXES, AXIS, held_back
from spf_portrait.pico.portrait import random_attributes, visible_axes
from spf_portrait.pico.regions import target_region
from spf_portrait.pico.renderer import exact_mask, render

BARE = {"headwear": "none", "glasses": "none", "facial_hair": "none"}


def test_the_same_seed_draws_the_same_picture() -> None:
    first, again = (np.asarray(render(random_attributes(5))) for _ in range(2))
    assert np.array_equal(first, again)
    assert first.shape == (128, 128, 3)


@pytest.mark.parametrize("axis", [axis.name for axis in AXES])
def test_every_value_of_an_axis_looks_different(axis: str) -> None:
    worn = {"headwear": "hat"} if axis == "headwear_colour" else BARE
    portrait = random_attributes(1, {**worn, "hair_style": "curly"})
    pictures = {render({**portrait, axis: value.name}).tobytes() for value in AXIS[axis].values}
    assert len(pictures) == len(AXIS[axis].values)


def test_unfixed_attributes_are_never_held_back_ones() -> None:
    known = {(axis.name, value.name) for axis in AXES for value in axis.known}
    drawn = {(axis, value) for seed in range(300) for axis, value in random_attributes(seed).items()}
    assert drawn == known


def test_at_least_eight_attributes_are_held_back_and_every_one_can_be_named() -> None:
    assert len(held_back()) >= 8
    assert all(phrase_of(axis, value) for axis, value in held_back().values())


def test_an_unknown_value_is_refused_with_the_allowed_ones() -> None:
    with pytest.raises(DataError, match="round, square, sunglasses"):
        random_attributes(0, {"glasses": "monocle"})


def test_a_mask_is_exactly_what_changes() -> None:
    portrait = random_attributes(3, BARE)
    mask = exact_mask(portrait, "glasses", "sunglasses")
    before, after = np.asarray(render(portrait)), np.asarray(render({**portrait, "glasses": "sunglasses"}))
    assert mask.any()
    assert np.array_equal(before[~mask], after[~mask])
    assert not exact_mask(portrait, "glasses", "none").any()


def test_the_region_of_a_target_covers_its_mask_in_unseen_portraits() -> None:
    region = target_region("glasses", "sunglasses")
    assert region.mean() < 0.3
    for seed in range(50, 60):
        assert not (exact_mask(random_attributes(seed, BARE), "glasses", "sunglasses") & ~region).any()


def test_a_hat_hides_the_hair_from_captions() -> None:
    portrait = random_attributes(2, {"headwear": "turban", "hair_style": "curly", "hair_colour": "ginger"})
    assert {"hair_style", "hair_colour"}.isdisjoint(visible_axes(portrait))
    text = ", ".join(base_phrases(portrait, random.Random(0), keep=1.0))
    assert "turban" in text
    assert "hair" not in text
    assert "curl" not in text


def test_captions_never_name_an_axis_that_is_to_be_left_out() -> None:
    portrait = random_attributes(4, {**BARE, "glasses": "round"})
    texts = [" ".join(base_phrases(portrait, random.Random(seed), keep=1.0, without={"glasses"})) for seed in range(20)]
    assert not any("glasses" in text for text in texts)


def test_what_captions_leave_out_differs_from_one_to_the_next() -> None:
    portrait = random_attributes(6)
    assert len({frozenset(base_phrases(portrait, random.Random(seed))) for seed in range(20)}) > 5
