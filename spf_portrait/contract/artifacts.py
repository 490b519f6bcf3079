"""Names of the files that a training or a drawing leaves, and the exit codes of the engine."""

from typing import Final, Literal

ADAPTER: Final = "adapter.safetensors"
ADAPTER_NOTES: Final = "adapter.json"
"""What A1111 and InvokeAI show beside the adapter: its phrase and a description."""
ADAPTER_PICTURE: Final = "adapter.png"
DIFFUSERS_ADAPTER: Final = "diffusers/pytorch_lora_weights.safetensors"
REPORT: Final = "report.json"
LOSS_LOG: Final = "loss.jsonl"
"""A line for each step with its losses, and one for each validation."""

REFERENCE: Final = "reference.png"
RESPONSE: Final = "response.png"
RECONSTRUCTION: Final = "reconstruction.png"
"""The base text alone by the tuned model; the nearer to the reference, the less the adapter does unasked."""
CONTROL_MAP: Final = "control_map.png"
NOISE_DIFFERENCE: Final = "noise_difference.png"
HOLD_MAP: Final = "hold_map.png"
"""Only with a hold: white where the adapter drew, black where the original model did."""
SAMPLE: Final = "sample.json"

GRID: Final = "grid.json"
GRID_SHEET: Final = "grid.png"

EVALUATION: Final = "evaluation.json"
EVALUATION_SHEET: Final = "evaluation.png"

CHECKPOINT_MANIFEST: Final = "manifest.json"

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_PREEMPTED: Final = 75
"""Asked to stop: a checkpoint was written and a later run can go on from it (EX_TEMPFAIL of sysexits.h)."""


def attention_map_name(path: Literal["reference", "response"], phrase_index: int, timestep_index: int) -> str:
    """Where one phrase's attention at one recorded timestep is, relative to the comparison's folder."""
    return f"maps/{path}/{phrase_index:02d}_{timestep_index:02d}.png"


def layer_map_name(
    path: Literal["reference", "response"], layer_index: int, phrase_index: int, timestep_index: int
) -> str:
    """Where one phrase's attention in one layer at one recorded timestep is."""
    return f"maps/layers/{path}/{layer_index:02d}/{phrase_index:02d}_{timestep_index:02d}.png"


def attention_difference_name(phrase_index: int, timestep_index: int) -> str:
    """Where the difference between the paths in their attention to one phrase at one recorded timestep is."""
    return f"maps/difference/{phrase_index:02d}_{timestep_index:02d}.png"


def mean_attention_difference_name(phrase_index: int) -> str:
    """Where that difference's mean over the recorded timesteps is."""
    return f"maps/difference/{phrase_index:02d}.png"


def control_map_name(timestep_index: int) -> str:
    """Where the control map of one recorded timestep is."""
    return f"maps/control/{timestep_index:02d}.png"


def noise_difference_name(timestep_index: int) -> str:
    """Where the difference between the two noise predictions of one recorded timestep is."""
    return f"maps/noise/{timestep_index:02d}.png"


def hold_map_name(timestep_index: int) -> str:
    """Where the map of the hold at one recorded timestep is."""
    return f"maps/hold/{timestep_index:02d}.png"


def step_folder(step: int) -> str:
    """Where the adapter of a checkpoint is, relative to the training's folder."""
    return f"steps/step-{step:06d}"


def preview_name(step: int, index: int) -> str:
    """Where one pair of a preview is, relative to the training's folder."""
    return f"previews/step-{step:06d}/{index:02d}.png"


def grid_picture_name(prompt_index: int, seed: int, column: str) -> str:
    """Where one picture of a grid is, relative to the grid's folder."""
    return f"pictures/p{prompt_index:02d}-s{seed}-{column}.png"
