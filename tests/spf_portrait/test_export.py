import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image

from spf_portrait.adapter import (
    CROSS_ATTENTION,
    Deltas,
    adapter_deltas,
    adapter_parameters,
    attach_adapter,
    load_adapter,
    set_strength,
)
from spf_portrait.base_model import BaseModel, load_base
from spf_portrait.contract.artifacts import ADAPTER, RESPONSE
from spf_portrait.contract.errors import ExportError
from spf_portrait.contract.jobs import ComparisonSpec, TrainingSpec
from spf_portrait.export import describe, export_adapter, kohya_tensors
from spf_portrait.pair import draw_pair
from spf_portrait.preparation import TrainingJob
from spf_portrait.sample import SampleJob, sample
from spf_portrait.train import train
from spf_portrait.untyped import diffusers, safetensors

SPEC = TrainingSpec(base="tiny", rank=2)


def tuned(base: BaseModel, value: float | None = None) -> BaseModel:
    attach_adapter(base.unet, 2, CROSS_ATTENTION)
    with torch.no_grad():
        for parameter in adapter_parameters(base.unet):
            parameter.normal_() if value is None else parameter.fill_(value)
    return base


@pytest.mark.parametrize("method", ["spf", "lora"])
@pytest.mark.parametrize("base_key", ["tiny", "tiny-epsilon"])
def test_plain_diffusers_draws_the_same_picture(
    make_job: Callable[..., TrainingJob], models_dir: Path, tmp_path: Path, method: str, base_key: str
) -> None:
    job = make_job(method=method, base=base_key, learning_rate=0.05)
    train(job, lambda event: None)
    options = {"base": base_key, "base_text": "a woman", "target": "blonde hair", "seed": 7, "steps": 4}
    spec = ComparisonSpec.from_mapping(options)
    sample(SampleJob(spec, job.out / ADAPTER, tmp_path / "pair", models_dir), lambda event: None)
    ours = numpy.asarray(Image.open(tmp_path / "pair" / RESPONSE)).astype(int)

    pipeline: Any = diffusers.StableDiffusionPipeline.from_pretrained(models_dir / base_key, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)

    def draw() -> Any:
        generator = torch.Generator().manual_seed(7)
        picture = pipeline(
            spec.caption.complete_text, num_inference_steps=4, guidance_scale=spec.guidance_scale, generator=generator
        ).images[0]
        return numpy.asarray(picture).astype(int)

    before = draw()
    pipeline.load_lora_weights(job.out, weight_name=ADAPTER, local_files_only=True)
    assert numpy.abs(draw() - ours).max() <= 1
    assert numpy.abs(before - ours).max() > 1, "the adapter changes the picture"


def test_names_and_header(base: BaseModel, tmp_path: Path) -> None:
    tuned(base)
    header = describe(base, SPEC, "blonde hair", 24, "abc", {"control_map_scale": [1.0]})
    digest = export_adapter(base, adapter_deltas(base.unet), header, tmp_path / "a.safetensors")
    assert len(digest) == 64
    with safetensors.safe_open(tmp_path / "a.safetensors", framework="pt") as file:
        names: set[str] = set(file.keys())
        metadata: dict[str, str] = file.metadata()
    assert "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_out_0.lora_up.weight" in names
    assert all(name.startswith("lora_unet_") for name in names)
    assert metadata["ss_network_dim"] == "2"
    assert metadata["ss_network_alpha"] == "2.0"
    assert metadata["modelspec.architecture"] == "stable-diffusion-v1/lora"
    assert metadata["spf.target"] == metadata["modelspec.trigger_phrase"] == "blonde hair"
    assert json.loads(metadata["spf.control_map_scale"]) == [1.0]
    assert TrainingSpec.model_validate_json(metadata["spf.spec"]) == SPEC
    assert str(tmp_path) not in json.dumps(metadata)
    assert str(base.path) not in json.dumps(metadata)


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_an_adapter_that_does_nothing_or_is_no_number_is_not_released(
    base: BaseModel, tmp_path: Path, value: float
) -> None:
    tuned(base, value)
    with pytest.raises(ExportError, match="zero or not a number"):
        export_adapter(base, adapter_deltas(base.unet), {}, tmp_path / "a.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_file_that_loads_differently_is_not_released(
    base: BaseModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deltas = adapter_deltas(tuned(base).unet)
    wrong = {name: (down, up * 2) for name, (down, up) in deltas.items()}
    doubled = kohya_tensors(wrong)

    def tampered(_: Deltas) -> dict[str, torch.Tensor]:
        return doubled

    monkeypatch.setattr("spf_portrait.export.kohya_tensors", tampered)
    with pytest.raises(ExportError, match="another update"):
        export_adapter(base, deltas, {}, tmp_path / "a.safetensors")
    assert not list(tmp_path.iterdir())


def test_strength_reaches_the_response_only(models_dir: Path, base: BaseModel, tmp_path: Path) -> None:
    export_adapter(base, adapter_deltas(tuned(base).unet), {}, tmp_path / "a.safetensors")
    pictures: list[tuple[torch.Tensor, torch.Tensor]] = []
    for strength in (0.0, 0.5, 1.0):
        options = {"base": "tiny", "base_text": "a man", "target": "hat", "steps": 2, "strength": strength}
        fresh = load_base("tiny", models_dir)
        load_adapter(fresh.unet, tmp_path / "a.safetensors")
        set_strength(fresh.unet, strength)
        pair = draw_pair(fresh, ComparisonSpec.from_mapping(options), lambda step: None)
        pictures.append((pair.reference.picture, pair.response.picture))
    assert torch.equal(pictures[0][0], pictures[2][0])
    assert not torch.equal(pictures[0][1], pictures[1][1])
    assert not torch.equal(pictures[1][1], pictures[2][1])
