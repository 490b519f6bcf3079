import pytest
import torch
from torch import Tensor

from spf_portrait.method.attention_maps import (
    PAD,
    TARGET,
    layer_grid,
    mean_over_layers,
    phrase_attention,
    shared_attention,
)

EVERY_TOKEN = torch.eye(5)[None]
"""A column a token; the fourth of the five is the target."""


def softmax_of_heads(query: Tensor, key: Tensor, scale: float) -> Tensor:
    """Of two heads of width two, [batch, heads, cells, tokens]."""
    heads = [query[..., h : h + 2] @ key[..., h : h + 2].mT * scale for h in (0, 2)]
    return torch.softmax(torch.stack(heads, dim=1), dim=-1)


def test_attention_of_all_tokens_sums_to_one() -> None:
    query, key = torch.randn(2, 16, 8), torch.randn(2, 5, 8)
    seen = phrase_attention(query, key, EVERY_TOKEN.expand(2, -1, -1), heads=2, scale=0.5)
    assert seen.maps.shape == (2, 16, 5)
    assert seen.shared.shape == (2, 16, 4)
    for maps in (seen.maps, seen.shared):
        torch.testing.assert_close(maps.sum(dim=-1), torch.ones(2, 16))


def test_attention_is_the_mean_over_heads_of_the_softmax() -> None:
    query, key = torch.randn(1, 3, 4), torch.randn(1, 5, 4)
    found = phrase_attention(query, key, EVERY_TOKEN, heads=2, scale=0.7).maps
    torch.testing.assert_close(found, softmax_of_heads(query, key, 0.7).mean(dim=1))


def test_a_phrase_is_the_sum_of_its_tokens() -> None:
    query, key = torch.randn(1, 3, 4), torch.randn(1, 5, 4)
    phrases = torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])[None]
    single = phrase_attention(query, key, EVERY_TOKEN, heads=2, scale=0.7)
    found = phrase_attention(query, key, phrases, heads=2, scale=0.7)
    torch.testing.assert_close(found.maps[..., 0], single.maps[..., 1:3].sum(dim=-1))
    torch.testing.assert_close(found.shared[..., 0], single.shared[..., 1:3].sum(dim=-1))


def test_shared_attention_is_what_it_would_be_without_the_target() -> None:
    """Even if the heads look at the target to very different degrees."""
    query, key = torch.randn(1, 6, 4), torch.randn(1, 5, 4)
    query[..., :2], key[:, TARGET, :2] = 2.0, 3.0
    assert softmax_of_heads(query, key, 1.0)[..., TARGET].mean(dim=2).round().tolist() == [[1, 0]]
    without = softmax_of_heads(query, torch.cat((key[:, :TARGET], key[:, PAD, None]), dim=1), 1.0).mean(dim=1)
    torch.testing.assert_close(phrase_attention(query, key, EVERY_TOKEN, heads=2, scale=1.0).shared, without)


def test_every_head_is_renormalised_before_heads_are_averaged() -> None:
    """Without the target they look at the phrase with 0.5 and 0.1; one of them gives 0.8 to the target."""
    maps = torch.tensor([[0.5 * 0.2, 0.8, 0.5 * 0.2], [0.1, 0.0, 0.9]])[None, :, None]
    left = 1 - maps[..., TARGET, None]
    torch.testing.assert_close(shared_attention(maps, left), torch.tensor([[[0.3, 0.7]]]))


@pytest.mark.parametrize("logit", [20.0, 60.0, 1000.0])
def test_a_head_that_looks_at_the_target_alone_is_still_renormalised(logit: float) -> None:
    """Of its attention to the rest, 1 minus the target's share would show nothing."""
    query, key = torch.ones(1, 1, 1, requires_grad=True), torch.zeros(1, 5, 1)
    key[:, TARGET] = logit
    shared = phrase_attention(query, key, EVERY_TOKEN, heads=1, scale=1.0).shared
    torch.testing.assert_close(shared, torch.full((1, 1, 4), 0.25 if logit < 100 else 0.0))
    (gradient,) = torch.autograd.grad(shared.square().sum(), query)
    assert gradient.isfinite().all()


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
