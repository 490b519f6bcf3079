"""Every row of the proof is a training that can be ordered, and differs from SPF in what its title says."""

import pytest

from spf_portrait.contract.training_spec import LossSwitches, TrainingSpec
from spf_portrait.pico.proof.systems import SYSTEMS, systems_named, variant


def spec_of(name: str) -> TrainingSpec:
    (system,) = systems_named([name])
    return TrainingSpec.from_preset(**(system.options or {}))


@pytest.mark.parametrize("name", [system.name for system in SYSTEMS if system.options is not None])
def test_every_row_is_a_training_that_can_be_ordered(name: str) -> None:
    assert spec_of(name).base == "pico"


@pytest.mark.parametrize("term", [term for term in LossSwitches.model_fields if term != "enhancement"])
def test_an_ablation_switches_off_one_term_alone(term: str) -> None:
    whole, ablated = spec_of("spf"), spec_of(f"no-{term.replace('_', '-')}")
    switched = whole.losses.model_copy(update={term: False})
    assert ablated == whole.model_copy(update={"losses": switched})


def test_the_enhancement_is_off_unless_its_row_asks_for_it() -> None:
    assert spec_of("with-enhancement").enhances
    assert not spec_of("spf").enhances


def test_rows_are_chosen_by_name_and_keep_their_order() -> None:
    assert [system.name for system in systems_named(["spf", "lora"])] == ["lora", "spf"]
    assert systems_named([]) == SYSTEMS


def test_a_variant_changes_some_options_of_its_system() -> None:
    (ablated,) = systems_named(["no-fine-grained"])
    trial = variant(ablated, "trial", {"losses": {"control_map": False}, "rank": 4})
    assert (trial.name, trial.title) == ("trial", "trial")
    assert trial.options == {"losses": {"fine_grained": False, "control_map": False}, "rank": 4}
    assert ablated.options == {"losses": {"fine_grained": False}}
