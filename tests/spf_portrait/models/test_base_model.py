import shutil
from pathlib import Path

import pytest
import torch

from spf_portrait.contract.errors import ModelError
from spf_portrait.method.clip_space import load_clip_space
from spf_portrait.models.base_model import BaseModel, decode_latents, encode_pixels, load_base


def test_a_missing_or_damaged_base_is_named(models_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="sd15"):
        load_base("sd15", models_dir)
    shutil.copytree(models_dir / "tiny", tmp_path / "tiny")
    weights = next((tmp_path / "tiny" / "unet").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelError, match="tiny"):
        load_base("tiny", tmp_path)
    shutil.rmtree(tmp_path / "tiny" / "unet")
    with pytest.raises(ModelError, match="tiny"):
        load_base("tiny", tmp_path)


def test_all_parts_are_fp32_and_frozen(base: BaseModel) -> None:
    for part in (base.network, base.vae, base.parts.text_encoders[0].model):
        assert {parameter.dtype for parameter in part.parameters()} == {torch.float32}
        assert not any(parameter.requires_grad for parameter in part.parameters())


def test_latents_have_the_models_channels_and_size(base: BaseModel) -> None:
    latents = encode_pixels(base, torch.zeros(1, 3, 32, 32))
    assert latents.shape == (1, base.latent_channels, 8, 8)
    assert decode_latents(base, latents).shape == (1, 3, 32, 32)


def test_clip_embeddings_have_unit_length_and_pass_gradients(base: BaseModel) -> None:
    clip = load_clip_space(base.path, base.tokenizer, base.device)
    pixels = torch.rand(2, 3, 48, 48, requires_grad=True)
    pictures = clip.pictures(pixels)
    torch.testing.assert_close(pictures.norm(dim=-1), torch.ones(2))
    pictures.sum().backward()
    assert pixels.grad is not None
    texts = clip.texts(["a woman", "blonde hair"])
    torch.testing.assert_close(texts.norm(dim=-1), torch.ones(2))
    assert not torch.allclose(texts[0], texts[1])


def test_a_base_without_clip_says_so(base: BaseModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="clip"):
        load_clip_space(tmp_path, base.tokenizer, base.device)
