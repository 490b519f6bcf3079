"""Cells of the proof with the bundled model: few steps and rough pictures, but all that a real one does."""

import json
from typing import Any

import pytest

from spf_portrait.contract.events import Event
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.drawing.trajectory import Sampling
from spf_portrait.pico.proof import pictures
from spf_portrait.pico.proof.bench import Bench
from spf_portrait.pico.proof.cell import Cell
from spf_portrait.pico.proof.records import as_lines
from spf_portrait.pico.proof.systems import ORIGINAL, SIBLING_ORACLE, System
from spf_portrait.pico.proof.trial import Trial
from spf_portrait.training.train import Preempted

TARGET = "blonde hair"
TEXTS = 2
SHORT: dict[str, Any] = {
    "method": "lora",
    "learning_rate": 0.05,
    "stage1_steps": 3,
    "stage2_steps": 0,
    "batch_size": 1,
    "validate_every": 0,
    "checkpoint_every": 0,
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("work"), "pico")


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_SAMPLING", Sampling(2, 4.0))


def trial(bench: Bench, system: System, events: list[Event] | None = None) -> Trial:
    told = events if events is not None else []
    if system.options is None:
        return Trial(bench, Cell(system, TARGET, TEXTS, "pico"), told.append)
    return Trial(bench, Cell(system, TARGET, TEXTS, "pico", "named", TrainingSpec(**SHORT)), told.append)


def test_a_training_is_compared_with_the_original_model_and_nothing_is_done_twice(bench: Bench) -> None:
    stops = iter([False, True])
    taught = trial(bench, System("taught", ""))
    with pytest.raises(Preempted):
        taught.trained(lambda: next(stops))
    assert taught.trained(lambda: False), "it goes on"
    record = taught.record()
    assert record["metrics"]["base_change"]["value"] > 0.001, "the original was drawn without the adapter"
    assert record["seconds"]["training"] > 0
    held = record["held"]
    assert held["metrics"]["outside_change"]["value"] < record["metrics"]["outside_change"]["value"]
    assert "base_shown" in record["cases"][0]
    assert not {"base_shown", "text", "floor"} & held["cases"][0].keys()
    many, held_many = record["cases"] * (24 // TEXTS), held["cases"] * (24 // TEXTS)
    assert len(as_lines({**record, "cases": many, "held": {**held, "cases": held_many}})) < 30_000, "24 texts"
    events: list[Event] = []
    again = trial(bench, System("taught", ""), events)
    assert not again.trained(lambda: False)
    repeated = again.record()
    assert not events, "neither trained nor drawn"
    for changing in ("finished", "seconds"):
        del record[changing], repeated[changing]
    assert json.loads(as_lines(record)) == json.loads(as_lines(repeated))


def test_a_record_tells_what_was_measured_and_every_text_of_it(bench: Bench) -> None:
    original = trial(bench, ORIGINAL)
    assert not original.trained(lambda: False)
    record = original.record()
    assert "held" not in record
    assert (record["system"], record["target"], record["bias"], record["spec"]) == ("original", TARGET, None, None)
    assert record["digest"] == original.digest
    assert [case["seed"] for case in record["cases"]] == [0, 1]
    for case in record["cases"]:
        assert case["pollution"] == case["floor"]
        assert {"visible", "shown", "base_shown", "outside_change", "identity"} <= case.keys()
    rates = [sum(case["pollution"].values()) / len(case["pollution"]) for case in record["cases"]]
    assert record["metrics"]["pollution"]["value"] == pytest.approx(sum(rates) / TEXTS, abs=1e-4)
    assert record["metrics"]["excess_pollution"]["value"] == 0
    assert record["metrics"]["attribute_accuracy"]["count"] == TEXTS


def test_the_sibling_oracle_is_asked_for_the_sibling_on_the_same_texts(bench: Bench) -> None:
    original, oracle = trial(bench, ORIGINAL), trial(bench, SIBLING_ORACLE)
    record, beside = oracle.record(), original.record()
    assert (record["target"], record["asked_for"]) == (TARGET, "brown hair")
    assert [case["text"] for case in record["cases"]] == [case["text"] for case in beside["cases"]]
    assert record["metrics"]["base_change"]["value"] == 0
    assert [case["floor"] for case in record["cases"]] == [case["floor"] for case in beside["cases"]]
    assert record["digest"] != beside["digest"]
