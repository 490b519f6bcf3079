import pytest
import torch
from torch import Tensor

from spf_portrait.metrics.kid import kid, kid_interval


def features(count: int, seed: int, shift: float = 0.0) -> Tensor:
    return torch.randn(count, 16, generator=torch.Generator().manual_seed(seed)) + shift


def test_a_set_is_at_no_distance_from_itself() -> None:
    same = features(12, 0)
    assert kid(same, same) == 0
    assert kid_interval(same, same) == (0, 0)


def test_it_is_the_mean_over_unlike_pairs() -> None:
    first, second = features(4, 1).double(), features(4, 2).double()

    def k(x: Tensor, y: Tensor) -> float:
        return float((x @ y / 16 + 1) ** 3)

    terms = [
        k(first[i], first[j]) + k(second[i], second[j]) - k(first[i], second[j]) - k(first[j], second[i])
        for i in range(4)
        for j in range(4)
        if i != j
    ]
    assert kid(first, second) == pytest.approx(sum(terms) / 12)


def test_it_is_unbiased_for_sets_of_one_distribution() -> None:
    found = torch.tensor([kid(features(10, seed), features(10, 1000 + seed)) for seed in range(300)])
    assert abs(float(found.mean())) < 3 * float(found.std()) / 300**0.5
    assert (found < 0).any()
    assert (found > 0).any()


def test_a_shifted_set_is_further_away_the_further_it_is_shifted() -> None:
    near, far = (kid(features(40, 0), features(40, 1, shift)) for shift in (0.5, 1.0))
    assert 0 < near < far


def test_the_interval_holds_the_figure_and_shrinks_with_more_pictures() -> None:
    few, many = (kid_interval(features(count, 0), features(count, 1, 0.5)) for count in (10, 160))
    assert few.low < kid(features(10, 0), features(10, 1, 0.5)) < few.high
    assert many.high - many.low < (few.high - few.low) / 2
    assert many.low > 0
