import pytest
import torch
from torch import Tensor

from spf_portrait.method.losses import (
    denoising_loss,
    fine_grained_loss,
    held,
    masked_denoising_loss,
    prediction_anchor_loss,
    text_consistent_loss,
    weighted_total,
)

PRESENT = torch.tensor([[1.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0]])
NOTHING, EVERYWHERE = torch.zeros(2, 4, 4), torch.ones(2, 4, 4)


def layers(seed: int) -> tuple[Tensor, ...]:
    """Â of a fine and a coarse layer over base, base, PAD; queries as well."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.softmax(torch.randn(2, cells, 3, generator=generator), dim=-1) for cells in (16, 4))


def test_equal_paths_lose_nothing() -> None:
    assert text_consistent_loss(layers(0), layers(0), PRESENT, NOTHING) == 0
    assert fine_grained_loss(layers(0), layers(0), NOTHING) == 0


def test_a_map_of_ones_frees_everything() -> None:
    assert text_consistent_loss(layers(0), layers(1), PRESENT, EVERYWHERE) == 0
    assert fine_grained_loss(layers(0), layers(1), EVERYWHERE) == 0


def test_drift_counts_where_the_map_is_dark() -> None:
    assert text_consistent_loss(layers(0), layers(1), PRESENT, NOTHING) > 0
    assert fine_grained_loss(layers(0), layers(1), NOTHING) > 0


def test_the_prediction_is_held_where_the_map_is_dark() -> None:
    one, other = torch.zeros(2, 3, 4, 4), torch.full((2, 3, 4, 4), 2.0, requires_grad=True)
    assert prediction_anchor_loss(one, one, NOTHING) == 0
    assert prediction_anchor_loss(other, one, EVERYWHERE) == 0
    half = EVERYWHERE.clone()
    half[:, :2] = 0
    assert prediction_anchor_loss(other, one, half) == 2
    assert not prediction_anchor_loss(one, other, NOTHING).requires_grad


@pytest.mark.parametrize("rows", [1, 2, 4])
def test_a_small_place_pulls_as_hard_as_a_large_one(rows: int) -> None:
    """The error is 2 in the target's place and 3 outside of it."""
    place = NOTHING.clone()
    place[:, :rows] = 1
    predicted = 3 - place[:, None].expand(2, 3, 4, 4)
    assert masked_denoising_loss(predicted, torch.zeros_like(predicted), place) == 4


def test_next_to_no_place_pulls_next_to_nothing() -> None:
    predicted = torch.full((2, 3, 4, 4), 2.0)
    missed = [masked_denoising_loss(predicted, 0 * predicted, NOTHING + share) for share in (0.0, 0.001, 0.01)]
    torch.testing.assert_close(torch.stack(missed), torch.tensor([0.0, 0.4, 4.0]))


def test_a_phrase_that_nobody_looks_at_does_not_drown_the_others() -> None:
    faint = torch.tensor([1e-8, 1 - 1e-8]).expand(1, 4, 2)
    loud = torch.tensor([0.5, 0.5]).expand(1, 4, 2)
    assert text_consistent_loss((loud,), (faint,), torch.ones(1, 3), torch.zeros(1, 2, 2)) < 1e5


def test_filling_columns_do_not_count() -> None:
    reference = layers(0)
    changed = tuple(layer.clone() for layer in reference)
    for layer in changed:
        layer[1, :, 1] += 0.3  # the second caption has one base phrase only
    assert text_consistent_loss(changed, reference, PRESENT, NOTHING) == 0


def test_fine_grained_loss_is_relative() -> None:
    a, b = layers(0), layers(1)
    tenfold = fine_grained_loss(tuple(10 * q for q in a), tuple(10 * q for q in b), NOTHING)
    torch.testing.assert_close(tenfold, fine_grained_loss(a, b, NOTHING))


def test_the_map_is_area_pooled_to_the_layer() -> None:
    control = torch.zeros(1, 4, 4)
    control[0, 0, 0] = 1
    assert held(control, 16)[0, 0] == 0
    assert held(control, 4).tolist() == [[0.75, 1, 1, 1]]


def test_the_reference_gets_no_gradient() -> None:
    response = tuple(layer.requires_grad_() for layer in layers(0))
    reference = tuple(layer.requires_grad_() for layer in layers(1))
    loss = text_consistent_loss(response, reference, PRESENT, NOTHING) + fine_grained_loss(response, reference, NOTHING)
    loss.backward()
    assert all(layer.grad is not None for layer in response)
    assert all(layer.grad is None for layer in reference)


def test_denoising_loss_is_the_mean_square() -> None:
    assert denoising_loss(torch.zeros(2, 3), torch.full((2, 3), 2.0)) == 4


def test_only_weighted_terms_are_in_the_total() -> None:
    raw = {"denoise": torch.tensor(2.0), "enhancement": torch.tensor(3.0), "control_mean": torch.tensor(100.0)}
    assert weighted_total(raw, {"denoise": 1.0, "enhancement": 0.5, "fine_grained": 7.0}) == 3.5


def test_a_step_without_a_weighted_term_has_a_total_without_gradient() -> None:
    parameter = torch.ones((), requires_grad=True)
    for weights in ({}, {"denoise": 0.0}):
        total = weighted_total({"denoise": parameter * 2, "control_mean": torch.tensor(100.0)}, weights)
        assert (float(total), total.requires_grad) == (0, False)
