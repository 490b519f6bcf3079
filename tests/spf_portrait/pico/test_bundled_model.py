"""The weights in models/pico: light enough, and loadable by anyone who has diffusers."""

from pathlib import Path
from typing import Any

import pytest
import torch

from spf_portrait.contract.caption_set import load_caption_set
from spf_portrait.contract.vocabulary import read_vocabulary, unseen_words
from spf_portrait.pico.judge import load_judge
from spf_portrait.pico.portrait import random_attributes, visible_axes
from spf_portrait.pico.renderer import render
from spf_portrait.running.untyped import diffusers, transformers

PICO = Path(__file__).parents[3] / "models" / "pico"
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return diffusers.StableDiffusionPipeline.from_pretrained(PICO)


def test_it_is_light_enough_for_a_repository() -> None:
    parts = ("unet", "vae", "text_encoder", "tokenizer", "scheduler", "clip")
    base = [path.stat().st_size for part in parts for path in (PICO / part).rglob("*") if path.is_file()]
    everything = [path.stat().st_size for path in PICO.rglob("*") if path.is_file()]
    assert sum(base) <= 40 * MEGABYTE
    assert sum(everything) <= 48 * MEGABYTE
    assert max(everything) <= 15 * MEGABYTE


def test_a_bare_pipeline_draws_what_the_caption_says(pipeline: Any) -> None:
    caption = "a portrait, dark skin, a yellow hoodie, a sky blue background"
    generators = [torch.Generator().manual_seed(seed) for seed in range(4)]
    pictures = pipeline([caption] * 4, num_inference_steps=15, guidance_scale=4.0, generator=generators).images
    seen = load_judge(PICO).attributes(pictures)
    wanted = {"skin": "dark", "clothes_colour": "yellow", "background": "sky blue"}
    for axis, value in wanted.items():
        assert [answer[axis] for answer in seen].count(value) >= 3, axis


def test_it_names_the_words_it_knows(pipeline: Any, tmp_path: Path) -> None:
    vocabulary = read_vocabulary(PICO)
    assert vocabulary
    assert all(len(pipeline.tokenizer.tokenize(word)) == 1 for word in vocabulary)
    for example in (PICO / "examples").glob("*.zip"):
        unpacked = tmp_path / example.stem
        unpacked.mkdir()
        texts = [item.caption.complete_text for item in load_caption_set(example, unpack_into=unpacked).items]
        assert unseen_words(" ".join(texts), vocabulary) == (), example.name


def test_the_text_encoder_is_clips_own_text_tower(pipeline: Any) -> None:
    clip = transformers.CLIPModel.from_pretrained(PICO / "clip").float()
    tokens = pipeline.tokenizer(["a portrait, a red hat"], padding="max_length", return_tensors="pt")
    with torch.no_grad():
        ours = pipeline.text_encoder(tokens.input_ids).last_hidden_state
        theirs = clip.text_model(tokens.input_ids).last_hidden_state
    assert torch.allclose(ours, theirs, atol=0.05)


def test_the_judge_reads_unseen_renders() -> None:
    truth = [random_attributes(8_000_000 + index, with_held_back=True) for index in range(40)]
    answers = load_judge(PICO).attributes([render(attributes) for attributes in truth])
    right = [
        answer[axis] == attributes[axis]
        for attributes, answer in zip(truth, answers, strict=True)
        for axis in visible_axes(attributes)
    ]
    assert sum(right) / len(right) > 0.95
