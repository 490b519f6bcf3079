"""Which settings of a training belong together, for people who look through all of them."""

from __future__ import annotations

from typing import Final

from spf_portrait.contract.training_spec import TrainingChoice, TrainingSpec

_GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Length and size": ("stage1_steps", "stage2_steps", "batch_size", "accumulation", "image_size_px", "seed"),
    "Learning rate": ("learning_rate", "warmup_steps", "learning_rate_end"),
    "What trains": ("adapter", "layers", "rank"),
    "Weights of the losses": (
        "w_denoise",
        "w_text_consistent",
        "w_fine_grained",
        "w_prediction_anchor",
        "w_base_anchor",
        "w_enhancement",
    ),
    "How the losses are taken": (
        "masked_denoising",
        "aligned_layers",
        "enhancement_form",
        "enhancement_min_snr_db",
    ),
    "Parts of the method": ("losses",),
    "Control map": (
        "control_map_gain",
        "control_map_subtraction",
        "control_map_distances",
        "control_map_looks",
        "control_map_from",
        "control_map_to",
        "control_map_min_snr_db",
    ),
    "What both paths look at": ("states", "grown_by", "grown_steps", "denoise_every"),
    "Prior preservation": ("preservation",),
    "Methods for comparison": ("rivals",),
    "Precision and memory": ("precision", "gradient_checkpointing"),
    "Looking and saving along the way": (
        "validate_every",
        "preview_every",
        "preview_count",
        "checkpoint_every",
        "keep_checkpoints",
    ),
}
_ELSEWHERE: Final = frozenset({*TrainingChoice.model_fields, "export_checkpoints"}) - {"adapter"}
"""What a form asks before all else; and adapters of single checkpoints, which the studio publishes nowhere."""


def setting_groups() -> dict[str, tuple[str, ...]]:
    """Names of settings by the title of their group; one that is in none comes last, so that none is ever missing."""
    placed = {name for names in _GROUPS.values() for name in names}
    new = tuple(name for name in TrainingSpec.model_fields if name not in placed | _ELSEWHERE)
    return {**_GROUPS, **({"More": new} if new else {})}
