"""Which base models are on this machine: folders and single files in the models folder, and what bases.toml names."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from spf_portrait.contract.base_files import SUFFIX, describe_file, key_of
from spf_portrait.contract.base_folders import MODEL_INDEX, describe_folder
from spf_portrait.contract.base_info import (
    BASE_KEY_PATTERN,
    CLIP_FOLDER,
    SHARED_CLIP_FOLDER,
    BaseInfo,
)
from spf_portrait.contract.base_list import BASE_LIST, listed_bases
from spf_portrait.contract.errors import ModelError

__all__ = ["BASE_KEY_PATTERN", "BaseInfo", "default_models_dir", "find_base", "known_bases"]


def default_models_dir() -> Path:
    """$SPF_MODELS_DIR, or `models` at the root of the repository."""
    configured = os.environ.get("SPF_MODELS_DIR")
    return Path(configured) if configured else Path(__file__).resolve().parents[2] / "models"


def known_bases(models_dir: Path | None = None) -> dict[str, BaseInfo]:
    """Every usable base model by its key, in alphabetical order; other pipelines, LoRAs and the like are left out.

    Raises:
        ModelError: The models folder holds no base model, one of them is damaged, or two have one key.
    """
    folder = models_dir or default_models_dir()
    bases: dict[str, BaseInfo] = {}
    for info in (*listed_bases(folder), *_folders(folder), *_files(folder)):
        if info.key in bases:
            raise _same_key(info, bases[info.key])
        bases[info.key] = info if info.clip else info.model_copy(update={"clip": _clip_of(info, folder)})
    if not bases:
        raise ModelError(
            "no_base_model",
            f"no base model in {folder}",
            f"a folder in diffusers layout, such as {folder / 'pico' / MODEL_INDEX}, a checkpoint in one {SUFFIX} "
            f"file, or {BASE_LIST}",
            "Check out the repository with its models folder, or set SPF_MODELS_DIR to where the models are",
        )
    return dict(sorted(bases.items()))


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
            f"Choose one of these, or put a diffusers folder or {SUFFIX} checkpoint of that name into {folder}, "
            f"or name it in {folder / BASE_LIST}",
        )
    return bases[key]


def _folders(models_dir: Path) -> Iterator[BaseInfo]:
    for index in sorted(models_dir.glob(f"*/{MODEL_INDEX}")):
        if re.match(BASE_KEY_PATTERN, index.parent.name):
            info = describe_folder(index.parent, index.parent.name)
            if info is not None:
                yield info


def _files(models_dir: Path) -> Iterator[BaseInfo]:
    for file in sorted(models_dir.glob(f"*{SUFFIX}")):
        info = describe_file(file, key_of(file))
        if info is not None:
            yield info


def _clip_of(info: BaseInfo, models_dir: Path) -> Path | None:
    """The base's own CLIP, or else the one for all; None if there is neither."""
    candidates = (info.path / CLIP_FOLDER, models_dir / SHARED_CLIP_FOLDER)
    return next((folder for folder in candidates if (folder / "config.json").is_file()), None)


def _same_key(second: BaseInfo, first: BaseInfo) -> ModelError:
    return ModelError(
        "same_base_key",
        f"two base models with the key {second.key!r}: {first.path} and {second.path}",
        "one base model for each key",
        "Rename one of them",
    )
