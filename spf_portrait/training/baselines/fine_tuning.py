"""Plain LoRA and naive fine-tuning: denoising on complete captions for as many steps as SPF's two stages together.

They differ in what trains: LoRA beside self- and cross-attention, as in diffusers' own example, or every weight.
"""

from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.method.training_set import TrainingRows
from spf_portrait.models.base_model import BaseModel
from spf_portrait.training.stages import Stage, denoising


def stages(base: BaseModel, rows: TrainingRows, spec: TrainingSpec) -> tuple[Stage, Stage]:
    """Two stages of the same kind, so that progress reads as it does for SPF."""
    return (
        denoising(base, rows, "stage1", spec.stage1_steps, spec.batch_size),
        denoising(base, rows, "stage2", spec.stage2_steps, spec.batch_size),
    )
