import pytest
import torch

from spf_portrait.metrics.map_quality import area_under_curve, map_quality

MASK = torch.zeros(4, 4)
MASK[1:3, 1:3] = 1


def test_a_perfect_map() -> None:
    assert map_quality(MASK, MASK) == (1, 1, 0)
    assert map_quality(0.2 + 0.1 * MASK, MASK).auc == 1


def test_a_constant_map_is_chance_and_an_inverted_one_always_wrong() -> None:
    assert map_quality(torch.full((4, 4), 0.7), MASK) == pytest.approx((0.5, 0.7, 0.7))
    assert map_quality(1 - MASK, MASK) == (0, 0, 1)


def test_it_is_the_probability_of_a_larger_value_inside() -> None:
    values = torch.randint(0, 5, (40,), generator=torch.Generator().manual_seed(0)).double()
    inside = (torch.rand(40, generator=torch.Generator().manual_seed(1)) < 0.3).double()
    pairs = [
        float(values[i] > values[j]) + float(values[i] == values[j]) / 2
        for i in range(40)
        for j in range(40)
        if inside[i] == 1 and inside[j] == 0
    ]
    assert area_under_curve(values, inside) == pytest.approx(sum(pairs) / len(pairs))


def test_partly_covered_cells_count_as_their_pixels_do() -> None:
    control = torch.tensor([[0.9, 0.4], [0.1, 0.0]])
    pixels = torch.zeros(4, 4)
    pixels[:2, :2], pixels[0, 2] = 1, 1
    covered = torch.tensor([[1.0, 0.25], [0.0, 0.0]])
    enlarged = control.repeat_interleave(2, 0).repeat_interleave(2, 1)
    assert map_quality(control, covered) == pytest.approx(map_quality(enlarged, pixels))
