"""The pictures of a grid before they are drawn: where each goes, what it shows, and whether it is there already."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spf_portrait.contract.artifacts import grid_picture_name
from spf_portrait.contract.grid import GridSpec
from spf_portrait.contract.hold import Hold
from spf_portrait.drawing.pictures import read_settings
from spf_portrait.method.prompts import reference_prompt, response_prompt
from spf_portrait.models.base_model import BaseModel
from spf_portrait.models.fingerprint import base_fingerprint
from spf_portrait.running.versions import library_versions


@dataclass(frozen=True)
class GridPicture:
    """One cell.

    Attributes:
        prompt: Index of its prompt.
        column: Index of its column; 0 is the original model.
        seed: Of its noise.
        text: What the text encoders get.
        name: Of its file, relative to the grid's folder.
        settings: All that decides what it looks like; two pictures of the same settings are one picture.
        hold: How the rest of it is held; None if it is not.
    """

    prompt: int
    column: int
    seed: int
    text: str
    name: str
    settings: dict[str, Any]
    hold: Hold | None


def shared_settings(spec: GridSpec, base: BaseModel) -> dict[str, Any]:
    """What all pictures of a grid have in common; `base` is without adapter."""
    return {
        "base": spec.base,
        "base_fingerprint": base_fingerprint(base),
        "scheduler": type(base.scheduler).__name__,
        "steps": spec.steps,
        "guidance_scale": spec.guidance_scale,
        "device": base.device.type,
        "libraries": library_versions(),
    }


def planned(
    spec: GridSpec, base: BaseModel, shared: dict[str, Any], adapters_sha256: Sequence[str]
) -> list[GridPicture]:
    """All pictures, column by column, in each prompt by prompt and seed by seed.

    Args:
        spec: What is ordered.
        base: Cuts texts into tokens.
        shared: From `shared_settings`.
        adapters_sha256: Of the adapters' files, in their order.

    Raises:
        DataError: A prompt is no caption or has too many tokens.
    """
    uses = zip(adapters_sha256, (use.strength for use in spec.adapters), strict=True)
    changes: list[tuple[str | None, float | None]] = [(None, None), *uses]
    return [
        GridPicture(
            prompt,
            column,
            seed,
            text,
            grid_picture_name(prompt, seed, name),
            {**shared, "prompt": text, "seed": seed, "adapter_sha256": sha256, "strength": strength}
            | _hold_settings(_hold(spec, column)),
            _hold(spec, column),
        )
        for column, (name, (sha256, strength)) in enumerate(zip(spec.columns, changes, strict=True))
        for prompt, text in enumerate(_texts(spec, base, with_target=column > 0))
        for seed in spec.seeds
    ]


def is_drawn(out: Path, picture: GridPicture) -> bool:
    """Whether an earlier run left this very picture."""
    return read_settings(out / picture.name) == picture.settings


def file_sha256(file: Path) -> str:
    """Of a whole file, in hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _hold(spec: GridSpec, column: int) -> Hold | None:
    """None in the original model's column, where there is nothing to hold."""
    return spec.hold if column > 0 else None


def _hold_settings(hold: Hold | None) -> dict[str, Any]:
    """None for no hold: such a picture is the same as in a grid that holds in other columns."""
    return {} if hold is None else {"hold": hold.model_dump(mode="json")}


def _texts(spec: GridSpec, base: BaseModel, *, with_target: bool) -> list[str]:
    read = response_prompt if with_target else reference_prompt
    return [read(base.text_axis, caption, len(caption.base)).text for caption in spec.captions]
