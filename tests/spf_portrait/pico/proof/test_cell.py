"""A cell is new when something changes its figures, and only then."""

from collections.abc import Callable
from typing import Any, get_args

import pytest

from spf_portrait.contract.methods import Method
from spf_portrait.contract.phrases import Caption
from spf_portrait.contract.rivals import Rivals
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.pico.proof.cell import ONLY_ALIGNED, ONLY_COMPARED, ONLY_WATCHED, Cell, cells_of
from spf_portrait.pico.proof.digests import digest_of
from spf_portrait.pico.proof.systems import ORIGINAL, SIBLING_ORACLE, System
from spf_portrait.training.preparation import TrainingJob, spec_hash
from tests.spf_portrait.stepping import equal, stepped

CAPTIONS = [Caption(base=("a person",), target="sunglasses")]
LORA, SPF = System("lora", "LoRA", {"method": "lora"}), System("spf", "SPF")
CHANGED: dict[str, Any] = {
    "w_text_consistent": 3.0,
    "w_fine_grained": 3.0,
    "w_enhancement": 3.0,
    "w_prediction_anchor": 3.0,
    "w_base_anchor": 3.0,
    "w_denoise": 3.0,
    "masked_denoising": False,
    "aligned_layers": "first_half",
    "states": "grown",
    "grown_by": "reference",
    "grown_steps": 3,
    "denoise_every": 2,
    "enhancement_form": "exemplar",
    "enhancement_min_snr_db": -10.0,
    "control_map_gain": 0.5,
    "control_map_subtraction": "mean",
    "control_map_distances": False,
    "control_map_looks": 0,
    "control_map_from": 0.2,
    "control_map_to": 0.8,
    "control_map_min_snr_db": -10.0,
    "preservation": {"share": 0.25},
    "losses": {"control_map": False},
}
OF_RIVALS: dict[str, tuple[str, Any]] = {
    "weight_l2": ("weight", 0.5),
    "adalora": ("interval", 5),
    "tokencompose": ("token_weight", 0.01),
    "output_preservation": ("share", 0.25),
    "purecc": ("weight", 2.0),
    "concept_slider": ("teacher", "original"),
}
READ_BY_ALL = {
    *("base", "method", "preset", "seed", "stage1_steps", "stage2_steps", "batch_size", "accumulation"),
    *("learning_rate", "learning_rate_end", "warmup_steps", "adapter", "layers", "rank", "image_size_px", "precision"),
    "validate_every",
}


def digest(base: str = "b", captions: list[Caption] = CAPTIONS, **options: Any) -> str:
    return digest_of(cell(**options).identity(base, captions))


def cell(**options: Any) -> Cell:
    return Cell(SPF, "sunglasses", 1, "pico", "named", TrainingSpec.from_preset(**options))


@pytest.mark.parametrize("changed", [*({name: value} for name, value in CHANGED.items()), {"rank": 4}, {"seed": 1}])
def test_a_setting_that_changes_is_a_new_cell(changed: dict[str, Any]) -> None:
    assert digest(**changed) != digest()


def test_other_weights_texts_and_sets_are_new_cells() -> None:
    assert digest(base="c") != digest()
    assert digest(captions=[Caption(base=("a person",), target="round glasses")]) != digest()
    unnamed = Cell(SPF, "sunglasses", 1, "pico", "unnamed", TrainingSpec())
    assert digest_of(unnamed.identity("b", CAPTIONS)) != digest()


@pytest.mark.parametrize("changed", [{"checkpoint_every": 7}, {"gradient_checkpointing": True}, {"preview_every": 5}])
def test_how_a_training_is_watched_is_no_new_cell(changed: dict[str, Any]) -> None:
    assert digest(**changed) == digest()
    assert TrainingSpec.model_fields.keys() >= ONLY_WATCHED
    assert spec_hash(TrainingSpec(**changed)) == spec_hash(TrainingSpec())


@pytest.mark.parametrize("method", ["lora", "naive"])
def test_what_only_the_alignment_reads_leaves_the_baselines_alone(method: str) -> None:
    assert CHANGED.keys() == ONLY_ALIGNED
    assert digest(method=method, **CHANGED) == digest(method=method)
    assert digest(method=method, learning_rate=1e-3) != digest(method=method)


def test_every_option_is_known_to_change_all_trainings_or_some_alone_or_none() -> None:
    """A new option belongs into one of the four: the baselines are not to be trained again for an option of SPF."""
    assert {*READ_BY_ALL, *ONLY_ALIGNED, *ONLY_WATCHED, *ONLY_COMPARED} == TrainingSpec.model_fields.keys()
    known = len(READ_BY_ALL) + len(ONLY_ALIGNED) + len(ONLY_WATCHED) + len(ONLY_COMPARED)
    assert known == len(TrainingSpec.model_fields)


@pytest.mark.parametrize("method", get_args(Method))
def test_a_setting_of_a_rival_makes_a_new_cell_of_that_rival_alone(method: Method) -> None:
    for name, (option, value) in OF_RIVALS.items():
        changed: dict[str, Any] = {"rivals": {name: {option: value}}}
        assert (digest(method=method, **changed) != digest(method=method)) == (name == method.replace("-", "_"))
        orders = TrainingSpec.from_preset(method=method), TrainingSpec.from_preset(method=method, **changed)
        assert (spec_hash(orders[0]) != spec_hash(orders[1])) == (name == method.replace("-", "_"))
    assert OF_RIVALS.keys() == Rivals.model_fields.keys()


def test_fine_tuning_reads_none_of_it(make_job: Callable[..., TrainingJob]) -> None:
    assert equal(stepped(make_job("plain", method="lora")), stepped(make_job("changed", method="lora", **CHANGED)))


def test_what_does_not_train_is_one_cell_for_every_bias() -> None:
    specs = {"spf": TrainingSpec(), "lora": TrainingSpec(method="lora")}
    systems = [ORIGINAL, SIBLING_ORACLE, LORA, SPF]
    cells = cells_of(systems, ["afro", "sunglasses"], ["named", "unnamed"], specs, 24, "pico")
    assert [found.name for found in cells[:4]] == [
        "afro/original",
        "afro/sibling-oracle",
        "afro/lora-named-s0",
        "afro/spf-named-s0",
    ]
    assert len(cells) == 2 * (2 + 2 * 2)
    assert {found.bias for found in cells if found.spec is None} == {None}
