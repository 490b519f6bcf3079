"""The adapter: LoRA weights on a U-Net's attention. ΔW = up · down, since alpha = rank.

Off means off: with adapters disabled the U-Net computes exactly what it did before one was attached. So the frozen
reference path and the tuned response path are one set of weights.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from spf_portrait.contract.errors import ModelError
from spf_portrait.untyped import peft, safetensors, safetensors_torch

CROSS_ATTENTION: Final = r".*attn2\.(to_q|to_k|to_v|to_out\.0)"
"""What SPF trains."""
ALL_ATTENTION: Final = r".*attn[12]\.(to_q|to_k|to_v|to_out\.0)"
"""What plain LoRA trains, as in diffusers' own example."""
NAME: Final = "default"
PREFIX: Final = "lora_unet_"

Deltas = dict[str, tuple[Tensor, Tensor]]
"""Module path in the U-Net → (down [rank, inputs], up [outputs, rank])."""


def attach_adapter(unet: nn.Module, rank: int, targets: str, seed: int = 0) -> None:
    """Add an adapter that changes nothing yet (up = 0).

    Args:
        unet: UNet2DConditionModel without adapter.
        rank: Inner dimension of every update.
        targets: Regular expression over module paths.
        seed: Of the starting values of `down`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = peft.LoraConfig(r=rank, lora_alpha=rank, target_modules=targets)
        cast("Any", unet).add_adapter(config, NAME)


def adapter_parameters(unet: nn.Module) -> list[nn.Parameter]:
    """What trains, in a fixed order."""
    return [parameter for name, parameter in unet.named_parameters() if ".lora_" in name]


def adapter_deltas(unet: nn.Module) -> Deltas:
    """The adapter's weights by module path; views, not copies."""
    return {path: (layer.lora_A[NAME].weight, layer.lora_B[NAME].weight) for path, layer in lora_layers(unet)}


def lora_layers(unet: nn.Module) -> list[tuple[str, Any]]:
    """Every adapted layer with its module path."""
    modules: list[tuple[str, Any]] = list(cast("Any", unet).named_modules())
    return [(path, module) for path, module in modules if isinstance(module, peft.tuners.lora.LoraLayer)]


@contextmanager
def adapter_off(unet: nn.Module) -> Generator[None]:
    """The original model for a while. Never open between a response's forward and its backward pass."""
    if not has_adapter(unet):
        yield
        return
    cast("Any", unet).disable_adapters()
    try:
        yield
    finally:
        cast("Any", unet).enable_adapters()


def has_adapter(unet: nn.Module) -> bool:
    """Whether one was attached."""
    return bool(lora_layers(unet))


def set_strength(unet: nn.Module, strength: float) -> None:
    """Multiply ΔW: 0 is the original model, 1 the adapter as trained."""
    cast("Any", unet).set_adapters(NAME, weights=strength)


def load_adapter(unet: nn.Module, file: Path) -> dict[str, str]:
    """Attach an adapter from a kohya-named file.

    Args:
        unet: UNet2DConditionModel without adapter.
        file: What `export` wrote, or any LoRA of one rank in the same naming.

    Returns:
        The file's metadata.

    Raises:
        ModelError: Not such a file, or made for another base model.
    """
    deltas, metadata = _read(unet, file)
    ranks = {down.shape[0] for down, _ in deltas.values()}
    if len(ranks) != 1:
        raise _unusable(file, f"ranks {sorted(ranks)}", "one rank in all modules")
    wanted = "|".join(path.replace(".", r"\.") for path in deltas)
    attach_adapter(unet, ranks.pop(), f"({wanted})")
    with torch.no_grad():
        for path, (down, up) in adapter_deltas(unet).items():
            _fill(down, deltas[path][0], file, path)
            _fill(up, deltas[path][1], file, path)
    return metadata


@contextmanager
def adapter_loaded(unet: nn.Module, file: Path | None, strength: float) -> Generator[dict[str, str]]:
    """The tuned model for a while, at some strength; without a file the original one. Gives the file's metadata.

    Raises:
        ModelError: As `load_adapter`.
    """
    if file is None:
        yield {}
        return
    try:
        metadata = load_adapter(unet, file)
        set_strength(unet, strength)
        yield metadata
    finally:
        remove_adapter(unet)


def remove_adapter(unet: nn.Module) -> None:
    """Give the U-Net back the layers it had before one was attached."""
    if has_adapter(unet):
        cast("Any", unet).unload_lora()


def _read(unet: nn.Module, file: Path) -> tuple[Deltas, dict[str, str]]:
    """Weights by module path, the scale alpha/rank folded into `up`."""
    if not file.is_file():
        raise ModelError(
            "no_adapter", f"no adapter at {file}", "a .safetensors file", "Check the path given as --adapter"
        )
    modules: list[tuple[str, nn.Module]] = list(cast("Any", unet).named_modules())
    paths = {PREFIX + path.replace(".", "_"): path for path, module in modules if isinstance(module, nn.Linear)}
    try:
        tensors: dict[str, Tensor] = safetensors_torch.load_file(file)
        with safetensors.safe_open(file, framework="pt") as opened:
            metadata: dict[str, str] = opened.metadata() or {}
        names = {key.split(".")[0] for key in tensors}
        if not names or names - paths.keys():
            found = f"modules {sorted(names - paths.keys())[:3]}"
            raise _unusable(file, found, "modules of this base model's U-Net")
        return {paths[name]: _module(tensors, name) for name in sorted(names)}, metadata
    except (safetensors.SafetensorError, OSError, KeyError) as error:
        raise _unusable(file, f"an unreadable file ({error})", "a LoRA in safetensors with kohya's names") from error


def _module(tensors: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    down, up = (tensors[f"{name}.lora_{part}.weight"].float() for part in ("down", "up"))
    alpha = tensors.get(f"{name}.alpha")
    return down, up if alpha is None else up * (float(alpha) / down.shape[0])


def _fill(parameter: Tensor, value: Tensor, file: Path, path: str) -> None:
    if parameter.shape != value.shape:
        raise _unusable(file, f"{list(value.shape)} at {path}", f"{list(parameter.shape)}, as this base model has")
    parameter.copy_(value)


def _unusable(file: Path, found: str, allowed: str) -> ModelError:
    return ModelError(
        "unusable_adapter", f"{found} in {file}", allowed, "Choose the base model that the adapter was made for"
    )
