import pytest

from spf_portrait.metrics.attributes import compare, shows

REFERENCE = {"skin": "tan", "glasses": "none", "clothes": "hoodie", "background": "mint"}
RESPONSE = {"skin": "tan", "glasses": "sunglasses", "clothes": "jacket", "background": "mint"}


def test_a_response_like_its_reference_is_not_polluted() -> None:
    same = compare(REFERENCE, REFERENCE, REFERENCE)
    assert same.compared == tuple(REFERENCE)
    assert same.differing == ()
    assert same.pollution == 0


def test_only_the_compared_axes_can_be_polluted() -> None:
    found = compare(REFERENCE, RESPONSE, ("skin", "clothes", "background"))
    assert found.differing == ("clothes",)
    assert found.pollution == pytest.approx(1 / 3)
    assert compare(REFERENCE, RESPONSE, ("skin",)).pollution == 0
    assert compare(REFERENCE, RESPONSE, ()).pollution == 0


def test_a_target_counts_when_it_is_there_and_can_be_seen() -> None:
    assert shows(RESPONSE, "glasses", "sunglasses", ("glasses", "skin")) == 1
    assert shows(REFERENCE, "glasses", "sunglasses", ("glasses", "skin")) == 0
    assert shows(RESPONSE, "glasses", "sunglasses", ("skin",)) == 0
