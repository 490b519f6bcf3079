"""What this machine has for the engine: device, memory, libraries, base models, and what is missing."""

import os
import platform
from pathlib import Path
from typing import Any

import torch

from spf_portrait.contract.base_info import SHARED_CLIP_FOLDER, BaseInfo
from spf_portrait.contract.bases import default_models_dir, known_bases, survey_bases
from spf_portrait.contract.errors import ModelError
from spf_portrait.running.versions import library_versions


def examine(models_dir: Path | None = None) -> dict[str, Any]:
    """Everything worth knowing before a training, ready for JSON; `problems` is empty when all is well."""
    bases, problems = _bases(models_dir or default_models_dir())
    return {
        "device": _device(),
        "cpu_cores": os.cpu_count(),
        "memory_gib": _memory_gib(),
        "system": platform.platform(terse=True),
        "libraries": library_versions(),
        "bases": bases,
        "problems": problems,
    }


def _device() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"


def _memory_gib() -> float:
    """Physical memory."""
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


def _bases(models_dir: Path) -> tuple[dict[str, list[str]], list[str]]:
    """Parts found by base model, and problems in words."""
    try:
        infos = known_bases(models_dir)
    except ModelError as error:
        return {}, [str(error)]
    damaged = [str(problem) for problem in survey_bases(models_dir).problems.values()]
    lacking = [key for key, info in infos.items() if info.clip is None]
    hint = f"has no CLIP ({SHARED_CLIP_FOLDER} in the models folder): it trains with losses.enhancement=false only"
    found = {key: _parts(info) for key, info in infos.items()}
    return found, [*damaged, *(f"The base model {key} {hint}." for key in lacking)]


def _parts(info: BaseInfo) -> list[str]:
    """Folders of a base model; the name of a single file; nothing for what a hub still has to give."""
    if not info.path.is_dir():
        return [info.path.name] if info.path.is_file() else []
    return sorted(part.name for part in info.path.iterdir() if part.is_dir() and not part.name.startswith("."))
