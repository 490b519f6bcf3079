"""bases.toml in the models folder: base models that lie elsewhere, or in a model hub.

    [sd15]
    path = "/data/checkpoints/v1-5-pruned-emaonly.safetensors"
    title = "Stable Diffusion 1.5"

    [sdxl]
    hub = "stabilityai/stable-diffusion-xl-base-1.0"
    revision = "0123456789abcdef0123456789abcdef01234567"
    family = "sdxl"

Whoever runs the machine writes this file; users choose one of its keys.
"""

import tomllib
from pathlib import Path
from typing import Any, Final, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spf_portrait.contract.base_files import describe_checkpoint
from spf_portrait.contract.base_folders import describe_folder
from spf_portrait.contract.base_info import IMAGE_SIZE_PX, BaseInfo, FamilyKey, HubSource
from spf_portrait.contract.errors import ModelError

BASE_LIST: Final = "bases.toml"
HUB_FOLDER: Final = ".hub"
"""In the models folder: what was fetched from a hub, a folder for each commit."""


class _Entry(BaseModel):
    """One table of bases.toml: either `path`, or `hub` with `revision` and `family`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path | None = None
    hub: str | None = None
    revision: str | None = None
    family: FamilyKey | None = None
    title: str | None = Field(default=None, min_length=1, max_length=120)
    clip: Path | None = None
    prediction: Literal["epsilon", "v_prediction"] | None = None
    image_size_px: int | None = Field(default=None, ge=32, le=2048)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.path is None) == (self.hub is None):
            raise ValueError("give either path or hub")
        if self.hub is not None and (self.revision is None or self.family is None):
            raise ValueError("hub needs revision, the 40 hexadecimal digits of a commit, and family")
        return self


def listed_tables(models_dir: Path) -> dict[str, Any]:
    """The tables of bases.toml by their key; nothing without that file.

    Raises:
        ModelError: The file cannot be read.
    """
    file = models_dir / BASE_LIST
    if not file.is_file():
        return {}
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _bad_list(file, f"an unreadable list ({error})") from error


def describe_listed(models_dir: Path, key: str, table: Any) -> BaseInfo:
    """The base model that one table names. Relative paths start at the models folder.

    Raises:
        ModelError: The table, or what it names, cannot be used.
    """
    try:
        entry = _Entry.model_validate(table)
        info = _from_hub(models_dir, key, entry) if entry.path is None else _from_path(models_dir / entry.path, key)
        chosen = {
            "title": entry.title,
            "clip": None if entry.clip is None else models_dir / entry.clip,
            "prediction": entry.prediction,
            "image_size_px": entry.image_size_px,
        }
        told = {name: value for name, value in chosen.items() if value is not None}
        return BaseInfo.model_validate({**info.model_dump(), **told})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _bad_list(models_dir / BASE_LIST, f"[{key}] {where}: {first['msg']}") from error


def _from_path(path: Path, key: str) -> BaseInfo:
    if path.is_file():
        return describe_checkpoint(path, key)
    info = describe_folder(path, key)
    if info is None:
        raise ModelError(
            "unsupported_family",
            f"{path}, listed as [{key}], with another pipeline",
            "a folder of Stable Diffusion 1.x, 2.x, XL or 3",
            f"Correct the path in {BASE_LIST}",
        )
    return info


def _from_hub(models_dir: Path, key: str, entry: _Entry) -> BaseInfo:
    source = HubSource.model_validate({"repository": entry.hub, "revision": entry.revision})
    family = cast("FamilyKey", entry.family)
    return BaseInfo(
        key=key,
        path=models_dir / HUB_FOLDER / f"{source.repository.replace('/', '--')}-{source.revision}",
        family=family,
        image_size_px=IMAGE_SIZE_PX[family],
        title=source.repository,
        hub=source,
    )


def _bad_list(file: Path, found: str) -> ModelError:
    return ModelError(
        "bad_base_list",
        f"{found} in {file}",
        "tables [key] with path, or with hub, revision (40 hexadecimal digits) and family; if wanted title, clip, "
        "prediction, image_size_px",
        f"Correct {file.name}",
    )
