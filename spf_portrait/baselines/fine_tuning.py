"""Plain LoRA: denoising on complete captions for as many steps as SPF's two stages have together.

Self- and cross-attention are adapted, as in diffusers' own example of LoRA training.
"""

from typing import Final

from spf_portrait.adapter import ALL_ATTENTION
from spf_portrait.base_model import BaseModel
from spf_portrait.contract.jobs import TrainingSpec
from spf_portrait.stages import Stage, fine_tuning
from spf_portrait.training_set import TrainingRows

TARGETS: Final = ALL_ATTENTION


def stages(base: BaseModel, rows: TrainingRows, spec: TrainingSpec) -> tuple[Stage, Stage]:
    """Two stages of the same kind, so that progress reads as it does for SPF."""
    return (
        fine_tuning(base, rows, "stage1", spec.stage1_steps),
        fine_tuning(base, rows, "stage2", spec.stage2_steps),
    )
