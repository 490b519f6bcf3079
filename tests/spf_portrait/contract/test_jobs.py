"""Specifications are closed: bounds hold, and a refusal says what is allowed."""

import math
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from spf_portrait.contract.errors import DataError, SpecError
from spf_portrait.contract.jobs import PRESETS, ComparisonSpec, LossSwitches, Preset, TrainingSpec


@pytest.mark.parametrize("preset", get_args(Preset))
def test_presets_are_valid_and_overridable(preset: Preset) -> None:
    spec = TrainingSpec.from_preset(preset, rank=3, base="other")
    expected = {**TrainingSpec().model_dump(), **PRESETS[preset], "preset": preset, "rank": 3, "base": "other"}
    assert spec.model_dump() == expected


def test_defaults_are_the_quick_preset() -> None:
    assert TrainingSpec() == TrainingSpec.from_preset("quick")


def test_every_option_arrives() -> None:
    options: dict[str, Any] = {
        "base": "sd15",
        "method": "lora",
        "preset": "thorough",
        "seed": 7,
        "stage1_steps": 11,
        "stage2_steps": 12,
        "batch_size": 3,
        "learning_rate": 0.02,
        "rank": 5,
        "image_size_px": 64,
        "w_text_consistent": 0.1,
        "w_fine_grained": 0.2,
        "w_enhancement": 0.35,
        "w_denoise": 0.4,
        "enhancement_form": "exemplar",
        "control_map_gain": 2.0,
        "enhancement_t_max": 0.25,
        "checkpoint_every": 9,
        "losses": {"text_consistent": False, "fine_grained": False, "enhancement": False, "control_map": False},
    }
    assert set(options) == set(TrainingSpec.model_fields)
    defaults = TrainingSpec().model_dump()
    assert all(options[name] != defaults[name] for name in options)
    spec = TrainingSpec.from_preset(**options)
    assert spec.model_dump() == options
    assert TrainingSpec.model_validate_json(spec.model_dump_json()) == spec


def test_reads_numbers_from_a_command_line() -> None:
    spec = TrainingSpec.from_preset("quick", rank="12", learning_rate="1e-4", losses={"control_map": "false"})
    assert (spec.rank, spec.learning_rate, spec.losses) == (12, 1e-4, LossSwitches(control_map=False))


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("rank", 0, "greater than or equal to 1"),
        ("rank", 129, "less than or equal to 128"),
        ("rank", 1.5, "integer"),
        ("seed", -1, "greater than or equal to 0"),
        ("seed", 2**31, "less than or equal to 2147483647"),
        ("batch_size", 65, "64"),
        ("stage1_steps", 20_001, "20000"),
        ("learning_rate", 1.0, "0.1"),
        ("learning_rate", math.nan, "finite"),
        ("w_denoise", math.inf, "finite"),
        ("w_enhancement", -0.1, "0"),
        ("control_map_gain", 4.1, "4"),
        ("enhancement_t_max", 1.1, "1"),
        ("image_size_px", 16, "32"),
        ("method", "dreambooth", "'spf' or 'lora'"),
        ("enhancement_form", "none", "'text_direction'"),
        ("base", "../../etc", "pattern"),
        ("base", "hub/model", "pattern"),
        ("losses", 3, "LossSwitches"),
    ],
)
def test_names_the_bound(option: str, value: object, allowed: str) -> None:
    options: dict[str, Any] = {option: value}
    with pytest.raises(SpecError) as refusal:
        TrainingSpec.from_preset("quick", **options)
    assert refusal.value.code == "option_out_of_bounds"
    assert option in refusal.value.found
    assert allowed in refusal.value.allowed


def test_names_the_options_when_one_is_unknown() -> None:
    with pytest.raises(SpecError) as refusal:
        TrainingSpec.from_preset("quick", learning_rat=1e-3)
    assert refusal.value.code == "unknown_option"
    assert "learning_rat" in refusal.value.found
    assert set(refusal.value.allowed.split(", ")) == set(TrainingSpec.model_fields)


def test_names_the_switches_when_one_is_unknown() -> None:
    with pytest.raises(SpecError) as refusal:
        TrainingSpec.from_preset("quick", losses={"fine": True})
    assert "losses.fine" in refusal.value.found
    assert refusal.value.allowed == "text_consistent, fine_grained, enhancement, control_map"


def test_names_the_presets() -> None:
    preset: Any = "fast"
    with pytest.raises(SpecError, match="'quick', 'standard' or 'thorough'"):
        TrainingSpec.from_preset(preset)


def test_specifications_do_not_change() -> None:
    with pytest.raises(ValidationError):
        TrainingSpec().rank = 3  # pyright: ignore[reportAttributeAccessIssue]


def test_comparison_has_its_caption() -> None:
    spec = ComparisonSpec(base_text="a man with a red hat", target="sunglasses")
    assert spec.caption.complete_text == "a man, a red hat, sunglasses"
    assert ComparisonSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("steps", 0),
        ("steps", 101),
        ("guidance_scale", 0.9),
        ("guidance_scale", 20.1),
        ("strength", 2.1),
        ("adapter", "../adapter"),
        ("base_text", ""),
        ("target", "x" * 81),
        ("prompt", "x"),
    ],
)
def test_comparison_bounds(option: str, value: object) -> None:
    with pytest.raises(SpecError) as refusal:
        ComparisonSpec.from_mapping({"base_text": "a man", "target": "sunglasses", option: value})
    assert option in refusal.value.found


def test_comparison_needs_its_texts() -> None:
    with pytest.raises(SpecError) as refusal:
        ComparisonSpec.from_mapping({"target": "sunglasses"})
    assert refusal.value.code == "missing_option"
    with pytest.raises(DataError) as contradiction:
        _ = ComparisonSpec(base_text="a man, sunglasses", target="sunglasses").caption
    assert contradiction.value.code == "target_in_base"
