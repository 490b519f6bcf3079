"""CLIP sees large pictures in small, the training picture and the paths' predictions alike."""

from typing import Any, cast

import pytest
import torch
from torch import Tensor

from spf_portrait.method.clip_space import ClipSpace, load_clip_space
from spf_portrait.method.seen_latents import exemplars, seen, shrunk
from spf_portrait.models.base_model import BaseModel, encode_pixels


@pytest.fixture
def clip(base: BaseModel) -> ClipSpace:
    return load_clip_space(base.path, base.tokenizer, base.device)


@pytest.mark.parametrize(("height_px", "width_px", "decoded"), [(512, 512, (32, 32)), (128, 512, (32, 32))])
def test_nothing_larger_is_decoded_than_clip_looks_at(
    base: BaseModel, clip: ClipSpace, height_px: int, width_px: int, decoded: tuple[int, int]
) -> None:
    found: list[tuple[int, int]] = []

    def note(module: Any, inputs: Any, pixels: Tensor) -> None:
        found.append((pixels.shape[-2], pixels.shape[-1]))

    cast("Any", base.vae).decoder.register_forward_hook(note)
    latents = torch.randn(1, 8, height_px // 4, width_px // 4, requires_grad=True)
    seen(base, clip, latents).sum().backward()
    assert found == [decoded]
    assert latents.grad is not None
    assert bool((latents.grad != 0).all()), "every cell has a part in what is seen"


@pytest.mark.parametrize("size_px", [32, 256])
def test_small_pictures_are_decoded_whole(size_px: int) -> None:
    latents = torch.randn(1, 8, size_px // 4, size_px // 4)
    assert shrunk(latents, factor=4, size_px=32) is latents


def test_latents_are_never_enlarged() -> None:
    assert shrunk(torch.randn(1, 4, 8, 128), factor=8, size_px=224).shape == (1, 4, 8, 28)


def test_shrinking_averages_areas() -> None:
    latents = torch.zeros(1, 1, 128, 128)
    latents[..., :2, :2] = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    assert shrunk(latents, factor=4, size_px=256)[0, 0, 0, 0] == 3


def test_the_training_picture_is_seen_as_the_predictions_are(base: BaseModel, clip: ClipSpace) -> None:
    large, small = torch.rand(2, 3, 512, 512) * 2 - 1, torch.rand(2, 3, 32, 32) * 2 - 1
    x_0 = encode_pixels(base, large)
    with torch.no_grad():
        predicted = seen(base, clip, x_0)
        torch.testing.assert_close(exemplars(base, clip, iter(torch.split(large, 1)), x_0), predicted)
        found = exemplars(base, clip, iter(torch.split(small, 1)), encode_pixels(base, small))
        torch.testing.assert_close(found, clip.pictures(small))
    assert not torch.allclose(predicted, clip.pictures(large), atol=1e-3)
