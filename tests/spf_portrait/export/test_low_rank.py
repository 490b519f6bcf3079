import pytest
import torch

from spf_portrait.adapter import CROSS_ATTENTION, attach_weight_changes, weight_changes
from spf_portrait.export.low_rank import captured_energy, low_rank, trained_update
from spf_portrait.models.base_model import BaseModel
from tests.spf_portrait.tiny_adapters import scramble


def test_full_rank_is_exact_and_has_all_the_energy() -> None:
    change = torch.randn(12, 20)
    down, up, energy = low_rank(change, 12)
    assert (down.shape, up.shape) == ((12, 20), (12, 12))
    torch.testing.assert_close(up @ down, change, rtol=0, atol=1e-5)
    assert energy == pytest.approx(1)
    wider_down, wider_up, energy = low_rank(change, 15)
    assert (wider_down.shape, wider_up.shape) == ((15, 20), (12, 15)), "zeros fill up"
    torch.testing.assert_close(wider_up @ wider_down, up @ down)
    assert energy == pytest.approx(1)


def test_energy_of_a_case_by_hand() -> None:
    """σ = 4, 3, 0: the first holds 16 of 25."""
    turned = torch.tensor([[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
    change = turned @ torch.diag(torch.tensor([3.0, 4.0, 0.0])) @ turned.T
    energies = [low_rank(change, rank)[2] for rank in (1, 2, 3)]
    assert energies == pytest.approx([16 / 25, 1, 1], abs=1e-6)
    assert captured_energy(torch.zeros(3), 1) == 1


def test_no_matrix_of_that_rank_is_nearer() -> None:
    change = torch.randn(8, 6)
    down, up, energy = low_rank(change, 2)
    error = (change - up @ down).square().sum()
    torch.testing.assert_close(error / change.square().sum(), torch.tensor(1 - energy), rtol=1e-4, atol=1e-6)
    for _ in range(20):
        nearby = (up + 0.01 * torch.randn_like(up)) @ (down + 0.01 * torch.randn_like(down))
        assert (change - nearby).square().sum() >= error


def test_an_update_states_every_modules_energy(base: BaseModel) -> None:
    attach_weight_changes(base.network, CROSS_ATTENTION)
    scramble(base.network)
    found = trained_update(base.network, 2)
    summary = found.energy_summary()
    assert summary is not None
    assert {f"{path}.weight" for path in summary["modules"]} == weight_changes(base.network).keys()
    assert summary["min"] == min(summary["modules"].values())
    assert summary["mean"] == pytest.approx(sum(summary["modules"].values()) / len(summary["modules"]))
    assert 0 < summary["min"] < summary["mean"] < 1
    assert found.rank == 2
