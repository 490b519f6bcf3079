"""The caption set is encoded portrait by portrait, and its rows wait on the CPU."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from spf_portrait.contract.caption_set import LoadedCaptionSet, load_caption_set
from spf_portrait.contract.portraits import open_portrait
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.method.clip_space import clip_of, text_space_of
from spf_portrait.method.training_set import meaning_rows, training_rows
from spf_portrait.models.base_model import BaseModel, encode_pixels
from spf_portrait.training.preparation import TrainingJob


@pytest.fixture
def portraits(make_job: Callable[..., TrainingJob]) -> LoadedCaptionSet:
    return load_caption_set(make_job().data)


def test_a_portrait_is_read_when_the_one_before_it_is_encoded(
    base: BaseModel, portraits: LoadedCaptionSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no more than one of them is in memory as pixels."""
    done: list[str] = []

    def read(*arguments: Any) -> Any:
        done.append("read")
        return open_portrait(*arguments)

    def encode(model: BaseModel, pixels: Tensor) -> Tensor:
        assert pixels.shape == (1, 3, 32, 32)
        done.append("encoded")
        return encode_pixels(model, pixels)

    monkeypatch.setattr("spf_portrait.method.training_set.open_portrait", read)
    monkeypatch.setattr("spf_portrait.method.training_set.encode_pixels", encode)
    training_rows(base, portraits, 32, lambda row: done.append(f"told {row}"))
    assert done == [what for row in range(1, 5) for what in ("read", "encoded", f"told {row}")]


def test_rows_are_brought_in_the_order_that_a_step_asks_for(base: BaseModel, portraits: LoadedCaptionSet) -> None:
    rows = training_rows(base, portraits, 32, lambda row: None)
    some = rows.brought(torch.tensor([3, 0]))
    assert torch.equal(some.x_0, rows.x_0[[3, 0]])
    assert torch.equal(some.complete_text.states, rows.complete_text.states[[3, 0]])
    assert torch.equal(some.base_pooling, rows.base_pooling[[3, 0]])
    assert len(rows.brought(torch.arange(0)).x_0) == 0


def test_texts_mean_the_same_to_the_text_tower_alone(base: BaseModel, portraits: LoadedCaptionSet) -> None:
    none = torch.zeros(4, 0)
    whole, texts = (
        meaning_rows(space, portraits, none, TrainingSpec()) for space in (clip_of(base), text_space_of(base))
    )
    torch.testing.assert_close(whole.target, texts.target)
    torch.testing.assert_close(whole.shares, texts.shares)
