"""The model folder: everything that measures lies beside what draws, and can be loaded from there."""

from pathlib import Path
from typing import Any

import pytest
import torch

from spf_portrait.method.clip_space import load_clip_space
from spf_portrait.pico.identity import Identity, load_identity
from spf_portrait.pico.judge import Judge, load_judge
from spf_portrait.pico.known_domain import PicoDomain
from spf_portrait.pico.parser import Parser, load_parser
from spf_portrait.pico.portrait import random_attributes
from spf_portrait.pico.renderer import render
from spf_portrait.pico.training.assemble import Judges, assemble
from spf_portrait.pico.training.autoencoder import new_autoencoder
from spf_portrait.pico.training.clip import new_clip
from spf_portrait.pico.training.tokenizer import new_tokenizer
from spf_portrait.pico.training.unet import new_unet
from spf_portrait.running.untyped import diffusers, safetensors_torch

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def judges() -> Judges:
    torch.manual_seed(1)
    return Judges(Judge().eval(), Parser().eval(), Identity().eval(), new_clip(new_tokenizer()))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, judges: Judges) -> Path:
    """A model folder of parts that know nothing."""
    out = tmp_path_factory.mktemp("models") / "pico"
    torch.manual_seed(0)
    tokenizer = new_tokenizer()
    assemble(out, new_autoencoder(), new_clip(tokenizer), new_unet(), tokenizer, judges)
    return out


def test_the_judges_come_back(model: Path, judges: Judges) -> None:
    pictures = [render(random_attributes(seed)) for seed in range(2)]
    assert load_judge(model).attributes(pictures) == judges.classifier.attributes(pictures)
    maps = zip(load_parser(model).parse(pictures), judges.parser.parse(pictures), strict=True)
    assert all((ours == theirs).mean() > 0.98 for ours, theirs in maps)
    assert torch.allclose(load_identity(model).embed(pictures), judges.identity.embed(pictures), atol=1e-2)
    assert torch.equal(PicoDomain(model, "sunglasses").identities(pictures), load_identity(model).embed(pictures))


def test_the_judges_clip_is_not_the_models_own(model: Path) -> None:
    picture = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1
    tokenizer = new_tokenizer()
    spaces = [load_clip_space(folder, tokenizer, CPU) for folder in (model, model / "judge")]
    ours, theirs = (space.pictures(picture) for space in spaces)
    assert ours.shape == theirs.shape
    assert not torch.allclose(ours, theirs, atol=0.1)


def test_a_bare_load_has_one_type_and_the_files_are_half_as_large(model: Path) -> None:
    pipeline: Any = diffusers.StableDiffusionPipeline.from_pretrained(model)
    parts = (pipeline.unet, pipeline.vae, pipeline.text_encoder)
    assert {weight.dtype for part in parts for weight in part.parameters()} == {torch.float32}
    kept = {file: safetensors_torch.load_file(file) for file in (model / "judge").rglob("*.safetensors")}
    assert {file.relative_to(model / "judge").as_posix() for file in kept} == {
        "model.safetensors",
        "parser.safetensors",
        "identity.safetensors",
        "clip/model.safetensors",
    }
    assert {weight.dtype for weights in kept.values() for weight in weights.values()} == {torch.float16}
