import pytest
import torch

from spf_portrait.method.attention_maps import (
    PAD,
    TARGET,
    layer_grid,
    mean_over_layers,
    phrase_attention,
    shared_attention,
)


def test_attention_of_all_tokens_sums_to_one() -> None:
    query, key = torch.randn(2, 16, 8), torch.randn(2, 5, 8)
    pooling = torch.eye(5).expand(2, -1, -1)
    maps = phrase_attention(query, key, pooling, heads=2, scale=0.5)
    assert maps.shape == (2, 16, 5)
    torch.testing.assert_close(maps.sum(dim=-1), torch.ones(2, 16))


def test_attention_is_the_mean_over_heads_of_the_softmax() -> None:
    query, key = torch.randn(1, 3, 4), torch.randn(1, 5, 4)
    heads = [torch.softmax(query[..., h : h + 2] @ key[..., h : h + 2].mT * 0.7, dim=-1) for h in (0, 2)]
    found = phrase_attention(query, key, torch.eye(5)[None], heads=2, scale=0.7)
    torch.testing.assert_close(found, (heads[0] + heads[1]) / 2)


def test_shared_attention_is_what_it_would_be_without_the_target() -> None:
    logits = torch.randn(1, 6, 4)
    without = torch.softmax(torch.cat((logits[..., :TARGET], logits[..., PAD, None]), dim=-1), dim=-1)
    torch.testing.assert_close(shared_attention(torch.softmax(logits, dim=-1)), without)


@pytest.mark.parametrize(("cells", "grid"), [(256, (16, 16)), (64, (8, 8)), (16, (4, 4))])
def test_layer_grid(cells: int, grid: tuple[int, int]) -> None:
    assert layer_grid(cells, 16, 16) == grid


def test_layer_grid_of_odd_and_oblong_latents() -> None:
    assert layer_grid(5 * 4, 9, 7) == (5, 4)
    with pytest.raises(ValueError, match="30 cells"):
        layer_grid(30, 16, 16)


def test_layers_are_averaged_at_the_size_of_the_latents() -> None:
    fine, coarse = torch.full((1, 16, 2), 1.0), torch.full((1, 4, 2), 3.0)
    torch.testing.assert_close(mean_over_layers((fine, coarse), 4, 4), torch.full((1, 2, 4, 4), 2.0))
