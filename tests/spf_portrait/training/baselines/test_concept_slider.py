"""Concept Slider: the aim is the original answer moved along the teacher's direction, and η = 0 is the original."""

from collections.abc import Callable
from typing import Any

import torch

from spf_portrait.training.baselines.concept_slider import slid
from spf_portrait.training.preparation import TrainingJob
from tests.spf_portrait.stepping import adapter_of, stepped

Make = Callable[..., TrainingJob]


def sliding(**options: Any) -> dict[str, Any]:
    return {"method": "concept-slider", "rivals": {"concept_slider": options}}


def test_the_answer_moves_along_the_difference() -> None:
    neutral, positive, negative = (torch.full((1, 4, 2, 2), value) for value in (1.0, 5.0, 2.0))
    assert torch.equal(slid(neutral, positive, negative, 0.5), torch.full((1, 4, 2, 2), 2.5))
    assert torch.equal(slid(neutral, positive, positive, 9.0), neutral)


def test_no_strength_asks_for_the_original_model(make_job: Make) -> None:
    log = stepped(make_job(**sliding(strength=0.0))).state.log
    assert [entry.get("slider") for entry in log] == [None, None, 0, 0, 0]


def test_the_tuned_model_teaches_from_stage_2_on(make_job: Make) -> None:
    extractor = adapter_of(stepped(make_job("stage1", method="lora", stage2_steps=0)))
    run = stepped(make_job("both", **sliding()))
    assert all(torch.equal(run.state.kept[f"teacher.{i}"], extractor[f"adapter.{i}"]) for i in range(len(extractor)))
    assert [sorted(entry.keys() - {"step", "stage"}) for entry in run.state.log] == [["denoise"]] * 2 + [["slider"]] * 3


def test_the_original_model_teaches_in_both_stages_and_nothing_is_frozen(make_job: Make) -> None:
    run = stepped(make_job(**sliding(teacher="original")))
    assert all(entry["slider"] > 0 for entry in run.state.log)
    assert run.state.kept == {}
