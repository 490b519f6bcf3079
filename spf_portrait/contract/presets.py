"""What can be chosen by one word: methods, presets, and the settings that these stand for."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

Method = Literal["spf", "spf-paper", "lora", "naive"]
Preset = Literal["quick", "standard", "thorough"]
AdapterKind = Literal["lora", "cross_attention", "whole_network"]

PRESETS: Final[Mapping[Preset, Mapping[str, int | float]]] = MappingProxyType(
    {
        "quick": {
            "stage1_steps": 100,
            "stage2_steps": 300,
            "batch_size": 4,
            "rank": 8,
            "learning_rate": 2e-3,
        },
        "standard": {
            "stage1_steps": 100,
            "stage2_steps": 900,
            "batch_size": 4,
            "rank": 8,
            "learning_rate": 2e-3,
        },
        "thorough": {
            "stage1_steps": 200,
            "stage2_steps": 1800,
            "batch_size": 8,
            "rank": 16,
            "learning_rate": 1e-3,
        },
    }
)


CROSS_ATTENTION_LEARNING_RATE: Final[Mapping[Preset, float]] = MappingProxyType(
    {"quick": 3e-4, "standard": 3e-4, "thorough": 1.5e-4}
)
"""The presets' learning rate for whole matrices: every weight takes a step of its own, so the steps are smaller."""
WHOLE_NETWORK_LEARNING_RATE: Final = 1e-4
"""Every preset's, where all weights train."""
FINE_TUNING: Final[Mapping[str, Any]] = MappingProxyType({"learning_rate_end": 1.0})
"""What the methods that only fine-tune set."""
SPF_PAPER: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "states": "grown",
        "enhancement_form": "exemplar",
        "control_map_gain": 1.0,
        "control_map_subtraction": "sum",
        "control_map_looks": 0,
        "w_text_consistent": 0.02,
        "w_fine_grained": 1.0,
        "w_enhancement": 0.3,
        "w_prediction_anchor": 0.0,
        "w_base_anchor": 0.0,
        "w_denoise": 1.0,
        "masked_denoising": False,
        "enhancement_min_snr_db": -5.0,
        "learning_rate_end": 1.0,
        "preservation": {"share": 0.0},
    }
)
"""What method spf-paper sets: the paper's figure read word by word, see ARCHITECTURE.md. It is frozen."""


def own_adapter_kind(method: Method) -> AdapterKind:
    """What trains, unless another kind is ordered."""
    return "whole_network" if method == "naive" else "lora"


def preset_values(preset: Preset, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a preset, with the learning rate that suits what trains, and those that the method sets."""
    values: dict[str, Any] = {**PRESETS.get(preset, {})}
    kind = overrides.get("adapter") or own_adapter_kind(overrides.get("method", "spf"))
    if kind == "whole_network":
        values["learning_rate"] = WHOLE_NETWORK_LEARNING_RATE
    elif kind == "cross_attention" and preset in CROSS_ATTENTION_LEARNING_RATE:
        values["learning_rate"] = CROSS_ATTENTION_LEARNING_RATE[preset]
    return {**values, **_of_method(overrides.get("method", "spf"))}


def _of_method(method: Method) -> Mapping[str, Any]:
    if method == "spf-paper":
        return SPF_PAPER
    return FINE_TUNING if method in ("lora", "naive") else {}
