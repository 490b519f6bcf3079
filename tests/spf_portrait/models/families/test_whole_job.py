"""Every family does the whole job: both stages, export, and plain diffusers draws with the adapter what we draw."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image

from spf_portrait.contract.artifacts import ADAPTER, LOSS_LOG, RESPONSE
from spf_portrait.contract.base_info import SHARED_CLIP_FOLDER
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.contract.errors import ModelError
from spf_portrait.drawing.sample import SampleJob, sample
from spf_portrait.training.preparation import TrainingJob
from spf_portrait.training.train import train
from tests.spf_portrait.models.families.conftest import KEYS
from tests.spf_portrait.models.families.tiny_families import plain_pipeline, write_tiny

Make = Callable[..., TrainingJob]
SEED, STEPS = 7, 3


def drawn_by_diffusers(key: str, models: Path, prompt: str, adapter: Path | None) -> Any:
    """In a pipeline that knows nothing of this project."""
    pipeline = plain_pipeline(models / key)
    if adapter is not None:
        pipeline.load_lora_weights(adapter.parent, weight_name=adapter.name, local_files_only=True)
    generator = torch.Generator().manual_seed(SEED)
    picture = pipeline(prompt, num_inference_steps=STEPS, guidance_scale=4.0, generator=generator).images[0]
    return numpy.asarray(picture).astype(int)


@pytest.mark.parametrize("key", [pytest.param(key, marks=[pytest.mark.slow] if key == "sd2" else []) for key in KEYS])
def test_plain_diffusers_draws_the_same_picture(
    family_job: Make, family_models: Path, tmp_path: Path, key: str
) -> None:
    job = family_job(key, w_enhancement=0.1)
    train(job, lambda event: None)
    logged = [json.loads(line) for line in (job.out / LOSS_LOG).read_text().splitlines()]
    losses = [entry for entry in logged if "stage" in entry]
    assert [entry["stage"] for entry in losses] == ["stage1"] * 2 + ["stage2"] * 2
    assert {"denoise", "control_mean", "text_consistent", "fine_grained", "enhancement"} <= losses[-1].keys()
    options = {"base": key, "base_text": "a woman", "target": "blonde hair", "seed": SEED, "steps": STEPS}
    spec = ComparisonSpec.from_mapping(options)
    sample(SampleJob(spec, job.out / ADAPTER, tmp_path / "pair", family_models), lambda event: None)
    ours = numpy.asarray(Image.open(tmp_path / "pair" / RESPONSE)).astype(int)
    tuned = drawn_by_diffusers(key, family_models, spec.caption.complete_text, job.out / ADAPTER)
    original = drawn_by_diffusers(key, family_models, spec.caption.complete_text, None)
    assert numpy.abs(tuned - ours).max() <= 1
    assert numpy.abs(original - ours).max() > 1, "the adapter changes the picture"


@pytest.mark.parametrize("key", ["sdxl", "sd3-t5"])
def test_plain_lora_trains_and_exports_all_of_its_modules(family_job: Make, key: str) -> None:
    """The export refuses a module whose update is zero."""
    job = family_job(key, method="lora")
    train(job, lambda event: None)
    assert (job.out / ADAPTER).is_file()


@pytest.mark.parametrize("key", ["sdxl", "sd3-t5"])
def test_a_training_whose_frozen_weights_are_in_half_precision_exports(family_job: Make, key: str) -> None:
    job = family_job(key, precision="bf16", gradient_checkpointing=True, w_enhancement=0.1)
    train(job, lambda event: None)
    assert (job.out / ADAPTER).is_file()


def test_without_clip_only_the_enhancement_is_missing(family_job: Make, tmp_path: Path, caption_folder: Path) -> None:
    models = tmp_path / "models"
    write_tiny(models / "sdxl", "sdxl")
    asked = family_job("sdxl", w_enhancement=0.1)
    with pytest.raises(ModelError, match=rf"hf download.*{SHARED_CLIP_FOLDER}.*losses\.enhancement=false"):
        train(
            TrainingJob(caption_folder, tmp_path / "a", tmp_path / "b", asked.spec, False, models), lambda event: None
        )
    spared = family_job("sdxl", w_enhancement=0.1, losses={"enhancement": False})
    job = TrainingJob(caption_folder, tmp_path / "c", tmp_path / "d", spared.spec, False, models)
    train(job, lambda event: None)
    spec = ComparisonSpec(base="sdxl", base_text="a woman, a hat", target="blonde hair", steps=2)
    finished = sample(SampleJob(spec, job.out / ADAPTER, tmp_path / "pair", models), lambda event: None)
    assert finished.files
