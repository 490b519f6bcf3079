"""One cell of the proof, with the bundled model."""

from pathlib import Path

import pytest

from spf_portrait.contract.events import Event
from spf_portrait.pico.proof.sets import BiasedSet
from spf_portrait.pico.proof.systems import System
from spf_portrait.pico.proof.trial import Bench, Target, figures

TARGET = "sunglasses"


@pytest.mark.slow
def test_a_training_is_compared_with_the_original_model_and_measured_once(tmp_path: Path) -> None:
    events: list[Event] = []
    bench = Bench(tmp_path, "pico", 1, {"learning_rate": 0.02, "stage1_steps": 3, "stage2_steps": 0}, events.append)
    changed, biased = System("changed", "", {}), BiasedSet(TARGET, named=True)
    measured = figures(bench, Target(bench, TARGET), changed, biased)
    assert measured["base_change"]["value"] > 0.001, "the original was drawn without the adapter"
    assert events
    events.clear()
    assert figures(bench, Target(bench, TARGET), changed, biased) == measured
    assert not events, "nothing is trained again"
