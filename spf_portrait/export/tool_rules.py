"""Which tools load an adapter, told by their rules as data. No tool is run, and none of their code is here.

The rules are those of ComfyUI (comfy/lora.py, comfy/weight_adapter/lora.py), A1111 (extensions-builtin/Lora) and
InvokeAI (backend/model_manager/configs/lora.py), read in November 2026.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from torch import Tensor

from spf_portrait.contract.base_info import FamilyKey

Tool = Literal["diffusers", "comfyui", "a1111", "invokeai"]
Layout = Literal["kohya", "kohya_ldm", "diffusers"]
"""Kohya's module names after diffusers' blocks or after those of the original LDM code; or diffusers' own."""

COMFYUI_SUFFIXES: Final = (
    (".lora_down.weight", ".lora_up.weight"),
    ("_lora.down.weight", "_lora.up.weight"),
    (".lora.down.weight", ".lora.up.weight"),
    (".lora_A.weight", ".lora_B.weight"),
    (".lora_A.default.weight", ".lora_B.default.weight"),
    (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
)
"""How the names of both factors may end; `.alpha` may stand beside them."""
ALPHA: Final = ".alpha"
INVOKEAI_WIDTHS: Final[Mapping[int, FamilyKey]] = {768: "sd1", 1024: "sd2", 1280: "sdxl", 2048: "sdxl"}
"""The family that InvokeAI concludes from the width of what cross-attention's keys and values read."""
A1111_VERSIONS: Final[Mapping[FamilyKey, str]] = {"sd1": "SD1", "sd2": "SD2", "sdxl": "SDXL"}
"""A1111's names of the families that its LoRA filter knows."""
READS_TEXT: Final = re.compile(r".*(attn2_to|\.attn\.add)_[kv](_proj)?")
"""Module names of cross-attention's keys and values, in both layouts."""
_LAYER: Final = r"_attn[12]_to_(q|k|v|out_0)"
_SD1: Final = (
    r"lora_unet_(down_blocks_[0-2]_attentions_[01]|mid_block_attentions_0|up_blocks_[1-3]_attentions_[0-2])"
    rf"_transformer_blocks_0{_LAYER}"
)
_SDXL: Final = (
    r"lora_unet_((input_blocks_[45]|output_blocks_[345])_1_transformer_blocks_[01]"
    rf"|(input_blocks_[78]_1|middle_block_1|output_blocks_[012]_1)_transformer_blocks_\d){_LAYER}"
)
_SD3: Final = (
    r"transformer\.transformer_blocks\.\d+\.attn"
    r"\.(to_q|to_k|to_v|to_out\.0|add_q_proj|add_k_proj|add_v_proj|to_add_out)"
)


@dataclass(frozen=True)
class FamilyRules:
    """How other tools know a family's published models.

    Attributes:
        layout: Of the single file.
        modules: Names of the attention modules that ComfyUI's and A1111's key maps hold.
        text_widths: Of what keys and values read.
        tools: Which of them load an adapter of such a model from a single file.
    """

    layout: Layout
    modules: str
    text_widths: tuple[int, ...]
    tools: tuple[Tool, ...]


_ALL: Final[tuple[Tool, ...]] = ("diffusers", "comfyui", "a1111", "invokeai")
RULES: Final[Mapping[FamilyKey, FamilyRules]] = {
    "sd1": FamilyRules("kohya", _SD1, (768,), _ALL),
    "sd2": FamilyRules("kohya", _SD1, (1024,), _ALL),
    "sdxl": FamilyRules("kohya_ldm", _SDXL, (2048,), _ALL),
    "sd3": FamilyRules("diffusers", _SD3, (1536, 2432), ("diffusers", "comfyui")),
}
"""Kohya's tools train SD3 on fused query-key-value matrices, so that separate ones have no name there."""


@dataclass(frozen=True)
class Reach:
    """Which tools load a file, and why not the others.

    Attributes:
        tools: By the rules.
        reason: Empty if all that know the family do.
    """

    tools: tuple[Tool, ...]
    reason: str = ""


def reach(family: FamilyKey, tensors: Mapping[str, Tensor]) -> Reach:
    """Who loads a file of the family's layout.

    Args:
        family: Of the base model.
        tensors: Of the single file.
    """
    rules = RULES[family]
    widths = {int(tensors[key].shape[1]) for key in tensors if _reads_text(key)}
    if not widths <= set(rules.text_widths):
        known = " or ".join(map(str, rules.text_widths))
        found = " and ".join(map(str, sorted(widths)))
        return Reach(("diffusers",), f"keys and values read text of width {found}, not {known} as published models do")
    if unknown := sorted(name for name in modules_of(tensors) if not re.fullmatch(rules.modules, name)):
        return Reach(("diffusers",), f"{unknown[0]} is no module of the family's published models")
    guesses = {INVOKEAI_WIDTHS.get(width) for width in widths}
    return Reach(tuple(tool for tool in rules.tools if tool != "invokeai" or guesses == {family}))


def unmatched_keys(keys: Iterable[str]) -> list[str]:
    """Keys that ComfyUI would leave over: another ending, or one factor without the other."""
    names = set(keys)
    return sorted(key for key in names if not _has_partner(key, names))


def modules_of(keys: Iterable[str]) -> set[str]:
    """Module names, by either of the layouts that we write."""
    return {re.sub(r"\.(lora_(down|up|A|B)\.weight|alpha)$", "", key) for key in keys}


def a1111_version(header: Mapping[str, str]) -> str:
    """The family that A1111's filter concludes from a header."""
    if header.get("ss_base_model_version", "").startswith("sdxl_"):
        return "SDXL"
    return "SD2" if header.get("ss_v2") == "True" else "SD1" if header else "Unknown"


def _has_partner(key: str, names: set[str]) -> bool:
    stems = [(key.removesuffix(one), other) for pair in COMFYUI_SUFFIXES for one, other in (pair, pair[::-1])]
    if key.endswith(ALPHA):
        return any(key.removesuffix(ALPHA) + down in names for down, _ in COMFYUI_SUFFIXES)
    return any(stem != key and stem + other in names for stem, other in stems)


def _reads_text(key: str) -> bool:
    name = re.sub(r"\.lora_(down|A)\.weight$", "", key)
    return name != key and READS_TEXT.fullmatch(name) is not None
