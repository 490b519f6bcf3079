"""What the engine says about pico is what its modules say when they are asked directly."""

from typing import Any

import pytest
import torch

from spf_portrait.models.base_model import (
    BaseModel,
    decode_latents,
    encode_nothing,
    encode_pixels,
    encode_text,
    load_base,
    predict,
)
from spf_portrait.running.untyped import diffusers, transformers

TEXTS = ["a portrait, a red hat", "a portrait, tan skin, sunglasses"]


@pytest.fixture(scope="module")
def pico() -> BaseModel:
    return load_base("pico")


@pytest.fixture(scope="module")
def pipeline(pico: BaseModel) -> Any:
    """The modules as libraries load them; the autoencoder is kept in half precision on the disk."""
    loaded = diffusers.StableDiffusionPipeline.from_pretrained(pico.path, dtype=torch.float32)
    loaded.text_encoder = transformers.CLIPTextModel.from_pretrained(pico.path / "text_encoder", dtype=torch.float32)
    return loaded


def token_ids(pipeline: Any, texts: list[str]) -> torch.Tensor:
    return pipeline.tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids


@torch.no_grad()
def test_bit_for_bit(pico: BaseModel, pipeline: Any) -> None:
    x_t = torch.randn(2, pico.latent_channels, 16, 16, generator=torch.Generator().manual_seed(0))
    timesteps = torch.tensor([20, 800])
    states = pipeline.text_encoder(token_ids(pipeline, TEXTS)).last_hidden_state
    text = encode_text(pico, TEXTS)
    assert torch.equal(text.states, states)
    assert torch.equal(
        predict(pico, x_t, timesteps, text), pipeline.unet(x_t, timesteps, encoder_hidden_states=states).sample
    )
    empty = pipeline.text_encoder(token_ids(pipeline, [""])).last_hidden_state
    assert torch.equal(encode_nothing(pico).states, empty)
    pixels = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(1)) * 2 - 1
    vae = pipeline.vae
    latents = vae.encode(pixels).latent_dist.mode() * vae.config.scaling_factor
    assert torch.equal(encode_pixels(pico, pixels), latents)
    assert torch.equal(decode_latents(pico, latents), vae.decode(latents / vae.config.scaling_factor).sample)


def test_levels_are_those_of_its_scheduler(pico: BaseModel) -> None:
    timesteps = torch.tensor([0, 500, 999])
    levels = pico.schedule.levels(timesteps)
    alpha_bar = pico.scheduler.alphas_cumprod[timesteps]
    assert torch.equal(levels.signal.flatten(), alpha_bar.sqrt())
    assert torch.equal(levels.noise.flatten(), (1 - alpha_bar).sqrt())
