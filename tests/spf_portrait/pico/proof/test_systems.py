"""Every row of the proof is a training that can be ordered, and differs from SPF in what its title says."""

from pathlib import Path

import pytest

from spf_portrait.contract.events import Event
from spf_portrait.contract.training_spec import LossSwitches, TrainingSpec
from spf_portrait.pico.proof.systems import SYSTEMS, systems_named
from spf_portrait.pico.proof.trial import Bench


def ignore(event: Event) -> None:
    """No trial runs here."""


def spec_of(name: str, tmp_path: Path) -> TrainingSpec:
    (system,) = systems_named([name])
    return Bench(tmp_path, "pico", 4, {"seed": 3}, ignore).spec(system)


@pytest.mark.parametrize("name", [system.name for system in SYSTEMS])
def test_every_row_is_a_training_of_the_common_options(name: str, tmp_path: Path) -> None:
    assert (spec_of(name, tmp_path).seed, spec_of(name, tmp_path).base) == (3, "pico")


@pytest.mark.parametrize("term", LossSwitches.model_fields)
def test_an_ablation_switches_off_one_term_alone(term: str, tmp_path: Path) -> None:
    whole, ablated = spec_of("spf", tmp_path), spec_of(f"no-{term.replace('_', '-')}", tmp_path)
    switched = whole.losses.model_copy(update={term: False})
    assert ablated == whole.model_copy(update={"losses": switched})


def test_rows_are_chosen_by_name_and_keep_their_order() -> None:
    assert [system.name for system in systems_named(["spf", "lora"])] == ["lora", "spf"]
    assert systems_named([]) == SYSTEMS
