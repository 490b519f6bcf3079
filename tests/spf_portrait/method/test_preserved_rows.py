from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from spf_portrait.contract.caption_set import load_caption_set
from spf_portrait.contract.preservation import Preservation
from spf_portrait.method.losses import guided_anchor_loss
from spf_portrait.method.preserved_rows import (
    PairDraw,
    PreservedRows,
    preservation_losses,
    preserved_rows,
    towards_noise,
)
from spf_portrait.method.training_set import TrainingRows, training_rows
from spf_portrait.models.base_model import BaseModel, encode_nothing
from spf_portrait.models.schedule import snr_db
from spf_portrait.training.preparation import TrainingJob

TIMES = torch.tensor([50, 990])


@pytest.fixture
def portraits(base: BaseModel, make_job: Callable[..., TrainingJob]) -> TrainingRows:
    found = load_caption_set(make_job().data)
    return training_rows(base, found, 32, lambda done: None)


def pairs(base: BaseModel, portraits: TrainingRows, **options: Any) -> PreservedRows:
    """Two pairs, one nearly clean and one nearly noise; the last portrait is the original model's only picture."""
    chance = torch.tensor([[0.3, 0.9, 0.4], [0.3, 0.9, 0.6]])
    drawn = PairDraw(torch.arange(2), TIMES, torch.zeros(2, *portraits.x_0.shape[1:]), chance)
    pictures = portraits.chosen(torch.tensor([3]))
    settings = Preservation.from_mapping({"times_power": 1.0, **options})
    return preserved_rows(base, portraits, pictures, encode_nothing(base), drawn, settings)


def test_a_pair_shows_one_state_to_the_base_text_and_to_no_text(base: BaseModel, portraits: TrainingRows) -> None:
    rows = pairs(base, portraits, picture_share=0.0)
    assert torch.equal(rows.x_t[:2], rows.x_t[2:])
    assert torch.equal(rows.timesteps, TIMES.repeat(2))
    assert torch.equal(rows.text.states[:2], portraits.base_text.states[:2])
    assert torch.equal(rows.text.states[2:], encode_nothing(base).states.expand(2, -1, -1))


def test_a_small_power_sends_most_pairs_to_high_noise(base: BaseModel, portraits: TrainingRows) -> None:
    drawn = torch.arange(1000)
    assert torch.equal(towards_noise(drawn, 1000, 1.0), drawn)
    times = towards_noise(drawn, 1000, 0.3)
    assert times.min() >= 0
    assert times.max() == 999
    assert (times >= 800).float().mean() == pytest.approx(1 - 0.8 ** (1 / 0.3), abs=0.002)
    biased = pairs(base, portraits, times_power=0.3)
    assert torch.equal(biased.timesteps, towards_noise(TIMES, 1000, 0.3).repeat(2))


def test_the_share_decides_between_portraits_and_the_original_models_pictures(
    base: BaseModel, portraits: TrainingRows
) -> None:
    on_portraits, on_pictures = (pairs(base, portraits, picture_share=share) for share in (0.3, 0.31))
    levels = base.schedule.levels(TIMES)
    assert torch.equal(on_portraits.state.x_t, levels.signal * portraits.x_0[:2])
    assert torch.equal(on_pictures.state.x_t, levels.signal * portraits.x_0[[3, 3]])
    assert torch.equal(on_pictures.text.states[:2], portraits.base_text.states[[3, 3]])


def test_the_target_may_be_kept_on_portraits_where_it_can_be_seen(base: BaseModel, portraits: TrainingRows) -> None:
    assert pairs(base, portraits, picture_share=0.0).may_keep.tolist() == [1, 0]
    assert pairs(base, portraits, picture_share=1.0).may_keep.tolist() == [0, 0]
    at_noise = float(snr_db(base.schedule.levels(TIMES))[1])
    assert pairs(base, portraits, picture_share=0.0, release_min_snr_db=at_noise).may_keep.tolist() == [1, 1]


def test_a_part_of_the_pictures_is_asked_for_the_target(base: BaseModel, portraits: TrainingRows) -> None:
    """The tuned model is, in the pair that chance says; the original model goes on drawing the base text."""
    rows = pairs(base, portraits, picture_share=1.0, asked_share=0.5)
    assert rows.asked.tolist() == [1, 0]
    assert torch.equal(rows.text.states[:2], portraits.base_text.states[[3, 3]])
    assert torch.equal(rows.tuned_text.states[0], portraits.complete_text.states[3])
    assert torch.equal(rows.tuned_text.states[1:], rows.text.states[1:])
    on_portraits = pairs(base, portraits, picture_share=0.0, asked_share=1.0)
    assert not on_portraits.asked.any()
    assert torch.equal(on_portraits.tuned_text.states, on_portraits.text.states)


def test_the_targets_place_is_released_for_the_answer_that_was_asked_for_it(
    base: BaseModel, portraits: TrainingRows
) -> None:
    rows = pairs(base, portraits, picture_share=1.0, asked_share=0.5)
    everywhere, drift = torch.ones(2, *rows.x_t.shape[-2:]), torch.full(rows.x_t.shape, 0.1)
    still = torch.zeros_like(drift)
    released, firm = (_losses(drift, still, rows, place) for place in (everywhere, 0 * everywhere))
    torch.testing.assert_close(firm["preservation"], torch.tensor(0.01))
    torch.testing.assert_close(released["preservation"], 0.75 * firm["preservation"])  # all but one row of four
    torch.testing.assert_close(released["guided_preservation"], 0.5 * firm["guided_preservation"])
    assert released["released"] == 0, "a picture does not show what there is to learn"


def test_nothing_is_held_in_the_released_place_and_nothing_learnt_outside(
    base: BaseModel, portraits: TrainingRows
) -> None:
    rows = pairs(base, portraits, picture_share=0.0)
    shape = rows.x_t.shape
    reference, everywhere = torch.zeros(shape), torch.ones(len(TIMES), *shape[-2:])
    response = rows.state.truth.repeat(2, 1, 1, 1) + 1
    released = _losses(response, reference, rows, everywhere)
    firm = _losses(response, reference, rows, torch.zeros_like(everywhere))
    assert released["released"] == 1, "of the pair that may keep what it shows, wrong by 1 everywhere"
    assert firm["released"] == 0
    assert released["preservation"] < firm["preservation"]


def test_guidance_sees_answers_that_drift_apart() -> None:
    """Of two drifts that are equally large, the one that guidance amplifies counts more."""
    drift, still = torch.full((1, 1, 2, 2), 0.1), torch.zeros(1, 1, 2, 2)
    held, reference = torch.zeros(1, 2, 2), (still, still)
    together = guided_anchor_loss((drift, drift), reference, held, 4.0)
    apart = guided_anchor_loss((drift, -drift), reference, held, 4.0)
    torch.testing.assert_close(together, torch.tensor(0.1**2 / 16))
    torch.testing.assert_close(apart, torch.tensor((7 * 0.1) ** 2 / 16))


@pytest.mark.parametrize(("share", "rows", "expected"), [(0, 8, 0), (0.5, 4, 1), (0.5, 8, 2), (0.5, 1, 1), (0.8, 4, 2)])
def test_pairs_of_a_step(share: float, rows: int, expected: int) -> None:
    assert Preservation(share=share).pairs(rows) == expected


def _losses(response: Tensor, reference: Tensor, rows: PreservedRows, place: Tensor) -> dict[str, Tensor]:
    return preservation_losses(response, reference, rows, place, place, Preservation())
