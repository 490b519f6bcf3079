"""Captions: what is read, what is refused, and that nothing is lost on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spf_portrait.contract.caption_text import bracketed, parse_caption, split_phrases
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.phrases import Caption, tidy

PHRASES = st.text(st.characters(codec="utf-8", exclude_characters="[],;"), max_size=40)


def test_reads_the_example_of_the_documentation() -> None:
    caption = parse_caption("a woman in a brown jacket, with a curtain background, [blonde hair]")
    assert caption.base == ("a woman", "a brown jacket", "a curtain background")
    assert caption.target == "blonde hair"
    assert caption.base_text == "a woman, a brown jacket, a curtain background"
    assert caption.complete_text == "a woman, a brown jacket, a curtain background, blonde hair"
    assert caption.phrases[-1] == caption.target


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("[sunglasses], a man", ("a man",)),
        ("a man with [sunglasses] in a red hat", ("a man", "a red hat")),
        ("a man wearing [sunglasses]", ("a man",)),
        ("a man wearing a suit, [sunglasses].", ("a man", "a suit")),
        ("a person in front of a wall, [sunglasses]", ("a person in front of a wall",)),
        ("  A  man ,, with\ta scarf , [ sunglasses ]", ("A man", "a scarf")),
        ("a man, a man, a scarf, [sunglasses]", ("a man", "a scarf")),
        ("a bin within a skin, [sunglasses]", ("a bin within a skin",)),
    ],
)
def test_splits_plain_captions(text: str, base: tuple[str, ...]) -> None:
    caption = parse_caption(text)
    assert caption == Caption(base=base, target="sunglasses")


def test_finds_a_given_target_among_the_phrases() -> None:
    caption = parse_caption("a man, Sunglasses, a scarf", target="sunglasses")
    assert caption.base == ("a man", "a scarf")
    assert caption.target == "sunglasses"


@pytest.mark.parametrize(
    ("text", "target", "base"),
    [
        ("a woman with long blonde hair in a garden", "blonde hair", ("a woman", "long", "a garden")),
        ("a smiling woman, a hat", "smiling", ("a woman", "a hat")),
        ("a man with a beard, a suit", "beard", ("a man", "a suit")),
        ("a woman, Blonde   Hair and a scarf", "blonde hair", ("a woman", "and a scarf")),
        ("a man with a hat, what hatters wear", "hat", ("a man", "what hatters wear")),
        ("hat", "a hat", None),
        ("a man, sunglasses, big sunglasses", "sunglasses", None),
        ("a hat on a hat", "hat", None),
        ("sunglasses", "sunglasses", None),
        ("a man", " ", None),
    ],
)
def test_finds_a_given_target_as_words(text: str, target: str, base: tuple[str, ...] | None) -> None:
    if base is None:
        with pytest.raises(DataError):
            parse_caption(text, target=target)
    else:
        assert parse_caption(text, target=target) == Caption(base=base, target=target)


def test_a_marked_target_may_stand_elsewhere_too() -> None:
    assert parse_caption("a big hat, [hat]", target="hat") == Caption(base=("a big hat",), target="hat")


def test_given_phrases_are_never_split() -> None:
    caption = Caption(base=("hair in a bun",), target="a man with a hat")
    assert caption.phrases == ("hair in a bun", "a man with a hat")


@pytest.mark.parametrize(
    ("text", "target", "code"),
    [
        ("a man, a scarf", None, "no_target"),
        ("a man, a scarf", "sunglasses", "no_target"),
        ("a hat on a hat", "hat", "two_targets"),
        ("a man, []", None, "no_target"),
        ("", None, "no_target"),
        ("[sunglasses]", None, "empty_base"),
        (", , [sunglasses]", None, "empty_base"),
        ("a [man], [sunglasses]", None, "two_targets"),
        ("a man, [sunglasses", None, "unbalanced_brackets"),
        ("a man, [[sunglasses]]", None, "unbalanced_brackets"),
        ("a man, [sunglasses]", "a beard", "other_target"),
        ("a man, sunglasses, [Sunglasses]", None, "target_in_base"),
        ("a man; a scarf, [sunglasses]", None, "reserved_character"),
        ("a man, [sunglasses, a hat]", None, "reserved_character"),
        (f"a {'very ' * 20}tall man, [sunglasses]", None, "phrase_too_long"),
        (", ".join(f"phrase {n}" for n in range(13)) + ", [sunglasses]", None, "too_many_phrases"),
        (", ".join("x" * 70 + str(n) for n in range(9)) + ", [sunglasses]", None, "caption_too_long"),
    ],
)
def test_refuses_with_a_reason(text: str, target: str | None, code: str) -> None:
    with pytest.raises(DataError) as refusal:
        parse_caption(text, target=target)
    assert refusal.value.code == code
    assert refusal.value.found in str(refusal.value)
    assert refusal.value.hint


def test_drops_what_nobody_sees() -> None:
    assert tidy("a\u202e b\u200blue\x00\n hat ") == "a blue hat"
    assert tidy("e\u0301clair") == "\u00e9clair"


@given(base=st.lists(PHRASES, min_size=1, max_size=12), target=PHRASES)
def test_what_is_written_reads_back(base: list[str], target: str) -> None:
    """Phrases that plain text can carry survive being written and read."""
    plain = [phrase for piece in base for phrase in split_phrases(piece)]
    try:
        caption = Caption(base=tuple(plain), target=target)
    except DataError:
        return
    assert parse_caption(bracketed(caption)) == caption


@given(text=st.text(max_size=200), target=st.none() | PHRASES)
def test_any_text_is_read_or_refused(text: str, target: str | None) -> None:
    try:
        caption = parse_caption(text, target=target)
    except DataError:
        return
    assert parse_caption(bracketed(caption)) == caption
    assert len(caption.complete_text) <= 600
