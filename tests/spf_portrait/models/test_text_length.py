import pytest

from spf_portrait.models.text_length import TextLength, text_length
from tests.spf_portrait.tiny_model import tiny_tokenizer

TOKENIZER = tiny_tokenizer()


@pytest.mark.parametrize(("text", "tokens"), [("", 2), ("hair", 3), ("qq, hair", 6)])
def test_start_and_end_of_text_count(text: str, tokens: int) -> None:
    assert text_length(TOKENIZER, 77, text) == TextLength(tokens, "")


def test_exactly_full_is_not_too_long() -> None:
    assert text_length(TOKENIZER, 6, "qq, hair").unread == ""
    assert text_length(TOKENIZER, 5, "qq, hair") == TextLength(6, "hair")


def test_what_is_unread_is_told_in_whole_words() -> None:
    assert text_length(TOKENIZER, 7, "a scarf, hair") == TextLength(10, "scarf, hair")
    assert text_length(TOKENIZER, 8, "a scarf, hair") == TextLength(10, "hair")


def test_nothing_is_lost_between_read_and_unread() -> None:
    text = "a woman, a scarf, hair"
    for most in range(3, text_length(TOKENIZER, 77, text).tokens):
        kept = TOKENIZER.decode(TOKENIZER(text, truncation=True, max_length=most)["input_ids"][1:-1])
        unread = text_length(TOKENIZER, most, text).unread
        assert text.endswith(unread)
        assert len(_letters(kept)) + len(_letters(unread)) >= len(_letters(text))


def _letters(text: str) -> str:
    return text.replace(" ", "").replace(",", "")
