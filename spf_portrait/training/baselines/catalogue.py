"""Which stages a method for comparison has."""

from collections.abc import Callable, Mapping
from typing import Final

from spf_portrait.contract.methods import Method
from spf_portrait.training.baselines import (
    adalora,
    concept_slider,
    fine_tuning,
    output_preservation,
    purecc,
    tokencompose,
    weight_l2,
)
from spf_portrait.training.baselines.material import Material
from spf_portrait.training.stages import Stage

STAGES: Final[Mapping[Method, Callable[[Material], tuple[Stage, Stage]]]] = {
    "lora": fine_tuning.stages,
    "naive": fine_tuning.stages,
    "weight-l2": weight_l2.stages,
    "adalora": adalora.stages,
    "tokencompose": tokencompose.stages,
    "output-preservation": output_preservation.stages,
    "purecc": purecc.stages,
    "concept-slider": concept_slider.stages,
}
"""All methods but SPF's own two."""
