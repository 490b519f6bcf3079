"""Every family's export in diffusers' own pipeline, without any of our code: the same picture as ours."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from spf_portrait.adapter import attach_new_adapter
from spf_portrait.contract.artifacts import ADAPTER, DIFFUSERS_ADAPTER
from spf_portrait.contract.base_info import FamilyKey
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.contract.preset_table import AdapterKind
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.drawing.pair import draw_pair
from spf_portrait.export import AdapterFacts, export_checkpoint
from spf_portrait.models.base_model import load_base
from spf_portrait.running.untyped import diffusers
from tests.spf_portrait.models.families.tiny_families import write_tiny
from tests.spf_portrait.tiny_adapters import scramble
from tests.spf_portrait.tiny_model import write_tiny_base

FAMILIES: tuple[FamilyKey, ...] = ("sd1", "sd2", "sdxl", "sd3")


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("families")
    write_tiny_base(folder / "pico-like")
    for family in FAMILIES:
        write_tiny(folder / family, family)
    return folder


@pytest.mark.parametrize(
    ("key", "adapter", "rank"),
    [
        ("pico-like", "lora", 8),
        ("pico-like", "cross_attention", 32),
        ("sd1", "lora", 8),
        ("sd2", "lora", 8),
        ("sdxl", "lora", 8),
        ("sdxl", "cross_attention", 16),
        ("sd3", "lora", 8),
        ("sd3", "cross_attention", 16),
    ],
)
def test_the_same_picture(families: Path, tmp_path: Path, key: str, adapter: AdapterKind, rank: int) -> None:
    base = load_base(key, families)
    order = TrainingSpec(base=key, adapter=adapter, rank=rank)
    attach_new_adapter(base, order)
    scramble(base.network, spread=0.3)
    export_checkpoint(base, AdapterFacts(order, "blonde hair", 4, "abc", 9), tmp_path)
    options = {"base": key, "base_text": "a woman", "target": "blonde hair", "seed": 7, "steps": 3, "maps": False}
    spec = ComparisonSpec.from_mapping(options)
    ours = (draw_pair(base, spec, lambda step: None).response.picture / 2 + 0.5).clamp(0, 1)
    before, *after = plain_diffusers(families / key, spec, [tmp_path / ADAPTER, tmp_path / DIFFUSERS_ADAPTER])
    for picture in after:
        torch.testing.assert_close(picture, ours, rtol=0, atol=1e-5 if adapter == "lora" else 1e-4)
    assert (before - ours).abs().max() > 1e-2, "the adapter changes the picture"


def plain_diffusers(model: Path, spec: ComparisonSpec, files: list[Path]) -> list[Tensor]:
    """Pictures [3, height, width] in [0, 1]: without an adapter, then with each file."""
    without = {"text_encoder_3": None, "tokenizer_3": None} if model.name == "sd3" else {}
    pipeline: Any = diffusers.DiffusionPipeline.from_pretrained(model, local_files_only=True, **without)
    pipeline.set_progress_bar_config(disable=True)
    drawn: list[Tensor] = []
    for file in (None, *files):
        if file is not None:
            name = {"weight_name": file.name} if file.name == ADAPTER else {}  # a folder's one file needs no name
            pipeline.load_lora_weights(file.parent, **name)
        drawn += pipeline(
            spec.caption.complete_text,
            num_inference_steps=spec.steps,
            guidance_scale=spec.guidance_scale,
            generator=torch.Generator().manual_seed(spec.seed),
            output_type="pt",
        ).images
        pipeline.unload_lora_weights()
    return drawn
