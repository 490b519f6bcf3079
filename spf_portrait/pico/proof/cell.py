"""One cell of the proof: a system, taught one target by one set from one seed, or the original model as it is.

A cell's digest is taken of everything that changes its figures. So a setting or a default that changes makes a new
cell, and what was measured before stays as it was.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from spf_portrait.contract.hold import Hold
from spf_portrait.contract.phrases import Caption
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.pico.proof.digests import digest_of
from spf_portrait.pico.proof.sets import Bias, BiasedSet, file_name
from spf_portrait.pico.proof.systems import System

TRAINING_REVISION: Final = 1
"""Raised when the same order trains another adapter than before."""
MEASURING_REVISION: Final = 2
"""Raised when the same pictures get other figures than before."""
STEPS: Final = 25
GUIDANCE_SCALE: Final = 4.0
HOLD: Final = Hold()
"""Of the second drawing of every system that trains."""

ONLY_WATCHED: Final = frozenset(
    {
        "checkpoint_every",
        "keep_checkpoints",
        "export_checkpoints",
        "preview_every",
        "preview_count",
        "gradient_checkpointing",
    }
)
"""Options that change no figure."""
ONLY_ALIGNED: Final = frozenset(
    {
        "w_text_consistent",
        "w_fine_grained",
        "w_enhancement",
        "w_prediction_anchor",
        "w_base_anchor",
        "w_denoise",
        "masked_denoising",
        "aligned_layers",
        "states",
        "grown_by",
        "grown_steps",
        "denoise_every",
        "enhancement_form",
        "enhancement_min_snr_db",
        "control_map_gain",
        "control_map_subtraction",
        "control_map_distances",
        "control_map_looks",
        "control_map_from",
        "control_map_to",
        "control_map_min_snr_db",
        "preservation",
        "losses",
    }
)
"""Options that the methods for comparison do not read: when one of them changes, they stay."""
ONLY_COMPARED: Final = frozenset({"rivals"})
"""Options that SPF does not read, and of which every other method reads its own part alone."""


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        system: What is measured.
        target: Phrase of a held-back attribute.
        texts: How many held-out texts it is measured on.
        base: Key of the base model.
        bias: Of the training's set; None for what does not train.
        spec: Of the training; None for what does not train.
    """

    system: System
    target: str
    texts: int
    base: str
    bias: Bias | None = None
    spec: TrainingSpec | None = None

    @property
    def name(self) -> str:
        """For people and file names; cells of other texts and settings may share it."""
        if self.spec is None:
            return f"{file_name(self.target)}/{self.system.name}"
        return f"{file_name(self.target)}/{self.system.name}-{self.bias}-s{self.spec.seed}"

    @property
    def biased_set(self) -> BiasedSet | None:
        """What the training learns from."""
        return None if self.bias is None else BiasedSet(self.target, self.bias)

    def training(self, base_sha256: str) -> dict[str, Any] | None:
        """Everything that changes the adapter; None where nothing trains."""
        if self.spec is None or self.biased_set is None:
            return None
        unread = ONLY_WATCHED | ONLY_COMPARED
        if not self.spec.is_dual_path:
            unread |= ONLY_ALIGNED
        own = self.spec.own_settings
        return {
            "spec": self.spec.model_dump(mode="json", exclude=set(unread)),
            "adapter_kind": self.spec.adapter_kind,
            "adapted_layers": self.spec.adapted_layers,
            "map_looks": self.spec.map_looks if self.spec.is_dual_path else None,
            "set_sha256": self.biased_set.sha256,
            "base_sha256": base_sha256,
            "revision": TRAINING_REVISION,
            **({} if own is None else {"own": own.model_dump(mode="json")}),
        }

    def identity(self, base_sha256: str, captions: Iterable[Caption]) -> dict[str, Any]:
        """Everything that changes the figures.

        Args:
            base_sha256: Of the base model's weights.
            captions: What is drawn, with the phrase that is asked for.
        """
        return {
            "training": self.training(base_sha256),
            "base_sha256": base_sha256,
            "captions_sha256": digest_of([caption.model_dump() for caption in captions]),
            "steps": STEPS,
            "guidance_scale": GUIDANCE_SCALE,
            "hold": None if self.spec is None else HOLD.model_dump(),
            "revision": MEASURING_REVISION,
        }


def cells_of(
    systems: Sequence[System],
    targets: Sequence[str],
    biases: Sequence[Bias],
    specs: dict[str, TrainingSpec],
    texts: int,
    base: str,
) -> list[Cell]:
    """All cells in the order in which they are worked on: bias by bias, target by target.

    Args:
        systems: Rows.
        targets: Phrases.
        biases: Kinds of sets.
        specs: By the name of a system that trains.
        texts: Held-out texts of each cell.
        base: Key of the base model.
    """
    cells: list[Cell] = []
    for bias in biases:
        for target in targets:
            for system in systems:
                spec = specs.get(system.name)
                of_bias = None if spec is None else bias
                cell = Cell(system, target, texts, base, of_bias, spec)
                if cell not in cells:  # what does not train is the same for every bias
                    cells.append(cell)
    return cells
