"""Measuring against the truth: right answers count as right, hidden axes do not count."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from spf_portrait.pico.judge import Judge, load_judge
from spf_portrait.pico.measuring.on_drawings import drawn_as_asked
from spf_portrait.pico.measuring.on_renders import accuracy, mean_and_worst, mean_psnr
from spf_portrait.pico.measuring.unseen import unseen
from spf_portrait.pico.renderer import render

PICO = Path(__file__).parents[4] / "models" / "pico"


@pytest.fixture(scope="module")
def judge() -> Judge:
    return load_judge(PICO)


def rendered(portraits: Sequence[dict[str, str]]) -> list[Image.Image]:
    return [render(attributes) for attributes in portraits]


def test_the_judges_accuracy_is_high_on_the_truth_and_low_on_lies(judge: Judge) -> None:
    truth = unseen(40)
    images = rendered(truth)
    told = accuracy(judge, images, truth)
    lies = accuracy(judge, images, [*truth[1:], truth[0]])
    assert mean_and_worst(told)["mean"] > 0.95
    assert mean_and_worst(lies)["mean"] < 0.6


def test_a_perfect_painter_draws_as_asked(judge: Judge) -> None:
    asked = unseen(60)
    assert mean_and_worst(drawn_as_asked(judge, rendered(asked), asked))["mean"] > 0.95


def test_summaries_name_the_worst() -> None:
    assert mean_and_worst({"a": 1.0, "b": 0.5}) == {"mean": 0.75, "worst": 0.5, "worst_is": "b"}


def test_psnr_of_a_known_difference() -> None:
    black, grey = Image.new("RGB", (128, 128), (0, 0, 0)), Image.new("RGB", (128, 128), (51, 51, 51))
    assert mean_psnr([black], [grey]) == pytest.approx(13.9794, abs=1e-3)
