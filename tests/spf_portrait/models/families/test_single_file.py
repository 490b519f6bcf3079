"""Whole checkpoints in one file are read without a hub, and give the very model that a diffusers folder gives."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from spf_portrait.contract.base_info import SHARED_CLIP_FOLDER, FamilyKey
from spf_portrait.contract.errors import ModelError
from spf_portrait.models.base_model import BaseModel, encode_nothing, encode_text, load_base, predict
from spf_portrait.models.families.single_file import parts_of_file
from spf_portrait.models.families.text_embedding import TextEmbedding
from spf_portrait.running.untyped import diffusers, safetensors_torch
from tests.spf_portrait.models.families.ldm_layout import ldm_tensors
from tests.spf_portrait.models.families.tiny_families import write_tiny
from tests.spf_portrait.tiny_model import tiny_tokenizer

X_T, T = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([10, 500])


def write_checkpoint(folder: Path, file: Path, family: FamilyKey, extra: dict[str, torch.Tensor] | None = None) -> None:
    """The tiny model of a family in one file; its weights are taken out of the folder, which keeps configurations."""
    pipeline: Any = getattr(
        diffusers, {"sd1": "StableDiffusionPipeline", "sdxl": "StableDiffusionXLPipeline"}[family]
    ).from_pretrained(folder)
    safetensors_torch.save_file({**ldm_tensors(pipeline), **(extra or {})}, file)
    for weights in folder.rglob("*.safetensors"):
        weights.unlink()


def read(base: BaseModel) -> tuple[TextEmbedding, TextEmbedding, torch.Tensor]:
    text = encode_text(base, ["a woman, hair", "a hat"])
    with torch.no_grad():
        return text, encode_nothing(base), predict(base, X_T, T, text)


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_a_checkpoint_is_the_model_that_its_folder_is(
    family: FamilyKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models, configs = tmp_path / "models", tmp_path / "configs"
    models.mkdir()
    folder = write_tiny(configs / family, family)
    expected = load_base(family, configs)
    write_checkpoint(folder, models / "My Model.safetensors", family)
    tiny_tokenizer().save_pretrained(models / SHARED_CLIP_FOLDER)
    monkeypatch.setattr("spf_portrait.models.base_model.parts_of_file", partial(parts_of_file, configs=configs))
    base = load_base("my-model", models)
    assert base.info.family == family
    for ours, theirs in ((base.network, expected.network), (base.vae, expected.vae)):
        state = theirs.state_dict()
        assert all(torch.equal(tensor, state[name]) for name, tensor in ours.state_dict().items())
    for ours, theirs in zip(read(base), read(expected), strict=True):
        torch.testing.assert_close(ours, theirs) if isinstance(ours, torch.Tensor) else same_text(ours, theirs)
    assert type(base.scheduler) is type(expected.scheduler)
    assert not any(parameter.requires_grad for parameter in base.network.parameters())


def test_in_half_precision_the_autoencoder_of_xl_is_not_rounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models, configs = tmp_path / "models", tmp_path / "configs"
    models.mkdir()
    folder = write_tiny(configs / "sdxl", "sdxl")
    expected = load_base("sdxl", configs)
    write_checkpoint(folder, models / "xl.safetensors", "sdxl")
    tiny_tokenizer().save_pretrained(models / SHARED_CLIP_FOLDER)
    monkeypatch.setattr("spf_portrait.models.base_model.parts_of_file", partial(parts_of_file, configs=configs))
    base = load_base("xl", models, dtype=torch.bfloat16)
    assert {weight.dtype for weight in base.network.parameters()} == {torch.bfloat16}
    state = expected.vae.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in base.vae.state_dict().items())


def same_text(ours: Any, theirs: Any) -> None:
    torch.testing.assert_close(ours.states, theirs.states)
    torch.testing.assert_close(ours.pooled, theirs.pooled)


def test_markers_of_v_prediction_are_heeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models, configs = tmp_path / "models", tmp_path / "configs"
    models.mkdir()
    markers = {"v_pred": torch.zeros(1), "ztsnr": torch.zeros(1)}
    write_checkpoint(write_tiny(configs / "sdxl", "sdxl"), models / "v.safetensors", "sdxl", markers)
    tiny_tokenizer().save_pretrained(models / SHARED_CLIP_FOLDER)
    monkeypatch.setattr("spf_portrait.models.base_model.parts_of_file", partial(parts_of_file, configs=configs))
    schedule = load_base("v", models).schedule
    assert schedule.prediction == "v_prediction"
    assert schedule.levels(torch.tensor([999])).signal.abs().max() < 1e-3, "the last timestep is pure noise"


def test_without_a_vocabulary_it_says_how_to_get_one(tmp_path: Path) -> None:
    names = ("model.diffusion_model.a", "first_stage_model.a", "cond_stage_model.transformer.a")
    safetensors_torch.save_file({name: torch.zeros(1) for name in names}, tmp_path / "sd15.safetensors")
    with pytest.raises(ModelError, match=r"vocab\.json.*hf download openai/clip-vit-large-patch14"):
        load_base("sd15", tmp_path)


def test_stable_diffusion_2_must_be_told_what_it_answers(tmp_path: Path) -> None:
    names = ("model.diffusion_model.a", "first_stage_model.a", "cond_stage_model.model.a")
    safetensors_torch.save_file({name: torch.zeros(1) for name in names}, tmp_path / "sd21.safetensors")
    tiny_tokenizer().save_pretrained(tmp_path / SHARED_CLIP_FOLDER)
    with pytest.raises(ModelError, match=r"bases\.toml.*v_prediction"):
        load_base("sd21", tmp_path)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    names = ("model.diffusion_model.a", "first_stage_model.a", "cond_stage_model.transformer.a")
    safetensors_torch.save_file({name: torch.zeros(1) for name in names}, tmp_path / "sd15.safetensors")
    tiny_tokenizer().save_pretrained(tmp_path / SHARED_CLIP_FOLDER)
    with pytest.raises(ModelError, match=r"sd15\.safetensors"):
        load_base("sd15", tmp_path)
