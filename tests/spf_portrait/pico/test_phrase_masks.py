"""The exact mask of a phrase holds what the phrase speaks of, and what is hidden has none."""

import numpy as np
import pytest

from spf_portrait.pico.parsing import Part, class_map
from spf_portrait.pico.phrase_masks import parts_named, phrase_mask
from spf_portrait.pico.portrait import random_attributes


@pytest.mark.parametrize(
    ("phrase", "parts"),
    [
        ("wearing a red hoodie", {Part.CLOTHES}),
        ("sunglasses", {Part.GLASSES}),
        ("a brick wall behind", {Part.BACKGROUND}),
        ("with a full beard", {Part.FACIAL_HAIR}),
        ("a portrait of a person", set(Part) - {Part.BACKGROUND}),
    ],
)
def test_a_phrase_speaks_of_parts(phrase: str, parts: set[Part]) -> None:
    assert parts_named(phrase) == parts


def test_its_mask_is_theirs_in_that_portrait() -> None:
    attributes = random_attributes(3, {"glasses": "sunglasses", "headwear": "none"})
    mask = np.asarray(phrase_mask("sunglasses", attributes))
    assert np.array_equal(mask == 255, class_map(attributes) == Part.GLASSES)
    assert mask.any()


def test_what_the_portrait_does_not_show_is_black() -> None:
    attributes = random_attributes(3, {"glasses": "none"})
    assert phrase_mask("round glasses", attributes).getbbox() is None
