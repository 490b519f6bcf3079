"""Grown states: where a path is on its way from noise to a picture."""

from collections.abc import Callable

import pytest
import torch

from spf_portrait.adapter import CROSS_ATTENTION, adapter_off, adapter_parameters, attach_adapter
from spf_portrait.contract.caption_set import load_caption_set
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.method.states import grown, noised
from spf_portrait.method.training_set import TrainingRows, training_rows
from spf_portrait.models.base_model import BaseModel, predict
from spf_portrait.models.families.text_embedding import TextEmbedding
from spf_portrait.models.schedule import moved
from spf_portrait.training.preparation import TrainingJob

NOISE = torch.randn(4, 8, 8, 8)


@pytest.fixture
def rows(base: BaseModel, make_job: Callable[..., TrainingJob]) -> TrainingRows:
    """The caption set as tensors, on a base whose adapter changes something."""
    portraits = load_caption_set(make_job().data)
    found = training_rows(base, portraits, 32, lambda done: None)
    attach_adapter(base.network, 2, CROSS_ATTENTION)
    with torch.no_grad():
        for parameter in adapter_parameters(base.network):
            parameter.normal_(std=0.3)
    return found


def state_of(base: BaseModel, rows: TrainingRows, time: int, **options: object) -> tuple[torch.Tensor, torch.Tensor]:
    spec = TrainingSpec.from_mapping({"states": "grown", "grown_steps": 4, **options})
    state = grown(base, rows, spec, torch.tensor([time, 0, 999, 500]), NOISE)
    assert state.truth is None
    return state.x_t, state.timesteps


def test_no_step_is_pure_noise(base: BaseModel, rows: TrainingRows) -> None:
    x_t, timesteps = state_of(base, rows, 249)
    assert torch.equal(x_t, NOISE)
    assert timesteps.tolist() == [999] * 4


@pytest.mark.parametrize("path", ["response", "reference"])
def test_one_step_is_one_answer_of_that_path(base: BaseModel, rows: TrainingRows, path: str) -> None:
    x_t, timesteps = state_of(base, rows, 250, grown_by=path)
    assert timesteps.tolist() == [749] * 4
    if path == "response":
        wanted = one_step(base, rows.complete_text)
    else:
        with adapter_off(base.network):
            wanted = one_step(base, rows.base_text)
    torch.testing.assert_close(x_t, wanted)
    assert not x_t.requires_grad


@torch.no_grad()
def one_step(base: BaseModel, text: TextEmbedding) -> torch.Tensor:
    start, end = torch.full((4,), 999), torch.full((4,), 749)
    levels = base.schedule.levels
    return moved(NOISE, predict(base, NOISE, start, text), levels(start), levels(end), base.schedule.prediction)


def test_small_batches_grow_the_same_states(base: BaseModel, rows: TrainingRows) -> None:
    torch.testing.assert_close(state_of(base, rows, 999, batch_size=3)[0], state_of(base, rows, 999)[0])


def test_noised_states_know_the_truth(base: BaseModel, rows: TrainingRows) -> None:
    state = noised(base.schedule, rows.x_0, torch.zeros(4, dtype=torch.long), NOISE)
    torch.testing.assert_close(state.x_t, rows.x_0, rtol=0.2, atol=0.3)
    assert state.truth.shape == NOISE.shape
