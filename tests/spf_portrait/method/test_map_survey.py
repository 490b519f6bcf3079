"""Both paths look at every portrait and find where the tuned model explains it better."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from spf_portrait.adapter import CROSS_ATTENTION, adapter_parameters, attach_adapter
from spf_portrait.contract.caption_set import load_caption_set
from spf_portrait.method.map_survey import Survey, surveyed_difference, telling_times
from spf_portrait.method.training_set import TrainingRows, training_rows
from spf_portrait.models.base_model import BaseModel
from spf_portrait.models.schedule import snr_db
from spf_portrait.training.preparation import TrainingJob

SURVEY = Survey(looks=2, min_snr_db=-13.0, seed=0, at_once=4)


@pytest.fixture
def rows(base: BaseModel, make_job: Callable[..., TrainingJob]) -> TrainingRows:
    """Four portraits, and a base whose adapter has learnt something."""
    portraits = load_caption_set(make_job().data)
    attach_adapter(base.network, 2, CROSS_ATTENTION)
    with torch.no_grad():
        for parameter in adapter_parameters(base.network):
            parameter.normal_(std=0.3)
    return training_rows(base, portraits, 32, lambda done: None)


def test_the_same_seed_sees_the_same_in_batches_of_any_size(base: BaseModel, rows: TrainingRows) -> None:
    told: list[int] = []
    whole = surveyed_difference(base, rows, SURVEY, told.append)
    assert told == [1, 2]
    assert whole.shape == (4, 8, 8)
    assert 0 <= whole.min() < whole.max() <= 1
    parts = surveyed_difference(base, rows, replace(SURVEY, at_once=3), told.append)
    torch.testing.assert_close(parts, whole, atol=1e-4, rtol=1e-3)
    other = surveyed_difference(base, rows, replace(SURVEY, seed=1), told.append)
    assert not torch.allclose(other, whole, atol=1e-2)


def test_paths_that_agree_have_no_place(base: BaseModel, rows: TrainingRows) -> None:
    with torch.no_grad():
        for parameter in adapter_parameters(base.network):
            parameter.zero_()
    same = replace(rows, complete_text=rows.base_text)
    assert not surveyed_difference(base, same, SURVEY, lambda done: None).any()


def test_a_picture_without_the_target_is_explained_worse_where_a_portrait_is_explained_better(
    base: BaseModel, rows: TrainingRows
) -> None:
    shown, missing = (
        surveyed_difference(base, rows, replace(SURVEY, shown=it), lambda _: None) for it in (True, False)
    )
    assert shown.any()
    assert missing.any()
    assert not ((shown > 0) & (missing > 0)).any()


@pytest.mark.parametrize("min_snr_db", [-13.0, 60.0])
def test_looks_are_taken_where_the_signal_is_strong_enough(base: BaseModel, min_snr_db: float) -> None:
    times = telling_times(base.schedule, min_snr_db)
    signal_db = snr_db(base.schedule.levels(base.schedule.trained_at(times)))
    assert len(times) >= 1
    if min_snr_db < 0:
        assert (signal_db >= min_snr_db).all()
        assert len(times) < base.schedule.timesteps
    else:
        assert len(times) == 1
