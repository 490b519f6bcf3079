"""Which base models are on this machine: folders and single files in the models folder, and what bases.toml names."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from spf_portrait.contract.base_files import SUFFIX, describe_file, key_of
from spf_portrait.contract.base_folders import MODEL_INDEX, describe_folder
from spf_portrait.contract.base_info import (
    BASE_KEY_PATTERN,
    CLIP_FOLDER,
    SHARED_CLIP_FOLDER,
    BaseInfo,
)
from spf_portrait.contract.base_list import BASE_LIST, describe_listed, listed_tables
from spf_portrait.contract.errors import ModelError

__all__ = ["BASE_KEY_PATTERN", "BaseInfo", "Survey", "default_models_dir", "find_base", "known_bases", "survey_bases"]


def default_models_dir() -> Path:
    """$SPF_MODELS_DIR, or `models` at the root of the repository."""
    configured = os.environ.get("SPF_MODELS_DIR")
    return Path(configured) if configured else Path(__file__).resolve().parents[2] / "models"


@dataclass(frozen=True)
class Survey:
    """What the models folder holds.

    Attributes:
        bases: Every usable base model by its key, in alphabetical order.
        problems: What cannot be used and why, by its key, or by the name of the list.
    """

    bases: dict[str, BaseInfo]
    problems: dict[str, ModelError]


def survey_bases(models_dir: Path | None = None) -> Survey:
    """Look at every base model; one that is damaged hides no other.

    Other pipelines, LoRAs and the like are left out. Of two with one key neither can be used.
    """
    folder = models_dir or default_models_dir()
    found: dict[str, list[BaseInfo]] = {}
    problems: dict[str, ModelError] = {}
    for key, describe in _candidates(folder, problems):
        try:
            info = describe()
        except ModelError as error:
            problems[key] = error
        else:
            found.setdefault(key, []).extend([info] if info else [])
    problems |= {key: _same_key(infos[1], infos[0]) for key, infos in found.items() if len(infos) > 1}
    usable = {key: infos[0] for key, infos in sorted(found.items()) if len(infos) == 1}
    return Survey({key: _with_clip(info, folder) for key, info in usable.items()}, problems)


def known_bases(models_dir: Path | None = None) -> dict[str, BaseInfo]:
    """Every usable base model by its key, in alphabetical order.

    Raises:
        ModelError: The models folder holds no usable base model.
    """
    survey = survey_bases(models_dir)
    if survey.bases:
        return survey.bases
    if survey.problems:
        raise next(iter(survey.problems.values()))
    folder = models_dir or default_models_dir()
    raise ModelError(
        "no_base_model",
        f"no base model in {folder}",
        f"a folder in diffusers layout, such as {folder / 'pico' / MODEL_INDEX}, a checkpoint in one {SUFFIX} "
        f"file, or {BASE_LIST}",
        "Check out the repository with its models folder, or set SPF_MODELS_DIR to where the models are",
    )


def find_base(key: str, models_dir: Path | None = None) -> BaseInfo:
    """One base model.

    Raises:
        ModelError: There is none of that key, or it cannot be used.
    """
    survey = survey_bases(models_dir)
    if key in survey.bases:
        return survey.bases[key]
    if key in survey.problems:
        raise survey.problems[key]
    folder = models_dir or default_models_dir()
    raise ModelError(
        "unknown_base",
        f"the base model {key!r}",
        ", ".join(known_bases(models_dir)),
        f"Choose one of these, or put a diffusers folder or {SUFFIX} checkpoint of that name into {folder}, "
        f"or name it in {folder / BASE_LIST}",
    )


_Candidate = tuple[str, Callable[[], BaseInfo | None]]
"""A key, and what describes the base model of that key."""


def _candidates(models_dir: Path, problems: dict[str, ModelError]) -> Iterator[_Candidate]:
    """Everything that may be a base model; a list that cannot be read is a problem."""
    try:
        for key, table in listed_tables(models_dir).items():
            yield key, partial(describe_listed, models_dir, key, table)
    except ModelError as error:
        problems[BASE_LIST] = error
    for index in sorted(models_dir.glob(f"*/{MODEL_INDEX}")):
        if re.match(BASE_KEY_PATTERN, index.parent.name):
            yield index.parent.name, partial(describe_folder, index.parent, index.parent.name)
    for file in sorted(models_dir.glob(f"*{SUFFIX}")):
        yield key_of(file), partial(describe_file, file, key_of(file))


def _with_clip(info: BaseInfo, models_dir: Path) -> BaseInfo:
    return info if info.clip else info.model_copy(update={"clip": _clip_of(info, models_dir)})


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
