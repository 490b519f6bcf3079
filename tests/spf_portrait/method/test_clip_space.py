"""CLIP's texts without its picture tower, from safetensors alone, loaded once for many drawings."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from spf_portrait.contract.errors import ModelError
from spf_portrait.method.clip_space import clip_of, text_space_of
from spf_portrait.method.kept_texts import KeptTexts
from spf_portrait.models.base_model import BaseModel, load_base
from spf_portrait.running.untyped import transformers
from tests.spf_portrait.tiny_model import write_tiny_base

TEXTS = ["a woman", "blonde hair, a hat", "a" * 100]


@pytest.fixture
def own(tmp_path: Path) -> BaseModel:
    """A base model whose files may be changed."""
    write_tiny_base(tmp_path / "tiny")
    return load_base("tiny", tmp_path)


def test_the_text_tower_alone_says_the_same_as_the_whole_clip(base: BaseModel) -> None:
    alone, whole = text_space_of(base), clip_of(base)
    assert not hasattr(alone, "pictures")
    torch.testing.assert_close(alone.texts(TEXTS), whole.texts(TEXTS))


def test_the_width_of_the_common_space_is_that_of_the_whole_configuration(own: BaseModel, tmp_path: Path) -> None:
    """Some published CLIPs have another number in the part about texts, which the whole model does not look at."""
    file = tmp_path / "tiny" / "clip" / "config.json"
    config: dict[str, Any] = json.loads(file.read_text())
    config["text_config"]["projection_dim"] = 512
    file.write_text(json.dumps(config))
    torch.testing.assert_close(text_space_of(own).texts(TEXTS), clip_of(own).texts(TEXTS))


@pytest.mark.parametrize("read", [clip_of, text_space_of])
def test_pickled_weights_are_not_read(own: BaseModel, tmp_path: Path, read: Any) -> None:
    folder = tmp_path / "tiny" / "clip"
    clip = transformers.CLIPModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    torch.save(clip.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"tiny/clip that cannot be read .*safetensors"):
        read(own)


def test_texts_are_kept_until_their_files_change(own: BaseModel, tmp_path: Path) -> None:
    kept = KeptTexts()
    first = kept(own)
    assert kept(own) is first
    file = tmp_path / "tiny" / "clip" / "config.json"
    file.write_text(file.read_text() + "\n")
    assert kept(own) is not first


def test_a_base_without_clip_measures_with_its_own_encoder_and_is_not_kept(own: BaseModel) -> None:
    bare = replace(own, info=own.info.model_copy(update={"clip": None}))
    kept = KeptTexts()
    assert kept(bare) is not kept(bare), "a base model that is kept here could not be freed"
