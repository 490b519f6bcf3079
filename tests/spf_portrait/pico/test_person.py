import random

import pytest

from spf_portrait.pico.person import PERSON_AXES, another_person, are_different, person_of
from spf_portrait.pico.portrait import random_attributes
from spf_portrait.pico.renderer import exact_mask

BALD_HEADED = {"headwear": "none", "facial_hair": "none"}
HATTED = {"headwear": "beanie", "facial_hair": "none"}


def test_a_hat_hides_the_hair_and_a_beard_shows_its_colour() -> None:
    assert set(person_of(random_attributes(0, BALD_HEADED))) == set(PERSON_AXES)
    assert set(person_of(random_attributes(0, HATTED))) == {"skin", "facial_hair"}
    assert set(person_of(random_attributes(0, {**HATTED, "facial_hair": "moustache"}))) == {
        "skin",
        "facial_hair",
        "hair_colour",
    }


def test_what_both_show_decides() -> None:
    portrait = random_attributes(0, BALD_HEADED)
    hatted = {**portrait, "headwear": "hijab"}
    assert person_of(portrait) != person_of(hatted)
    assert not are_different(person_of(portrait), person_of(hatted)), "it may be the same person"
    other_skin = {**hatted, "skin": "pale" if portrait["skin"] == "dark" else "dark"}
    assert are_different(person_of(portrait), person_of(other_skin))


@pytest.mark.parametrize("seed", range(12))
def test_another_person_differs_in_one_thing_that_can_be_seen(seed: int) -> None:
    attributes = random_attributes(seed, with_held_back=True)
    other = another_person(attributes, random.Random(seed))
    (axis,) = (name for name in attributes if attributes[name] != other[name])
    assert axis in PERSON_AXES
    assert are_different(person_of(attributes), person_of(other))
    assert exact_mask(attributes, axis, other[axis]).any()
