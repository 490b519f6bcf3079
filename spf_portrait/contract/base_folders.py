"""Base models in diffusers layout: a folder with model_index.json."""

import json
from pathlib import Path
from typing import Final, cast

from spf_portrait.contract.base_errors import damaged
from spf_portrait.contract.base_info import BaseInfo, FamilyKey

MODEL_INDEX: Final = "model_index.json"
_FAMILIES: Final[dict[str, tuple[FamilyKey, str]]] = {
    "StableDiffusionPipeline": ("sd1", "unet"),
    "StableDiffusionXLPipeline": ("sdxl", "unet"),
    "StableDiffusion3Pipeline": ("sd3", "transformer"),
}
"""Pipeline → family, and the folder of its denoising network."""
_TEXT_WIDTH_OF_SD2: Final = 1024


def describe_folder(folder: Path, key: str) -> BaseInfo | None:
    """Read a model folder; None when it holds a pipeline of another kind.

    Raises:
        ModelError: A file is missing or damaged.
    """
    known = _FAMILIES.get(str(_read_json(folder / MODEL_INDEX).get("_class_name")))
    if known is None:
        return None
    family, network = known
    config = _read_json(folder / network / "config.json")
    if family == "sd1" and config.get("cross_attention_dim") == _TEXT_WIDTH_OF_SD2:
        family = "sd2"
    return BaseInfo(
        key=key, path=folder, family=family, image_size_px=_image_size_px(folder, config), title=_title(folder, key)
    )


def _image_size_px(folder: Path, network: dict[str, object]) -> int:
    """Latent cells a side, times the factor by which the autoencoder shrinks."""
    cells = network.get("sample_size")
    blocks = _read_json(folder / "vae" / "config.json").get("block_out_channels")
    if not isinstance(cells, int) or not isinstance(blocks, list):
        raise damaged(folder, "configurations without sample_size or block_out_channels")
    return cells * 2 ** (len(cast("list[int]", blocks)) - 1)


def _title(folder: Path, key: str) -> str:
    """First heading of the model card, or else the key."""
    card = folder / "README.md"
    lines = card.read_text("utf-8").splitlines() if card.is_file() else []
    return next((line[2:].strip() for line in lines if line.startswith("# ")), key)


def _read_json(path: Path) -> dict[str, object]:
    try:
        content: object = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise damaged(path, f"an unreadable file ({error})") from error
    if not isinstance(content, dict):
        raise damaged(path, "a file that is no JSON object")
    return cast("dict[str, object]", content)
