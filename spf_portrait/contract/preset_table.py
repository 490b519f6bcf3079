"""What the presets set for each family of base models.

Pico's were measured (docs/experiments.md). The others are the field's custom and not measured here: LoRA at 1e-4, at
half of that for Stable Diffusion 3, behind a short warm-up; four pictures a step, one after the other where they are
large.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from spf_portrait.contract.base_info import FamilyKey

Preset = Literal["quick", "standard", "thorough"]
AdapterKind = Literal["lora", "cross_attention", "whole_network"]
PresetFamily = Literal["pico"] | FamilyKey


@dataclass(frozen=True)
class Amounts:
    """How much of everything; the fields are those of a training's specification."""

    stage1_steps: int
    stage2_steps: int
    warmup_steps: int
    batch_size: int
    rank: int
    accumulation: int = 1


@dataclass(frozen=True)
class LearningRates:
    """By what trains. In whole matrices every weight takes a step of its own, so their steps are smaller."""

    lora: float
    cross_attention: float
    whole_network: float


_PICO: Final[Mapping[Preset, Amounts]] = MappingProxyType(
    {
        "quick": Amounts(stage1_steps=100, stage2_steps=300, warmup_steps=0, batch_size=4, rank=8),
        "standard": Amounts(stage1_steps=100, stage2_steps=900, warmup_steps=0, batch_size=4, rank=8),
        "thorough": Amounts(stage1_steps=200, stage2_steps=1800, warmup_steps=0, batch_size=8, rank=16),
    }
)
_SD1: Final[Mapping[Preset, Amounts]] = MappingProxyType(
    {
        "quick": Amounts(stage1_steps=100, stage2_steps=400, warmup_steps=25, batch_size=4, rank=8),
        "standard": Amounts(stage1_steps=200, stage2_steps=1000, warmup_steps=50, batch_size=4, rank=16),
        "thorough": Amounts(stage1_steps=400, stage2_steps=2000, warmup_steps=100, batch_size=8, rank=32),
    }
)
_LARGE_PICTURES: Final[Mapping[Preset, Amounts]] = MappingProxyType(
    {
        "quick": Amounts(stage1_steps=100, stage2_steps=400, warmup_steps=25, batch_size=1, accumulation=4, rank=8),
        "standard": Amounts(
            stage1_steps=200, stage2_steps=1000, warmup_steps=50, batch_size=1, accumulation=4, rank=16
        ),
        "thorough": Amounts(
            stage1_steps=400, stage2_steps=2000, warmup_steps=100, batch_size=1, accumulation=8, rank=32
        ),
    }
)
"""Of 768 px and more."""
AMOUNTS: Final[Mapping[PresetFamily, Mapping[Preset, Amounts]]] = MappingProxyType(
    {"pico": _PICO, "sd1": _SD1, "sd2": _LARGE_PICTURES, "sdxl": _LARGE_PICTURES, "sd3": _LARGE_PICTURES}
)

_LEARNING_RATES: Final[Mapping[PresetFamily, LearningRates]] = MappingProxyType(
    {
        "pico": LearningRates(lora=2e-3, cross_attention=3e-4, whole_network=1e-4),
        "sd1": LearningRates(lora=1e-4, cross_attention=1e-5, whole_network=5e-6),
        "sd2": LearningRates(lora=1e-4, cross_attention=1e-5, whole_network=5e-6),
        "sdxl": LearningRates(lora=1e-4, cross_attention=1e-5, whole_network=2e-6),
        "sd3": LearningRates(lora=5e-5, cross_attention=5e-6, whole_network=2e-6),
    }
)
_PICO_THOROUGH: Final = LearningRates(lora=1e-3, cross_attention=1.5e-4, whole_network=1e-4)


def learning_rate_of(family: PresetFamily, preset: Preset, kind: AdapterKind) -> float:
    """η of a preset; pico's long training takes smaller steps of larger batches."""
    rates = _PICO_THOROUGH if (family, preset) == ("pico", "thorough") else _LEARNING_RATES[family]
    return float(getattr(rates, kind))
