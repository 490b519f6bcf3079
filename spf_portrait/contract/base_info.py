"""What is known about a base model before it is loaded."""

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

FamilyKey = Literal["sd1", "sd2", "sdxl", "sd3"]
BASE_KEY_PATTERN: Final = r"^[a-z0-9._-]{1,40}$"
IMAGE_SIZE_PX: Final[dict[FamilyKey, int]] = {"sd1": 512, "sd2": 768, "sdxl": 1024, "sd3": 1024}
"""Side of the pictures that a family's published models were trained on."""
CLIP_FOLDER: Final = "clip"
"""In a base model's folder: a CLIP of its own."""
JUDGE_FOLDER: Final = "judge"
"""In a base model's folder: networks that no loss uses, for measuring. With them come held-out texts of its domain."""
SHARED_CLIP_FOLDER: Final = "clip-vit-large-patch14"
"""In the models folder: openai's CLIP, whose text tower Stable Diffusion 1.x uses. For bases without their own."""
CLIP_DOWNLOAD: Final = (
    'hf download openai/clip-vit-large-patch14 --include "*.json" --include "*.txt" --include model.safetensors'
)
"""Fetches that CLIP with its vocabulary, where there is a connection; `--local-dir` is to be added."""


class HubSource(BaseModel):
    """A model repository at one fixed commit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$", description="owner/name")
    revision: str = Field(pattern=r"^[0-9a-f]{40}$", description="the commit, in full: a branch could change")


class BaseInfo(BaseModel):
    """One base model. Users choose its `key`, never a path."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(pattern=BASE_KEY_PATTERN)
    path: Path = Field(description="folder in diffusers layout, or single .safetensors file")
    family: FamilyKey
    image_size_px: int = Field(gt=0)
    title: str
    clip: Path | None = Field(default=None, description="folder of the CLIP used with it")
    hub: HubSource | None = Field(default=None, description="where `path` is filled from when it is first used")
    prediction: Literal["epsilon", "v_prediction"] | None = Field(
        default=None, description="meaning of a single file's network output, where that is known"
    )
    zero_snr: bool = Field(default=False, description="a single file whose noise schedule ends in pure noise")
