"""What methods and presets stand for: the settings that one word chooses for a base model."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from spf_portrait.contract.bases import find_base
from spf_portrait.contract.methods import Method
from spf_portrait.contract.preset_table import AMOUNTS, AdapterKind, Preset, PresetFamily, learning_rate_of

_BUNDLED: Final = "pico"
_SMALL_PX: Final = 256
"""A base whose pictures are smaller than this is as small as pico, whatever its family."""
FINE_TUNING: Final[Mapping[str, Any]] = MappingProxyType({"learning_rate_end": 1.0})
"""What every method but SPF sets, so that all of them have one budget."""
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


def preset_family(base: str, models_dir: Path | None = None) -> PresetFamily:
    """Whose presets suit a base model: its family's, or pico's if it is as small.

    Args:
        base: Its key.
        models_dir: Folder of the base models; None for the default.

    Raises:
        ModelError: There is no such base.
    """
    if base == _BUNDLED:
        return "pico"
    info = find_base(base, models_dir)
    return "pico" if info.image_size_px < _SMALL_PX else info.family


def preset_values(family: PresetFamily, preset: Preset, method: Method, adapter: AdapterKind | None) -> dict[str, Any]:
    """Settings of a preset, with the learning rate that suits what trains, and those that the method sets."""
    learning_rate = learning_rate_of(family, preset, adapter or own_adapter_kind(method))
    return {**asdict(AMOUNTS[family][preset]), "learning_rate": learning_rate, **_of_method(method)}


def _of_method(method: Method) -> Mapping[str, Any]:
    if method == "spf-paper":
        return SPF_PAPER
    return {} if method == "spf" else FINE_TUNING
