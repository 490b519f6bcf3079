import pytest

from spf_portrait.contract.errors import DataError
from spf_portrait.pico.domain import AXIS, held_back
from spf_portrait.pico.held_out import held_out_portrait, place_of
from spf_portrait.pico.portrait import visible_axes
from spf_portrait.pico.renderer import exact_mask


@pytest.mark.parametrize("phrase", held_back())
def test_portraits_show_their_target_and_captions_do_not_name_its_axis(phrase: str) -> None:
    axis, value = place_of(phrase)
    own_words = {word for other in AXIS[axis].values for word in other.phrases}
    for seed in range(8):
        portrait = held_out_portrait(axis, value, phrase, seed)
        assert axis in visible_axes(portrait.attributes)
        assert portrait.attributes[axis] == value
        assert portrait.caption.target == phrase
        assert not any(word in base for base in portrait.caption.base for word in own_words)
        assert exact_mask(portrait.without_target, axis, value).any()
        changed = {name for name, found in portrait.attributes.items() if portrait.without_target[name] != found}
        assert changed == {axis}


def test_the_same_seed_gives_the_same_portrait_and_the_next_another() -> None:
    first, again, other = (held_out_portrait("glasses", "sunglasses", "sunglasses", seed) for seed in (3, 3, 4))
    assert first == again
    assert first.attributes != other.attributes


@pytest.mark.parametrize("phrase", ["sunglasses", "dark glasses", "Sunglasses"])
def test_every_wording_of_a_value_names_it(phrase: str) -> None:
    assert place_of(phrase) == ("glasses", "sunglasses")


@pytest.mark.parametrize("phrase", ["a turban", "turban"])
def test_the_article_may_be_left_out(phrase: str) -> None:
    assert place_of(phrase) == ("headwear", "turban")


@pytest.mark.parametrize("phrase", ["a monocle", "red"])
def test_a_phrase_that_names_no_value_or_two_is_refused(phrase: str) -> None:
    with pytest.raises(DataError, match="--texts"):
        place_of(phrase)
