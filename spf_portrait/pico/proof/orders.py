"""What every training of the proof has in common."""

from pathlib import Path
from typing import Any, Final

from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.pico.proof.systems import System

BASE: Final = "pico"
WORK: Final = Path("~/.cache/spf-portrait/proof")
"""Adapters, sets and pictures, so that nothing is made twice."""
_QUIET: Final[dict[str, Any]] = {
    "checkpoint_every": 100,
    "keep_checkpoints": 1,
    "export_checkpoints": False,
    "validate_every": 0,
}
"""A training of the proof can be resumed, and is not looked at before its end."""


def spec_of(system: System, seed: int) -> TrainingSpec:
    """The order for a system's training.

    Raises:
        SpecError: An option of the system is out of bounds.
    """
    chosen: dict[str, Any] = {**_QUIET, **(system.options or {}), "base": BASE, "seed": seed}
    return TrainingSpec.from_preset(**chosen)
