"""What every studio of a run shares: a tiny random base model, and a small caption set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.spf_portrait.tiny_model import write_caption_folder, write_tiny_base


@dataclass(frozen=True)
class Ground:
    """Folders of a run."""

    folder: Path
    """A folder for each row comes into it."""
    models: Path
    portraits: Path


def prepare_ground(folder: Path) -> Ground:
    """Make model and caption set in an empty folder."""
    models, portraits = folder / "models", folder / "portraits"
    write_tiny_base(models / "tiny")
    write_caption_folder(portraits)
    return Ground(folder, models, portraits)
