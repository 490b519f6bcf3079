import pytest
import torch

from spf_portrait.contract.errors import DataError
from spf_portrait.contract.phrases import Caption
from spf_portrait.method.attention_maps import PAD, TARGET
from spf_portrait.method.prompts import Prompt, reference_prompt, response_prompt
from spf_portrait.models.base_model import BaseModel, encode_text
from spf_portrait.models.families.family import TextSegment
from tests.spf_portrait.tiny_model import tiny_tokenizer

TOKENIZER = tiny_tokenizer()
AXIS = (TextSegment(77, (TOKENIZER,)),)
CAPTION = Caption(base=("red hair", "a red hat", "a hat"), target="blonde hair")


def words(prompt: Prompt, column: int) -> str:
    """The text that a column stands for."""
    token_ids = torch.tensor(TOKENIZER(prompt.text, padding="max_length")["input_ids"])
    chosen = token_ids[prompt.pooling[:, column] > 0]
    return str(TOKENIZER.decode(chosen)).replace("<|endoftext|>", "").strip()


def test_columns_are_the_phrases_even_when_words_repeat() -> None:
    prompt = response_prompt(AXIS, CAPTION, 3)
    assert [words(prompt, column) for column in range(3)] == ["red hair", "a red hat", "a hat"]
    assert words(prompt, TARGET) == ", blonde hair"


def test_a_phrase_of_several_tokens_has_all_of_them() -> None:
    prompt = reference_prompt(AXIS, Caption(base=("hair", "qqqq"), target="x"), 2)
    assert prompt.pooling[:, 0].sum() == 1
    assert prompt.pooling[:, 1].sum() == 4


def test_every_token_is_in_at_most_one_column_and_padding_in_the_last() -> None:
    prompt = response_prompt(AXIS, CAPTION, 5)
    assert prompt.pooling.shape == (77, 7)
    assert prompt.pooling.sum(dim=1).max() == 1
    assert prompt.pooling[-1, PAD] == 1
    assert prompt.pooling[0].sum() == 0, "start of text"
    assert not prompt.pooling[:, 3:5].any(), "columns that only fill up"


def test_reference_has_no_target() -> None:
    assert not reference_prompt(AXIS, CAPTION, 3).pooling[:, TARGET].any()


def test_base_tokens_have_the_same_embeddings_in_both_prompts(base: BaseModel) -> None:
    reference, response = reference_prompt(AXIS, CAPTION, 3), response_prompt(AXIS, CAPTION, 3)
    shared = int((reference.pooling[:, PAD] == 0).sum())
    states = encode_text(base, [reference.text, response.text]).states
    torch.testing.assert_close(states[0, :shared], states[1, :shared])


def test_a_caption_too_long_for_the_encoder_is_refused_with_what_would_be_lost() -> None:
    with pytest.raises(DataError, match="at most 77 tokens") as refusal:
        response_prompt(AXIS, Caption(base=("q" * 70, "a scarf"), target="blonde hair"), 2)
    assert "87 tokens in" in refusal.value.found
    assert "'scarf, blonde hair' would not be read" in refusal.value.found
