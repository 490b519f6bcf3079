"""Captions for measuring: the same every time, and silent about what is to be added."""

import pytest

from spf_portrait.pico.domain import AXES, AXIS
from spf_portrait.pico.measuring.unseen import full_caption, silent_captions, unseen
from spf_portrait.pico.portrait import visible_axes


@pytest.mark.parametrize("axis", [axis.name for axis in AXES if axis.name not in ("headwear_colour", "clothes_colour")])
def test_silent_captions_do_not_name_the_axis(axis: str) -> None:
    said = [phrase for caption in silent_captions(axis, 30) for phrase in caption.split(", ")]
    for value in AXIS[axis].values:
        for phrase in value.phrases:
            assert not any(said_phrase.endswith(phrase) for said_phrase in said), phrase


@pytest.mark.parametrize("axis", ["hair_style", "hair_colour"])
def test_hair_is_asked_for_where_no_hat_is(axis: str) -> None:
    hats = [phrase for value in AXIS["headwear"].values for phrase in value.phrases]
    for caption in silent_captions(axis, 30):
        assert not any(phrase.endswith(hat) for phrase in caption.split(", ") for hat in hats)


def test_full_captions_name_all_that_is_seen() -> None:
    for attributes in unseen(30, with_held_back=True):
        caption = full_caption(attributes)
        for axis in set(visible_axes(attributes)) - {"clothes", "headwear", "hair_style", "hair_colour"}:
            phrases = AXIS[axis].by_name[attributes[axis]].phrases
            assert not phrases or any(phrase in caption for phrase in phrases), (axis, caption)


def test_they_are_the_same_every_time() -> None:
    assert unseen(3) == unseen(5)[:3]
    assert silent_captions("glasses", 3) == silent_captions("glasses", 5)[:3]
