"""Where all cells are worked on: one base model in memory, and a folder of what was made and need not be made again."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from spf_portrait.contract.bases import find_base
from spf_portrait.models.base_model import BaseModel, load_base
from spf_portrait.pico.proof.digests import digest_of
from spf_portrait.running.untyped import safetensors_torch

_PICTURES: Final = "pictures"


@dataclass(frozen=True)
class Bench:
    """Of one run.

    Attributes:
        work: Folder for sets, checkpoints, adapters and pictures.
        base: Key of the base model.
        models_dir: Folder of the base models; None for the default.
    """

    work: Path
    base: str
    models_dir: Path | None = None

    @cached_property
    def base_path(self) -> Path:
        """Folder of the base model."""
        return find_base(self.base, self.models_dir).path

    @cached_property
    def base_sha256(self) -> str:
        """Of all weights in the base model's folder, the judge's too: other ones give other figures."""
        digest = hashlib.sha256()
        for file in sorted(self.base_path.rglob("*.safetensors")):
            digest.update(file.read_bytes())
        return digest.hexdigest()

    @cached_property
    def model(self) -> BaseModel:
        """The original model, without adapter."""
        return load_base(self.base, self.models_dir)

    @property
    def sets(self) -> Path:
        """Folder of the caption sets."""
        return self.work / "sets"

    def training(self, identity: Mapping[str, Any]) -> Path:
        """Folder of one training."""
        return self.work / "trainings" / digest_of(identity)[:20]

    def drawn(self, identity: Mapping[str, Any], draw: Callable[[], Tensor]) -> Tensor:
        """Pictures that are drawn once and then kept.

        Args:
            identity: Everything that changes them.
            draw: Draws them.
        """
        file = self.work / _PICTURES / f"{digest_of(identity)[:20]}.safetensors"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            draft = file.with_suffix(".tmp")
            safetensors_torch.save_file({_PICTURES: draw().contiguous()}, draft)
            os.replace(draft, file)
        return safetensors_torch.load_file(file)[_PICTURES]
