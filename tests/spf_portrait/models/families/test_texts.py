"""Embeddings are those of diffusers' pipelines, and phrase columns fit the token axis of every family."""

from pathlib import Path
from typing import Any

import pytest
import torch

from spf_portrait.contract.errors import DataError, ModelError
from spf_portrait.contract.phrases import Caption
from spf_portrait.method.attention_maps import PAD, TARGET
from spf_portrait.method.prompts import reference_prompt, response_prompt
from spf_portrait.models.base_model import encode_nothing, encode_text, load_base
from spf_portrait.models.families.family import TextSegment
from spf_portrait.models.families.sd3 import T5_TOKENS
from tests.spf_portrait.models.families.tiny_families import plain_pipeline, tiny_t5_tokenizer, write_tiny
from tests.spf_portrait.tiny_model import tiny_tokenizer

CAPTION = Caption(base=("red hair", "a hat"), target="blonde hair")
CLIP_TOKENS = 77


@pytest.mark.parametrize("key", ["sdxl", "sd3", "sd3-t5"])
def test_embeddings_are_the_pipelines(family_models: Path, key: str) -> None:
    base = load_base(key, family_models)
    pipeline = plain_pipeline(family_models / key)
    prompts = ({"prompt_2": None} if key == "sdxl" else {"prompt_2": None, "prompt_3": None}) | {"prompt": "a red hat"}
    with torch.no_grad():
        states, no_states, pooled, no_pooled = pipeline.encode_prompt(**prompts, device=base.device)
    text, nothing = encode_text(base, ["a red hat"]), encode_nothing(base)
    assert torch.equal(text.states, states)
    assert torch.equal(text.pooled, pooled)
    assert torch.equal(nothing.states, no_states)
    assert torch.equal(nothing.pooled, no_pooled)


def test_a_pipeline_without_zeros_for_no_text_gets_the_empty_text(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "sdxl", "sdxl")
    index = folder / "model_index.json"
    index.write_text(
        index.read_text().replace('"force_zeros_for_empty_prompt": true', '"force_zeros_for_empty_prompt": false')
    )
    base = load_base("sdxl", tmp_path)
    assert torch.equal(encode_nothing(base).states, encode_text(base, [""]).states)
    assert encode_nothing(base).states.any()


def words(tokenizer: Any, text: str, tokens: int, column: torch.Tensor) -> str:
    ids = torch.tensor(tokenizer(text, padding="max_length", max_length=tokens)["input_ids"])
    return str(tokenizer.decode(ids[column > 0])).replace("<|endoftext|>", "").strip()


@pytest.mark.parametrize("key", ["sd1", "sd2", "sdxl", "sd3", "sd3-t5"])
def test_columns_of_clip_whatever_it_pads_with(family_models: Path, key: str) -> None:
    base = load_base(key, family_models)
    prompt = response_prompt(base.text_axis, CAPTION, 3)
    assert len(prompt.pooling) == encode_text(base, [prompt.text]).states.shape[1]
    clip = prompt.pooling[:CLIP_TOKENS]
    for encoder in base.parts.text_encoders[:2]:
        found = [words(encoder.tokenizer, prompt.text, CLIP_TOKENS, column) for column in clip.T[[0, 1, TARGET]]]
        assert found == ["red hair", "a hat", ", blonde hair"]
    assert clip.sum(dim=1).max() == 1
    assert clip[-1, PAD] == 1
    assert not clip[:, 2].any(), "a column that only fills up"


def test_columns_of_t5_join_those_of_clip(family_models: Path) -> None:
    base = load_base("sd3-t5", family_models)
    prompt, tokenizer = response_prompt(base.text_axis, CAPTION, 2), base.parts.text_encoders[2].tokenizer
    behind = prompt.pooling[CLIP_TOKENS:]
    assert len(behind) == T5_TOKENS
    found = [words(tokenizer, prompt.text, T5_TOKENS, column) for column in behind.T[[0, 1, TARGET]]]
    assert found == ["red hair", "a hat", ", blonde hair"]
    end = int((behind[:, PAD] == 0).sum())
    assert behind[end:, PAD].all(), "end of text and padding, and nothing else"
    assert not reference_prompt(base.text_axis, CAPTION, 2).pooling[:, TARGET].any()


def test_zeros_in_place_of_t5_count_as_padding(family_models: Path) -> None:
    pooling = response_prompt(load_base("sd3", family_models).text_axis, CAPTION, 2).pooling[CLIP_TOKENS:]
    assert pooling[:, PAD].all()
    assert pooling.sum() == T5_TOKENS


def test_a_text_too_long_for_clip_is_refused_even_if_t5_could_read_it(family_models: Path) -> None:
    long = Caption(base=("q" * 80,), target="blonde hair")
    with pytest.raises(DataError, match="at most 77 tokens"):
        response_prompt(load_base("sd3-t5", family_models).text_axis, long, 1)


def test_encoders_side_by_side_must_cut_alike() -> None:
    axis = (TextSegment(CLIP_TOKENS, (tiny_tokenizer(), tiny_t5_tokenizer())),)
    with pytest.raises(ModelError, match="cut"):
        response_prompt(axis, CAPTION, 2)
