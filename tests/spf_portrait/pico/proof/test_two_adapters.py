"""Two adapters at once, with the bundled model: few steps and rough pictures, but all that a real record does."""

from pathlib import Path
from typing import Any

import pytest
import torch

from spf_portrait.contract.bases import find_base
from spf_portrait.contract.errors import SpecError
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.drawing.trajectory import Sampling
from spf_portrait.pico.proof import two_adapters
from spf_portrait.pico.proof.bench import Bench
from spf_portrait.pico.proof.cell import Cell
from spf_portrait.pico.proof.systems import System
from spf_portrait.pico.proof.two_adapters import TwoAdapters
from spf_portrait.pico.proof.two_targets import TwoTargets

TARGETS = ("blonde hair", "sunglasses")
SHORT: dict[str, Any] = {
    "method": "lora",
    "learning_rate": 0.02,
    "stage1_steps": 3,
    "stage2_steps": 0,
    "batch_size": 1,
    "validate_every": 0,
    "checkpoint_every": 0,
}


def test_both_are_drawn_with_at_every_strength_and_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_adapters, "_SAMPLING", Sampling(2, 4.0))
    spec = TrainingSpec(**SHORT)
    first, second = (Cell(System("taught", ""), target, 2, "pico", "named", spec) for target in TARGETS)
    record = TwoAdapters(Bench(tmp_path, "pico"), (first, second), lambda event: None).record()
    changes = [record["together"][strength]["outside_change"]["value"] for strength in ("0.5", "1.0", "1.5")]
    assert changes == sorted(changes), "the stronger, the farther from the original model"
    assert len(set(changes)) == len(changes)
    for target in TARGETS:
        alone = record["alone"][target]
        assert f"shown {target}" in alone["tuned"]
        assert len([name for name in alone["tuned"] if name.startswith("shown")]) == 1
        assert alone["tuned"] != alone["original"], "the adapter was loaded"
        assert f"shown {target}" in record["original"]


def test_texts_are_silent_about_both_targets_and_the_same_in_either_order() -> None:
    path = find_base("pico").path
    texts = TwoTargets(path, TARGETS).base_texts(24)
    assert texts == TwoTargets(path, (TARGETS[1], TARGETS[0])).base_texts(24)
    assert len(set(texts)) == len(texts)
    colours = ("black", "brown", "ginger", "grey")
    for text in texts:
        assert "glasses" not in text
        assert not any(f"{colour} hair" in text for colour in colours)


@pytest.mark.parametrize("other", ["a turban", "blonde hair"])
def test_targets_that_no_portrait_shows_together_are_refused(other: str) -> None:
    with pytest.raises(SpecError, match="together"):
        TwoTargets(find_base("pico").path, ("blonde hair", other)).base_texts(1)


def test_pictures_equal_to_their_references_are_not_polluted() -> None:
    pictures = torch.randint(0, 256, (2, 3, 128, 128), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    measured = TwoTargets(find_base("pico").path, TARGETS).measured(pictures, pictures, ())
    assert measured.keys() == {"pollution", "outside_change"}
    assert measured["pollution"].value == measured["outside_change"].value == 0
