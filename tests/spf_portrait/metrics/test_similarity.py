import pytest
import torch

from spf_portrait.metrics.similarity import cosine_similarity


def test_equal_rows_give_one_whatever_their_length() -> None:
    rows = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(cosine_similarity(rows, 3 * rows), torch.ones(5, dtype=torch.float64))
    assert torch.allclose(cosine_similarity(rows, -rows), -torch.ones(5, dtype=torch.float64))


def test_it_is_the_cosine_of_the_angle() -> None:
    first, second = torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[0.0, 2.0], [1.0, 1.0]])
    assert cosine_similarity(first, second).tolist() == pytest.approx([0, 0.5**0.5])
