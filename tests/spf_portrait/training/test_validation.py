"""What the two curves mean, and that measuring them changes nothing."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from spf_portrait.adapter import adapter_off
from spf_portrait.contract.events import Notice
from spf_portrait.method.losses import denoising_loss
from spf_portrait.models.base_model import predict
from spf_portrait.models.schedule import add_noise, prediction_target
from spf_portrait.training.loop import run_stages
from spf_portrait.training.preparation import PreparedTraining, TrainingJob, prepare
from spf_portrait.training.stages import Draw, Stage
from spf_portrait.training.validation import SMALLEST_SPLIT, WATCHED, Validation, rest_kept, split_rows, target_gained
from tests.spf_portrait.stepping import course_of
from tests.spf_portrait.tiny_adapters import scramble
from tests.spf_portrait.tiny_model import write_caption_folder

Make = Callable[..., TrainingJob]
TRUTH, REFERENCE, OTHER = torch.randn(3, 4, 8, 8, 8, generator=torch.Generator().manual_seed(0)).unbind()


def prepared(job: TrainingJob, report: Callable[[Any], None] = lambda event: None) -> PreparedTraining:
    with ExitStack() as stack:
        return prepare(job, report, stack)


def validation_of(run: PreparedTraining) -> Validation:
    return Validation(run.base, course_of(run).rows.chosen(run.split.watched))


def numbers(indices: Tensor) -> set[int]:
    return {int(index) for index in indices}


def test_naming_the_target_gains_nothing_if_it_changes_nothing_and_all_if_it_brings_the_truth() -> None:
    missing = TRUTH - REFERENCE
    assert target_gained(TRUTH, REFERENCE, OTHER, OTHER) == 0
    assert target_gained(TRUTH, REFERENCE, TRUTH, REFERENCE) == pytest.approx(1)
    assert target_gained(TRUTH, REFERENCE, REFERENCE + missing / 2, REFERENCE) == pytest.approx(0.75)


def test_too_strong_a_change_and_a_wrong_one_gain_less() -> None:
    missing = TRUTH - REFERENCE
    assert target_gained(TRUTH, REFERENCE, REFERENCE + 2 * missing, REFERENCE) == pytest.approx(0, abs=1e-5)
    assert target_gained(TRUTH, REFERENCE, REFERENCE - missing, REFERENCE) == pytest.approx(-3)


def test_what_a_training_puts_into_every_answer_gains_nothing_and_keeps_less() -> None:
    towards_truth = (TRUTH - REFERENCE) / 2
    drifted = REFERENCE + towards_truth
    assert target_gained(TRUTH, REFERENCE, drifted, drifted) == 0
    assert rest_kept(TRUTH, REFERENCE, drifted) == pytest.approx(0.75)
    assert rest_kept(TRUTH, REFERENCE, TRUTH) == pytest.approx(0)
    assert rest_kept(TRUTH, REFERENCE, REFERENCE) == 1


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_before_training_all_is_kept_and_the_words_alone_gain(make_job: Make, precision: str) -> None:
    measured = validation_of(prepared(make_job(precision=precision))).measure()
    assert measured["rest_kept"] == 1
    assert abs(measured["target_gained"]) < 0.1


@pytest.mark.parametrize("base", ["tiny", "tiny-epsilon"])
def test_both_are_means_over_the_timesteps_of_the_formulas(make_job: Make, base: str) -> None:
    run = prepared(make_job(base=base))
    scramble(run.base.network)
    found: list[Tensor] = []
    for seed, drawn in enumerate((200, 400, 600, 800)):
        rows, schedule = course_of(run).rows.chosen(run.split.watched), run.base.schedule
        timesteps, noise = (
            torch.full((4,), drawn),
            torch.randn(4, 8, 8, 8, generator=torch.Generator().manual_seed(seed)),
        )
        levels = schedule.levels(timesteps)
        x_t, truth = (
            add_noise(rows.x_0, noise, levels),
            prediction_target(rows.x_0, noise, levels, schedule.prediction),
        )
        with torch.no_grad():
            response, to_base = (
                predict(run.base, x_t, timesteps, text) for text in (rows.complete_text, rows.base_text)
            )
            with adapter_off(run.base.network):
                reference = predict(run.base, x_t, timesteps, rows.base_text)
        found.append(target_gained(truth, reference, response, to_base))
        found.append(rest_kept(truth, reference, to_base))
    measured = validation_of(run).measure()
    assert measured["target_gained"] == pytest.approx(float(torch.stack(found[::2]).mean()))
    assert measured["rest_kept"] == pytest.approx(float(torch.stack(found[1::2]).mean()))
    assert measured["rest_kept"] < 1


def test_measuring_twice_gives_the_same_numbers_and_draws_nothing_at_random(make_job: Make) -> None:
    run = prepared(make_job())
    scramble(run.base.network)
    before = (run.state.generator.get_state(), torch.get_rng_state())
    first, second = validation_of(run), validation_of(run)
    assert first.measure() == first.measure() == second.measure()
    assert torch.equal(before[0], run.state.generator.get_state())
    assert torch.equal(before[1], torch.get_rng_state())


@pytest.mark.parametrize("rows", [1, 3, 24, SMALLEST_SPLIT - 1, SMALLEST_SPLIT, 500])
def test_a_set_that_can_spare_them_holds_four_out(rows: int) -> None:
    split, again = split_rows(rows, may_hold_out=True), split_rows(rows, may_hold_out=True)
    assert torch.equal(split.training, again.training)
    assert torch.equal(split.watched, again.watched)
    assert len(split.watched) == min(rows, WATCHED)
    both = numbers(split.training) & numbers(split.watched)
    assert split.held_out == (rows >= SMALLEST_SPLIT) == (not both)
    assert numbers(split.training) | numbers(split.watched) == set(range(rows))
    assert len(split_rows(rows, may_hold_out=False).training) == rows


def test_no_step_uses_a_portrait_that_is_held_out(make_job: Make, tmp_path: Path) -> None:
    job = replace(make_job(validate_every=5), data=write_caption_folder(tmp_path / "many", SMALLEST_SPLIT))
    used: set[int] = set()
    with ExitStack() as stack:
        run = prepare(job, lambda event: None, stack)

        def losses(draw: Draw) -> dict[str, Tensor]:
            used.update(numbers(draw.portraits))
            return {"denoise": denoising_loss(run.state.parameters[0].sum(), torch.zeros(()))}

        stage = Stage("stage1", SMALLEST_SPLIT, losses, {"denoise": 1.0})
        course = replace(course_of(run), stages=(stage,))
        run_stages(replace(run, course=course), lambda event: None, lambda: False)
    assert used == numbers(run.split.training)
    assert not used & numbers(run.split.watched)
    assert len(run.split.watched) == WATCHED


def test_a_small_set_says_that_it_spares_none(make_job: Make, tmp_path: Path) -> None:
    def notices(job: TrainingJob) -> list[str]:
        events: list[Any] = []
        prepared(job, events.append)
        return [event.message for event in events if isinstance(event, Notice)]

    assert "4 portraits are too few" in notices(make_job(validate_every=5))[0]
    assert notices(make_job("silent")) == []
    many = write_caption_folder(tmp_path / "many", SMALLEST_SPLIT)
    assert notices(replace(make_job("many", validate_every=5), data=many)) == []
