"""Plain LoRA and naive fine-tuning: denoising on complete captions for as many steps as SPF's two stages together.

They differ in what trains: LoRA beside self- and cross-attention, as in diffusers' own example, or every weight.
"""

from spf_portrait.training.baselines.material import Material
from spf_portrait.training.stages import Stage, denoising


def stages(on: Material) -> tuple[Stage, Stage]:
    """Two stages of the same kind, so that progress reads as it does for SPF."""
    base, rows, spec = on.base, on.rows, on.spec
    return (
        denoising(base, rows, "stage1", spec.stage1_steps, spec.batch_size),
        denoising(base, rows, "stage2", spec.stage2_steps, spec.batch_size),
    )
