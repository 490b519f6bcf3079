"""Fetching a base model from a model hub: one commit, safetensors and configurations only, never code.

It goes into the models folder, and the hub is asked no more once everything is there.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from spf_portrait.contract.base_info import BaseInfo, HubSource
from spf_portrait.contract.base_list import BASE_LIST
from spf_portrait.contract.errors import ModelError
from spf_portrait.models.families.family import Family
from spf_portrait.running.untyped import huggingface_hub

_COMPLETE: Final = ".complete"
"""Written last, with the commit in it."""
_WEIGHTS: Final = ".safetensors"
_CONFIGURATIONS: Final = (".json", ".txt", ".model")
_HALF: Final = ".fp16"


def fetched(family: Family, info: BaseInfo, source: HubSource) -> Path:
    """The folder of a base model that comes from a hub; fetches what is missing.

    Raises:
        ModelError: The hub cannot be reached, or has no such model in safetensors.
    """
    mark = info.path / _COMPLETE
    if mark.is_file() and mark.read_text("utf-8").strip() == source.revision:
        return info.path
    try:
        listed: list[str] = huggingface_hub.HfApi().list_repo_files(source.repository, revision=source.revision)
        files = wanted_files(family, listed)
        huggingface_hub.snapshot_download(
            source.repository, revision=source.revision, local_dir=info.path, allow_patterns=files
        )
    except (OSError, ValueError) as error:
        raise _unreachable(info, source, str(error).strip().splitlines()[0]) from error
    mark.write_text(source.revision + "\n", "utf-8")
    return info.path


def wanted_files(family: Family, listed: Iterable[str]) -> list[str]:
    """Which files of a repository make up the model: each part's configuration, and its weights in full precision.

    Where a part has weights in half precision alone, these.

    Raises:
        ValueError: A part has no safetensors.
    """
    names = list(listed)
    needed = ["vae", family.network_name, *(files.model for files in family.encoders if not files.optional)]
    folders = ["scheduler", *needed, *(name for files in family.encoders for name in (files.model, files.tokenizer))]
    inside = [name for name in names if name.split("/")[0] in folders]
    weights = {part: _weights(inside, part) for part in folders}
    if bare := [part for part in needed if not weights[part]]:
        raise ValueError(f"no {_WEIGHTS} files in {' and '.join(bare)}")
    configurations = [name for name in inside if name.endswith(_CONFIGURATIONS)]
    return sorted({"model_index.json", *configurations, *(name for files in weights.values() for name in files)})


def _weights(names: list[str], part: str) -> list[str]:
    own = [name for name in names if name.startswith(f"{part}/") and name.endswith(_WEIGHTS)]
    full = [name for name in own if _HALF not in name and ".non_ema" not in name]
    return full or [name for name in own if _HALF in name]


def _unreachable(info: BaseInfo, source: HubSource, reason: str) -> ModelError:
    return ModelError(
        "not_fetched",
        f"no copy of {source.repository} at {source.revision} on this machine, and none to be had ({reason})",
        "the model's files, or a connection to the hub",
        f"Fetch it where there is a connection: hf download {source.repository} --revision {source.revision} "
        f"--local-dir {info.path}, and name that folder as path in {BASE_LIST}. A repository that asks for consent "
        "needs hf auth login first",
    )
