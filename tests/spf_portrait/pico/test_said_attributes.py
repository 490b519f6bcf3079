"""What captions ask for is read back from their words, whatever the words are."""

import random

import pytest

from spf_portrait.pico.captions import describe
from spf_portrait.pico.portrait import random_attributes
from spf_portrait.pico.said_attributes import said_attributes


def test_everything_that_a_caption_says_is_read_and_nothing_else() -> None:
    for seed in range(1000):
        attributes = random_attributes(seed, with_held_back=True)
        said = describe(attributes, random.Random(seed))
        assert said_attributes(said.phrases) == {axis: attributes[axis] for axis in said.said}, said.phrases


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("wearing a red hooded top", {"clothes": "hoodie", "clothes_colour": "red"}),
        ("green clothes", {"clothes_colour": "green"}),
        ("short brown hair", {"hair_style": "short", "hair_colour": "brown"}),
        ("in dungarees", {"clothes": "overalls"}),
        ("a portrait of a person", {}),
        ("green", {}),
    ],
)
def test_single_phrases(phrase: str, expected: dict[str, str]) -> None:
    assert said_attributes([phrase]) == expected
