"""The configurations that come with the engine are those of the published models: they make networks as large."""

import json
from typing import Any

import pytest
import torch

from spf_portrait.contract.base_info import FamilyKey
from spf_portrait.running.untyped import diffusers, transformers
from tests.spf_portrait.models.families.tiny_families import published


def parameters(family: FamilyKey, part: str) -> int:
    """Of the part as its configuration describes it; no memory is taken."""
    folder = published(family)
    library, name = json.loads((folder / "model_index.json").read_text())[part]
    model_class: Any = getattr(diffusers if library == "diffusers" else transformers, name)
    with torch.device("meta"):
        if library == "diffusers":
            model: Any = model_class.from_config(model_class.load_config(folder / part))
        else:
            model = model_class(model_class.config_class.from_pretrained(folder / part))
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("family", "part", "size"),
    [
        ("sd1", "unet", 859_520_964),
        ("sd1", "vae", 83_653_863),
        ("sd1", "text_encoder", 123_060_480),
        ("sd2", "unet", 865_910_724),
        ("sd2", "text_encoder", 340_387_840),
        ("sdxl", "unet", 2_567_463_684),
        ("sdxl", "text_encoder_2", 694_659_840),
        ("sd3", "transformer", 2_028_328_000),
        ("sd3", "vae", 83_819_683),
    ],
)
def test_sizes(family: FamilyKey, part: str, size: int) -> None:
    assert parameters(family, part) == size
