"""Base models in one .safetensors file, as A1111 and ComfyUI keep them. Only the header is read: names, no weights."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

from spf_portrait.contract.base_errors import damaged
from spf_portrait.contract.base_info import IMAGE_SIZE_PX, BaseInfo, FamilyKey
from spf_portrait.contract.errors import ModelError

SUFFIX: Final = ".safetensors"
_LENGTH_BYTES: Final = 8
_MOST_HEADER_BYTES: Final = 100_000_000
"""As the safetensors library allows."""
_NETWORK: Final = "model.diffusion_model."
_LATENT_CHANNELS: Final = 4

_TEXT_ENCODERS: Final[dict[FamilyKey, tuple[str, ...]]] = {
    "sdxl": ("conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."),
    "sd2": ("cond_stage_model.model.",),
    "sd1": ("cond_stage_model.transformer.",),
}
"""How the names of each family's text encoders begin."""
_AUTOENCODER: Final = "first_stage_model."


@dataclass(frozen=True)
class Header:
    """What a .safetensors file says about itself.

    Attributes:
        shapes: Shape of every tensor by its name.
        metadata: Free texts.
    """

    shapes: dict[str, tuple[int, ...]]
    metadata: dict[str, str]


def describe_file(file: Path, key: str) -> BaseInfo | None:
    """Read a file's header; None when it is no whole model of a known family, such as a LoRA or a bare VAE.

    Raises:
        ModelError: It is no .safetensors file.
    """
    header = read_header(file)
    family = family_of(header)
    if family is None:
        return None
    return BaseInfo(
        key=key,
        path=file,
        family=family,
        image_size_px=IMAGE_SIZE_PX[family],
        title=header.metadata.get("modelspec.title") or key,
        prediction=_prediction(header, family),
        zero_snr="ztsnr" in header.shapes,
    )


def describe_checkpoint(file: Path, key: str) -> BaseInfo:
    """As `describe_file`, for a file that somebody named as a base model.

    Raises:
        ModelError: It is none; the message says what is missing.
    """
    info = describe_file(file, key)
    if info is None:
        raise ModelError(
            "no_whole_model",
            f"{file}, which lacks {_lacking(read_header(file))}",
            "a whole checkpoint of Stable Diffusion 1.x, 2.x or XL: U-Net, autoencoder and text encoders in one file",
            "Take the full checkpoint rather than its parts. Stable Diffusion 3 works as a folder in diffusers layout; "
            "inpainting models and refiners do not work",
        )
    return info


def key_of(file: Path) -> str:
    """A key made of a file's name."""
    return re.sub(r"[^a-z0-9._-]+", "-", file.stem.lower())[:40]


def family_of(header: Header) -> FamilyKey | None:
    """By the names of the tensors; None if a part is missing or takes more than noised latents."""
    if _lacking(header):
        return None
    return _family_of_encoders(header)


def read_header(file: Path) -> Header:
    """The first bytes: the header's length as a little-endian number, then JSON.

    Raises:
        ModelError: It is no .safetensors file.
    """
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(_LENGTH_BYTES), "little")
            if not 0 < length <= min(_MOST_HEADER_BYTES, file.stat().st_size):
                raise ValueError(f"a header of {length} bytes")
            content: dict[str, Any] = json.loads(opened.read(length))
            metadata = cast("dict[str, str]", content.pop("__metadata__", {}))
            return Header({name: tuple(entry["shape"]) for name, entry in content.items()}, metadata)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise damaged(file, f"no .safetensors file ({error})") from error


def _lacking(header: Header) -> str:
    """The first thing that a whole model needs and this file lacks, in words; empty when it is whole."""
    if not _has(header, _NETWORK):
        return "a denoising network"
    if not _has(header, _AUTOENCODER):
        return "an autoencoder"
    if _family_of_encoders(header) is None:
        return "the text encoders of Stable Diffusion 1.x, 2.x or XL (base)"
    first = header.shapes.get(_NETWORK + "input_blocks.0.0.weight", (0, _LATENT_CHANNELS))
    return "" if first[1] == _LATENT_CHANNELS else "a network that takes latents alone: this one is for inpainting"


def _family_of_encoders(header: Header) -> FamilyKey | None:
    for family, prefixes in _TEXT_ENCODERS.items():
        if all(_has(header, prefix) for prefix in prefixes):
            return family
    return None


def _has(header: Header, prefix: str) -> bool:
    return any(name.startswith(prefix) for name in header.shapes)


def _prediction(header: Header, family: FamilyKey) -> Literal["epsilon", "v_prediction"] | None:
    """As ModelSpec's header or the marker tensors of newer tools say; else ε, except for 2.x, which has both."""
    told = header.metadata.get("modelspec.prediction_type")
    if told in ("v", "v_prediction", "v-prediction") or "v_pred" in header.shapes:
        return "v_prediction"
    if told == "epsilon" or family in ("sd1", "sdxl"):
        return "epsilon"
    return None
