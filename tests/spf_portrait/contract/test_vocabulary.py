"""Which words a base model has never seen; the page splits text in the same way, by the same cases."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spf_portrait.contract.bases import BaseInfo
from spf_portrait.contract.phrases import Caption
from spf_portrait.contract.vocabulary import (
    VOCABULARY,
    prompt_notices,
    read_vocabulary,
    training_notices,
    unseen_words,
    words_of,
)

SHARED: dict[str, Any] = json.loads(Path(__file__).with_name("unseen_words.json").read_text("utf-8"))
CAPTIONS = [
    Caption(base=("a woman", "a laptop"), target="sunglasses"),
    Caption(base=("a unicorn", "a laptop"), target="sunglasses"),
]


@pytest.fixture
def pico(tmp_path: Path) -> BaseInfo:
    """A base that knows six words."""
    (tmp_path / VOCABULARY).write_text("a\nwoman\nhat\nsunglasses\nT\nshirt\n", "utf-8")
    return BaseInfo(key="pico", path=tmp_path, family="sd1", image_size_px=128, title="pico: cartoons")


@pytest.mark.parametrize("case", SHARED["cases"], ids=lambda case: case["text"])
def test_words_that_are_not_in_the_vocabulary(case: dict[str, Any]) -> None:
    assert list(unseen_words(case["text"], SHARED["vocabulary"])) == case["unseen"]


@given(st.text())
def test_a_text_has_no_unseen_words_beside_its_own(text: str) -> None:
    words = {re.split("['\u2019]", word)[0] for word in words_of(text)}
    assert unseen_words(text, words) == ()
    assert unseen_words(text, ()) == tuple(dict.fromkeys(words_of(text)))


def test_a_base_without_the_file_knows_words_in_general(pico: BaseInfo) -> None:
    assert read_vocabulary(pico.path) == {"a", "woman", "hat", "sunglasses", "t", "shirt"}
    (pico.path / VOCABULARY).unlink()
    assert read_vocabulary(pico.path) is None
    assert training_notices(pico, CAPTIONS) == prompt_notices(pico, "a laptop", "") == []


def test_a_training_names_each_unseen_word_once(pico: BaseInfo) -> None:
    (notice,) = training_notices(pico, CAPTIONS)
    assert "'pico: cartoons' has never seen: laptop, unicorn. It knows 6 words" in notice


def test_an_unseen_target_is_a_notice_of_its_own(pico: BaseInfo) -> None:
    (notice,) = training_notices(pico, [Caption(base=("a woman",), target="a laptop")])
    assert notice.startswith(
        "The target 'a laptop' has words that the base model 'pico: cartoons' has never seen: laptop."
    )


def test_known_words_give_no_notice(pico: BaseInfo) -> None:
    assert training_notices(pico, [Caption(base=("a woman", "a t-shirt"), target="Sunglasses")]) == []


def test_what_the_adapter_was_taught_is_known(pico: BaseInfo) -> None:
    assert prompt_notices(pico, "a woman, a laptop", "a laptop") == []
    (notice,) = prompt_notices(pico, "a woman in a unicorn hat, a laptop", "a laptop")
    assert "never seen: in, unicorn." in notice


def test_a_long_list_is_cut(pico: BaseInfo) -> None:
    (notice,) = prompt_notices(pico, " ".join(f"word{number}" for number in range(15)), "")
    assert "word11 and 3 more." in notice
