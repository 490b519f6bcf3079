"""Whole changed matrices as LoRA, by the best approximation of a given rank (Eckart and Young, 1936)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spf_portrait.adapter import Deltas, adapter_deltas, adaptive_deltas, adaptive_layers, weight_changes


@dataclass(frozen=True)
class TrainedUpdate:
    """What a training has changed.

    Attributes:
        deltas: As LoRA of one rank.
        captured_energy: Share of every whole matrix that this rank holds, by module; None for a training of LoRA.
    """

    deltas: Deltas
    captured_energy: Mapping[str, float] | None = None

    @property
    def rank(self) -> int:
        """Of every module."""
        return next(iter(self.deltas.values()))[0].shape[0]

    def energy_summary(self) -> dict[str, Any] | None:
        """Smallest and mean share, and every module's."""
        if self.captured_energy is None:
            return None
        shares = list(self.captured_energy.values())
        return {"min": min(shares), "mean": sum(shares) / len(shares), "modules": dict(self.captured_energy)}


def trained_update(network: nn.Module, rank: int) -> TrainedUpdate:
    """The attached LoRA, AdaLoRA's kept ranks as one, or attached whole matrices as one.

    Args:
        network: With its adapter.
        rank: For whole matrices; the others have their own.
    """
    if adaptive_layers(network):
        return TrainedUpdate(adaptive_deltas(network))
    changes = weight_changes(network)
    if not changes:
        return TrainedUpdate(adapter_deltas(network))
    found = {path.removesuffix(".weight"): low_rank(w.change.detach(), rank) for path, w in changes.items()}
    return TrainedUpdate(
        {path: (down, up) for path, (down, up, _) in found.items()},
        {path: share for path, (*_, share) in found.items()},
    )


def low_rank(change: Tensor, rank: int) -> tuple[Tensor, Tensor, float]:
    """ΔW ≈ up · down with up = U_r √Σ_r and down = √Σ_r V_rᵀ of the singular value decomposition ΔW = U Σ Vᵀ.

    Args:
        change: [outputs, inputs].
        rank: r; above the smaller side the rest is zeros.

    Returns:
        down [rank, inputs], up [outputs, rank], captured energy.
    """
    decomposed: tuple[Tensor, Tensor, Tensor] = cast("Any", torch.linalg).svd(change.double(), full_matrices=False)
    left, values, right = decomposed
    root, missing = values[:rank].sqrt(), max(0, rank - len(values))
    down, up = root[:, None] * right[:rank], left[:, :rank] * root
    filled = F.pad(down, (0, 0, 0, missing)), F.pad(up, (0, missing))
    return filled[0].float(), filled[1].float(), captured_energy(values, rank)


def captured_energy(singular_values: Tensor, rank: int) -> float:
    """Σ_{i≤r} σ_i² / Σ_i σ_i²; 1 for a matrix of zeros.

    Args:
        singular_values: Falling.
        rank: r.
    """
    energy = singular_values.double().square()
    total = float(energy.sum())
    return float(energy[:rank].sum()) / total if total > 0 else 1.0
