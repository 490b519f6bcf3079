"""Which base models are on this machine: folders in diffusers layout inside the models folder."""

import json
import os
import re
from pathlib import Path
from typing import Final, Literal, cast

from pydantic import BaseModel, ConfigDict

from spf_portrait.contract.errors import ModelError

MODEL_INDEX: Final = "model_index.json"
BASE_KEY_PATTERN: Final = r"^[a-z0-9._-]{1,40}$"
_FAMILIES: Final[dict[str, Literal["sd1"]]] = {"StableDiffusionPipeline": "sd1"}


class BaseInfo(BaseModel):
    """One base model. Users choose its `key`, never a path."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    path: Path
    family: Literal["sd1"]
    image_size_px: int
    title: str


def default_models_dir() -> Path:
    """$SPF_MODELS_DIR, or `models` at the root of the repository."""
    configured = os.environ.get("SPF_MODELS_DIR")
    return Path(configured) if configured else Path(__file__).resolve().parents[2] / "models"


def known_bases(models_dir: Path | None = None) -> dict[str, BaseInfo]:
    """Every usable base model by its key, in alphabetical order; folders of other pipelines are left out.

    Raises:
        ModelError: The models folder holds no base model, or one of them is damaged.
    """
    folder = models_dir or default_models_dir()
    indexes = sorted(folder.glob(f"*/{MODEL_INDEX}"))
    described = (_describe(index) for index in indexes if re.match(BASE_KEY_PATTERN, index.parent.name))
    bases = {info.key: info for info in described if info is not None}
    if not bases:
        raise ModelError(
            "no_base_model",
            f"no base model in {folder}",
            f"a folder in diffusers layout, such as {folder / 'pico' / MODEL_INDEX}",
            "Check out the repository with its models folder, or set SPF_MODELS_DIR to where the models are",
        )
    return bases


def find_base(key: str, models_dir: Path | None = None) -> BaseInfo:
    """One base model.

    Raises:
        ModelError: There is none of that key.
    """
    bases = known_bases(models_dir)
    if key not in bases:
        folder = models_dir or default_models_dir()
        raise ModelError(
            "unknown_base",
            f"the base model {key!r}",
            ", ".join(bases),
            f"Choose one of these, or put a diffusers folder of that name into {folder}",
        )
    return bases[key]


def _describe(index: Path) -> BaseInfo | None:
    """Read one model folder; None when it holds a pipeline of another kind."""
    family = _FAMILIES.get(str(_read_json(index).get("_class_name")))
    if family is None:
        return None
    folder = index.parent
    return BaseInfo(
        key=folder.name,
        path=folder,
        family=family,
        image_size_px=_image_size_px(folder),
        title=_title(folder),
    )


def _image_size_px(folder: Path) -> int:
    """Latent cells a side, times the factor by which the autoencoder shrinks."""
    cells = _read_json(folder / "unet" / "config.json").get("sample_size")
    blocks = _read_json(folder / "vae" / "config.json").get("block_out_channels")
    if not isinstance(cells, int) or not isinstance(blocks, list):
        raise _damaged(folder, "configurations without sample_size or block_out_channels")
    return int(cells) * 2 ** (len(cast("list[int]", blocks)) - 1)


def _title(folder: Path) -> str:
    """First heading of the model card, or else the key."""
    card = folder / "README.md"
    lines = card.read_text("utf-8").splitlines() if card.is_file() else []
    return next((line[2:].strip() for line in lines if line.startswith("# ")), folder.name)


def _read_json(path: Path) -> dict[str, object]:
    try:
        content: object = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path, f"an unreadable file ({error})") from error
    if not isinstance(content, dict):
        raise _damaged(path, "a file that is no JSON object")
    return cast("dict[str, object]", content)


def _damaged(path: Path, found: str) -> ModelError:
    return ModelError(
        "damaged_base",
        f"{found}: {path}",
        "a model folder as diffusers saves it",
        "Restore the folder from where it came from, or move it out of the models folder",
    )
