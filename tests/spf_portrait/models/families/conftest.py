"""Tiny base models of every family, written once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.training.preparation import TrainingJob
from tests.spf_portrait.models.families.tiny_families import write_shared_clip, write_tiny

KEYS = ("sd1", "sd2", "sdxl", "sd3", "sd3-t5")


@pytest.fixture(scope="session")
def family_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a base for each of `KEYS`, and a CLIP for all of them."""
    folder = tmp_path_factory.mktemp("families")
    write_tiny(folder / "sd1", "sd1")
    write_tiny(folder / "sd2", "sd2")
    write_tiny(folder / "sdxl", "sdxl")
    write_tiny(folder / "sd3", "sd3")
    write_tiny(folder / "sd3-t5", "sd3", t5=True, qk_norm="rms_norm", dual_attention_layers=(0,))
    write_shared_clip(folder)
    return folder


@pytest.fixture
def family_job(family_models: Path, caption_folder: Path, tmp_path: Path) -> Callable[..., TrainingJob]:
    """Make a short training on one of these bases; options override those of the specification."""

    def make(base: str, **options: object) -> TrainingJob:
        steps = {"stage1_steps": 2, "stage2_steps": 2, "batch_size": 2, "checkpoint_every": 0}
        short = {**steps, "rank": 2, "preservation": {"pictures": 2}}
        spec = TrainingSpec.from_order({**short, "base": base, "learning_rate": 0.02, **options}, family_models)
        return TrainingJob(caption_folder, tmp_path / "run", tmp_path / "checkpoints", spec, False, family_models)

    return make
