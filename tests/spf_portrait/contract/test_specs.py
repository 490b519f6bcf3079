"""Specifications are closed: bounds hold, and a refusal says what is allowed."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from spf_portrait.contract.base_info import FamilyKey
from spf_portrait.contract.drawing_spec import AdapterUse, ComparisonSpec
from spf_portrait.contract.errors import DataError, ModelError, SpecError
from spf_portrait.contract.methods import METHODS, Method
from spf_portrait.contract.preservation import Preservation
from spf_portrait.contract.preset_table import AMOUNTS, AdapterKind, Preset
from spf_portrait.contract.presets import FINE_TUNING, SPF_PAPER
from spf_portrait.contract.rivals import Rivals
from spf_portrait.contract.training_spec import LossSwitches, TrainingSpec

_HUB = """[{key}]
hub = "somebody/a-model"
revision = "0123456789abcdef0123456789abcdef01234567"
family = "{family}"
"""


@pytest.mark.parametrize("preset", get_args(Preset))
def test_presets_are_valid_and_overridable(preset: Preset) -> None:
    spec = TrainingSpec.from_preset(preset, rank=3, learning_rate=0.01)
    set_by_hand = {"preset": preset, "rank": 3, "learning_rate": 0.01}
    assert spec.model_dump() == {**TrainingSpec().model_dump(), **asdict(AMOUNTS["pico"][preset]), **set_by_hand}


@pytest.mark.parametrize("family", get_args(FamilyKey))
def test_presets_are_those_of_the_bases_family(family: FamilyKey, tmp_path: Path) -> None:
    """Pico's learning rate is twenty times what is right for a large network."""
    (tmp_path / "bases.toml").write_text(_HUB.format(key="large", family=family), "utf-8")
    for preset in get_args(Preset):
        spec = TrainingSpec.from_order({"base": "large", "preset": preset}, tmp_path)
        assert {name: getattr(spec, name) for name in asdict(AMOUNTS[family][preset])} == asdict(
            AMOUNTS[family][preset]
        )
        assert spec.learning_rate <= 1e-4
        assert 0 < spec.warmup_steps < spec.stage1_steps
        for kind in ("cross_attention", "whole_network"):
            matrices = TrainingSpec.from_order({"base": "large", "preset": preset, "adapter": kind}, tmp_path)
            assert matrices.learning_rate < spec.learning_rate


def test_a_base_as_small_as_pico_takes_picos_presets(tmp_path: Path) -> None:
    text = _HUB.format(key="small", family="sd1") + "image_size_px = 64\n"
    (tmp_path / "bases.toml").write_text(text, "utf-8")
    assert TrainingSpec.from_order({"base": "small"}, tmp_path) == TrainingSpec(base="small")


def test_a_batch_of_ones_own_is_not_accumulated_as_the_presets_is(tmp_path: Path) -> None:
    (tmp_path / "bases.toml").write_text(_HUB.format(key="large", family="sdxl"), "utf-8")
    assert TrainingSpec.from_order({"base": "large"}, tmp_path).accumulation == 4
    assert TrainingSpec.from_order({"base": "large", "batch_size": 2}, tmp_path).accumulation == 1


def test_a_base_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match="'nowhere'"):
        TrainingSpec.from_preset("quick", base="nowhere")


def test_defaults_are_the_quick_preset() -> None:
    assert TrainingSpec() == TrainingSpec.from_preset("quick")


def test_every_option_arrives(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "base": "other",
        "method": "lora",
        "preset": "thorough",
        "seed": 7,
        "stage1_steps": 11,
        "stage2_steps": 12,
        "batch_size": 3,
        "accumulation": 2,
        "learning_rate": 0.02,
        "learning_rate_end": 0.5,
        "warmup_steps": 6,
        "adapter": "cross_attention",
        "layers": "cross_attention_kv",
        "rank": 5,
        "image_size_px": 64,
        "w_text_consistent": 0.1,
        "w_fine_grained": 0.2,
        "w_enhancement": 0.35,
        "w_prediction_anchor": 0.7,
        "w_base_anchor": 0.6,
        "w_denoise": 0.4,
        "masked_denoising": False,
        "aligned_layers": "second_half",
        "states": "grown",
        "grown_by": "reference",
        "grown_steps": 5,
        "denoise_every": 3,
        "enhancement_form": "exemplar",
        "enhancement_min_snr_db": -3.0,
        "control_map_gain": 2.0,
        "control_map_subtraction": "mean",
        "control_map_distances": False,
        "control_map_looks": 0,
        "control_map_from": 0.2,
        "control_map_to": 0.6,
        "control_map_min_snr_db": -9.0,
        "precision": "bf16",
        "gradient_checkpointing": True,
        "checkpoint_every": 9,
        "keep_checkpoints": 2,
        "export_checkpoints": False,
        "validate_every": 8,
        "preview_every": 7,
        "preview_count": 1,
        "preservation": {
            "share": 0.25,
            "weight": 1.0,
            "guided_weight": 2.0,
            "guidance_scale": 3.0,
            "pictures": 5,
            "texts": 9,
            "picture_share": 0.4,
            "asked_share": 0.3,
            "times_power": 0.5,
            "release_min_snr_db": -8.0,
            "release_from": 0.2,
            "release_to": 0.3,
            "release_dilation": 2,
            "denoise_weight": 5.0,
        },
        "losses": {"text_consistent": False, "fine_grained": False, "enhancement": False, "control_map": False},
        "rivals": {
            "weight_l2": {"weight": 0.3},
            "adalora": {
                "initial_factor": 2.0,
                "warmup_share": 0.2,
                "final_share": 0.4,
                "interval": 5,
                "orthogonality": 0.1,
            },
            "tokencompose": {"token_weight": 0.1, "pixel_weight": 0.2},
            "output_preservation": {"weight": 2.0, "share": 0.25},
            "purecc": {"weight": 3.0},
            "concept_slider": {"strength": 2.0, "teacher": "original", "grown_steps": 4},
        },
    }
    assert set(options) == set(TrainingSpec.model_fields)
    defaults = TrainingSpec().model_dump()
    assert all(options[name] != defaults[name] for name in options)
    (tmp_path / "bases.toml").write_text(_HUB.format(key="other", family="sd1"), "utf-8")
    spec = TrainingSpec.from_order(options, tmp_path)
    assert spec.model_dump() == options
    assert TrainingSpec.model_validate_json(spec.model_dump_json()) == spec


def test_whole_matrices_take_smaller_steps_and_are_those_of_cross_attention() -> None:
    for preset in get_args(Preset):
        lora, matrices, network = (TrainingSpec.from_preset(preset, adapter=kind) for kind in get_args(AdapterKind))
        assert max(matrices.learning_rate, network.learning_rate) < lora.learning_rate
        assert TrainingSpec.from_preset(preset, adapter="cross_attention", learning_rate=1e-3).learning_rate == 1e-3
    assert TrainingSpec(adapter="cross_attention", method="lora").adapted_layers == "cross_attention"
    with pytest.raises(
        SpecError, match=r"layers = 'all_attention'; allowed: cross_attention, cross_attention_kv or null"
    ):
        TrainingSpec.from_preset("quick", adapter="cross_attention", layers="all_attention")


def test_naive_fine_tuning_trains_every_weight_and_chooses_no_layers() -> None:
    naive = TrainingSpec.from_preset("quick", method="naive")
    assert (naive.adapter_kind, naive.learning_rate) == ("whole_network", 1e-4)
    assert (
        TrainingSpec.from_preset("quick", method="naive", adapter="cross_attention").adapter_kind == "cross_attention"
    )
    with pytest.raises(SpecError, match="layers = 'cross_attention'; allowed: null with adapter whole_network"):
        TrainingSpec.from_preset("quick", adapter="whole_network", layers="cross_attention")


def test_the_papers_reading_is_set_by_one_word_and_can_still_be_changed() -> None:
    paper = TrainingSpec.from_preset("quick", method="spf-paper")
    assert {name: getattr(paper, name) for name in SPF_PAPER} == {**SPF_PAPER, "preservation": Preservation(share=0)}
    assert TrainingSpec.from_preset("quick", method="spf-paper", states="noised").states == "noised"
    dual = [method for method in get_args(Method) if TrainingSpec(method=method).is_dual_path]
    assert dual == ["spf", "spf-paper"]


@pytest.mark.parametrize("preset", get_args(Preset))
def test_every_method_for_comparison_has_the_budget_of_lora(preset: Preset) -> None:
    lora = TrainingSpec.from_preset(preset, method="lora")
    assert lora.learning_rate_end == FINE_TUNING["learning_rate_end"]
    for method in set(get_args(Method)) - {"spf", "spf-paper", "naive"}:
        spec = TrainingSpec.from_preset(preset, method=method)
        assert spec == lora.model_copy(update={"method": method})


def test_every_method_is_described_and_reads_the_part_of_its_name() -> None:
    assert METHODS.keys() == set(get_args(Method))
    own = {method.replace("-", "_") for method in get_args(Method) if TrainingSpec(method=method).own_settings}
    assert own == Rivals.model_fields.keys()


def test_only_portraits_that_are_seen_again_are_surveyed() -> None:
    looks = [TrainingSpec(states=states).map_looks for states in ("noised", "grown")]
    assert looks == [12, 0]
    assert TrainingSpec(control_map_looks=3).map_looks == 3
    with pytest.raises(SpecError, match="control_map_looks = 2; allowed: 0 or null with grown states"):
        TrainingSpec.from_preset("quick", states="grown", control_map_looks=2)


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
        ("accumulation", 0, "1"),
        ("precision", "fp16", "'fp32' or 'bf16'"),
        ("keep_checkpoints", 0, "1"),
        ("validate_every", -1, "0"),
        ("preview_count", 5, "4"),
        ("stage1_steps", 20_001, "20000"),
        ("learning_rate", 1.0, "0.1"),
        ("learning_rate", math.nan, "finite"),
        ("w_denoise", math.inf, "finite"),
        ("w_enhancement", -0.1, "0"),
        ("control_map_gain", 4.1, "4"),
        ("control_map_looks", -1, "0"),
        ("control_map_looks", 101, "100"),
        ("enhancement_min_snr_db", 61, "60"),
        ("control_map_to", 0.3, "more than control_map_from"),
        ("learning_rate_end", 1.5, "1"),
        ("warmup_steps", -1, "0"),
        ("warmup_steps", 2_001, "2000"),
        ("preservation", {"share": 0.9}, "0.8"),
        ("preservation", {"release_from": 0.4, "release_to": 0.4}, "more than release_from"),
        ("image_size_px", 16, "32"),
        ("method", "dreambooth", "'lora', 'naive'"),
        ("adapter", "dora", "'cross_attention' or 'whole_network'"),
        ("layers", "mlp", "'cross_attention_kv' or 'all_attention'"),
        ("enhancement_form", "none", "'text_direction'"),
        ("base", "../../etc", "pattern"),
        ("base", "hub/model", "pattern"),
        ("losses", 3, "LossSwitches"),
        ("states", "drawn", "'noised' or 'grown'"),
        ("grown_steps", 51, "50"),
        ("aligned_layers", "third", "'second_half'"),
    ],
)
def test_names_the_bound(option: str, value: object, allowed: str) -> None:
    options: dict[str, Any] = {option: value}
    with pytest.raises(SpecError) as refusal:
        TrainingSpec.from_preset("quick", **options)
    assert refusal.value.code == "option_out_of_bounds"
    assert option in refusal.value.found
    assert allowed in refusal.value.allowed


@pytest.mark.parametrize(
    "something",
    [
        {"w_denoise": 1.0},
        {"w_prediction_anchor": 1.0},
        {"w_base_anchor": 1.0},
        {"w_enhancement": 1.0},
        {"losses": {"fine_grained": False}},
        {"losses": {"text_consistent": False}},
        {"preservation": {"share": 0.5}},
        {"stage2_steps": 0},
        {"method": "lora"},
    ],
)
def test_a_second_stage_that_can_learn_nothing_is_refused(something: dict[str, Any]) -> None:
    nothing: dict[str, Any] = {
        "w_denoise": 0.0,
        "w_prediction_anchor": 0.0,
        "preservation": {"share": 0.0},
        "losses": {"text_consistent": False, "fine_grained": False},
    }
    with pytest.raises(SpecError, match="every loss is switched off") as refusal:
        TrainingSpec.from_preset("quick", **nothing)
    assert refusal.value.code == "nothing_to_learn"
    TrainingSpec.from_preset("quick", **(nothing | something))


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


def test_a_comparison_names_one_adapter_or_up_to_four() -> None:
    texts = {"base_text": "a man", "target": "sunglasses"}
    uses = [{"adapter": "hair", "strength": 0.6}, {"adapter": "hat"}]
    spec = ComparisonSpec.from_mapping({**texts, "adapters": uses})
    assert spec.adapters == (AdapterUse(adapter="hair", strength=0.6), AdapterUse(adapter="hat"))
    assert ComparisonSpec.model_validate_json(spec.model_dump_json()) == spec
    assert ComparisonSpec.from_mapping({**texts, "adapter": "hair", "strength": 0.6}).adapters == ()
    for wrong, found in (
        ({"adapters": uses, "adapter": "glasses"}, "either adapters"),
        ({"adapters": uses, "strength": 0.5}, "either adapters"),
        ({"adapters": uses * 3}, "at most 4"),
        ({"adapters": [{"adapter": "hair", "strength": 3}]}, "adapters.0.strength = 3"),
        ({"adapters": [{"adapter": "../hair"}]}, "adapters.0.adapter"),
        ({"adapters": [{"adapter": "hair", "weight": 1}]}, "'adapters.0.weight'; allowed: adapter, strength"),
    ):
        with pytest.raises(SpecError, match=found):
            ComparisonSpec.from_mapping({**texts, **wrong})


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
