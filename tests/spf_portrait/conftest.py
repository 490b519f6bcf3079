"""A tiny base model and caption set for the engine's tests, written once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.models.base_model import BaseModel, load_base
from spf_portrait.training.preparation import TrainingJob
from tests.spf_portrait.tiny_model import write_caption_folder, write_tiny_base

TINY = {
    "base": "tiny",
    "stage1_steps": 2,
    "stage2_steps": 3,
    "batch_size": 2,
    "rank": 2,
    "checkpoint_every": 0,
    "validate_every": 0,
    "preservation": {"pictures": 2},
}


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with `tiny` (v-prediction) and `tiny-epsilon`."""
    folder = tmp_path_factory.mktemp("models")
    write_tiny_base(folder / "tiny")
    write_tiny_base(folder / "tiny-epsilon", "epsilon")
    return folder


@pytest.fixture(scope="session")
def caption_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_caption_folder(tmp_path_factory.mktemp("data") / "portraits")


@pytest.fixture
def base(models_dir: Path) -> BaseModel:
    return load_base("tiny", models_dir)


@pytest.fixture
def make_job(models_dir: Path, caption_folder: Path, tmp_path: Path) -> Callable[..., TrainingJob]:
    """Make a short training job; options override those of the specification."""

    def make(
        out: str = "run", *, resume: bool = False, checkpoints: str | None = None, **options: object
    ) -> TrainingJob:
        spec = TrainingSpec.from_order({**TINY, **options}, models_dir)
        folder = tmp_path / (checkpoints or f"{out}-checkpoints")
        return TrainingJob(caption_folder, tmp_path / out, folder, spec, resume, models_dir)

    return make
