from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from spf_portrait.adapter import CROSS_ATTENTION, adapter_off, adapter_parameters, attach_adapter
from spf_portrait.contract.caption_set import load_caption_set
from spf_portrait.contract.phrases import Caption
from spf_portrait.contract.preservation import Preservation
from spf_portrait.contract.training_spec import LossSwitches, TrainingSpec
from spf_portrait.method.alignment import Alignment
from spf_portrait.method.attention_recorder import AttentionRecorder
from spf_portrait.method.clip_space import load_clip_space
from spf_portrait.method.control_map import SCALE_BUCKETS, focused
from spf_portrait.method.map_memory import MapMemory
from spf_portrait.method.preserved_rows import PairDraw, PreservedRows, preserved_rows
from spf_portrait.method.seen_latents import exemplars
from spf_portrait.method.states import NoisedState, noised
from spf_portrait.method.training_set import (
    MeaningRows,
    TrainingRows,
    meaning_rows,
    prompt_shares,
    read_pixels,
    training_rows,
)
from spf_portrait.models.base_model import BaseModel, encode_nothing, predict
from spf_portrait.models.families.text_embedding import TextEmbedding
from spf_portrait.training.preparation import TrainingJob
from spf_portrait.training.stages import Draw, dual_path

ALL = {"denoise", "control_mean", "text_consistent", "fine_grained", "prediction_anchor", "enhancement"}
EVERYTHING: dict[str, Any] = {
    "control_map_gain": 1.0,
    "control_map_min_snr_db": -60.0,
    "enhancement_min_snr_db": -60.0,
    "w_enhancement": 0.1,
}
T, NOISE = torch.tensor([100, 300, 600, 900]), torch.randn(4, 8, 8, 8)


@dataclass
class Scene:
    base: BaseModel
    rows: TrainingRows
    meaning: MeaningRows
    make: Callable[..., Alignment]

    def losses(self, **options: Any) -> dict[str, Tensor]:
        """Of noised portraits, with these options of the specification."""
        return self.make(**options).losses(self.rows, self.meaning, torch.arange(4), self.state())

    def state(self) -> NoisedState:
        return noised(self.base.schedule, self.rows.x_0, T, NOISE)


@pytest.fixture
def scene(base: BaseModel, make_job: Callable[..., TrainingJob]) -> Iterator[Scene]:
    """A base with a fresh adapter, the caption set as tensors, and a way to make alignments."""
    portraits = load_caption_set(make_job().data)
    clip = load_clip_space(base.path, base.tokenizer, base.device)
    attach_adapter(base.network, 2, CROSS_ATTENTION)
    with ExitStack() as stack:
        recorder = stack.enter_context(AttentionRecorder(base.network))

        def make(**options: Any) -> Alignment:
            memory: MapMemory = options.pop("memory", MapMemory())
            spec = TrainingSpec.from_mapping({**EVERYTHING, **options})
            return Alignment(base=base, clip=clip, recorder=recorder, spec=spec, memory=memory)

        rows = training_rows(base, portraits, 32, lambda done: None)
        exemplar = exemplars(base, clip, read_pixels(portraits, 32), rows.x_0)
        yield Scene(base, rows, meaning_rows(clip, portraits, exemplar, TrainingSpec()), make)


def pairs_of(scene: Scene) -> PreservedRows:
    """Of all four portraits."""
    drawn = PairDraw(torch.arange(4), T, NOISE, torch.rand(4, 3))
    nothing = encode_nothing(scene.base)
    return preserved_rows(scene.base, scene.rows, none_of(scene), nothing, drawn, Preservation())


def none_of(scene: Scene) -> TrainingRows:
    """No pictures by the original model."""
    return scene.rows.chosen(torch.arange(0))


def scramble(base: BaseModel) -> None:
    with torch.no_grad():
        for parameter in adapter_parameters(base.network):
            parameter.normal_(std=0.3)


def test_equal_paths_give_no_map_and_no_alignment_loss(scene: Scene) -> None:
    same = replace(scene.rows, complete_text=scene.rows.base_text, complete_pooling=scene.rows.base_pooling)
    losses = scene.make().losses(same, scene.meaning, torch.arange(4), scene.state())
    assert losses["control_mean"] == losses["text_consistent"] == losses["fine_grained"] == 0
    assert losses["prediction_anchor"] == 0


def test_a_changed_adapter_is_seen_by_every_term(scene: Scene) -> None:
    scramble(scene.base)
    losses = scene.losses()
    assert losses.keys() == ALL
    assert all(torch.isfinite(value) and value > 0 for value in losses.values())


def test_gradients_reach_the_adapter_and_nothing_else(scene: Scene) -> None:
    scramble(scene.base)
    losses = scene.losses()
    torch.stack(list(losses.values())).sum().backward()
    parts = (scene.base.network, scene.base.vae, scene.base.parts.text_encoders[0].model)
    named: list[tuple[str, Any]] = [pair for part in parts for pair in part.named_parameters()]
    assert all((parameter.grad is not None) == (".lora_" in name) for name, parameter in named)
    assert all(
        bool(parameter.grad.any()) for parameter in adapter_parameters(scene.base.network) if parameter.grad is not None
    )


@pytest.mark.parametrize("term", ["text_consistent", "fine_grained", "enhancement"])
def test_a_switched_off_term_is_not_computed(scene: Scene, term: str) -> None:
    losses = scene.losses(losses=LossSwitches(**{term: False}))
    assert losses.keys() == ALL - {term}


def test_a_prediction_anchor_without_weight_is_not_computed(scene: Scene) -> None:
    assert scene.losses(w_prediction_anchor=0.0).keys() == ALL - {"prediction_anchor"}


def test_without_control_map_everything_is_held(scene: Scene) -> None:
    scramble(scene.base)
    with_map = scene.losses(control_map_gain=0.0)
    without = scene.losses(losses=LossSwitches(control_map=False))
    assert without["control_mean"] == 0
    assert without["fine_grained"] > with_map["fine_grained"]
    assert without["text_consistent"] > with_map["text_consistent"]
    assert without["prediction_anchor"] > with_map["prediction_anchor"]


def test_the_gain_subtracts_phrases(scene: Scene) -> None:
    scramble(scene.base)
    means = [scene.losses(control_map_gain=gain)["control_mean"] for gain in (0, 1)]
    assert means[0] > means[1]


def test_enhancement_keeps_to_its_window(scene: Scene) -> None:
    def enhancement(snr_db: float) -> Tensor:
        return scene.losses(enhancement_min_snr_db=snr_db)["enhancement"]

    assert enhancement(30) == 0
    assert 0 < enhancement(8) < enhancement(-60), "one row of four, then all"


def test_a_weight_of_zero_spares_the_enhancement(scene: Scene) -> None:
    assert "enhancement" not in scene.losses(w_enhancement=0.0)


def test_masked_denoising_learns_in_the_targets_place_alone(scene: Scene) -> None:
    scramble(scene.base)
    masked, everywhere = (scene.losses(masked_denoising=on)["denoise"] for on in (True, False))
    without_map = scene.losses(masked_denoising=True, losses=LossSwitches(control_map=False))["denoise"]
    assert masked > 0
    assert masked != everywhere == without_map


def test_preserved_rows_change_nothing_in_the_other_losses(scene: Scene) -> None:
    scramble(scene.base)
    alone = scene.losses()
    both = scene.make().losses(scene.rows, scene.meaning, torch.arange(4), scene.state(), pairs_of(scene))
    for name, value in alone.items():
        torch.testing.assert_close(both[name], value, msg=name)
    assert both.keys() - alone.keys() == {"preservation", "guided_preservation", "released"}


def test_an_adapter_that_changes_nothing_has_nothing_to_preserve(scene: Scene) -> None:
    losses = scene.make().losses(scene.rows, scene.meaning, torch.arange(4), scene.state(), pairs_of(scene))
    assert losses["preservation"] == losses["guided_preservation"] == 0


def test_without_a_control_map_nothing_is_released(scene: Scene) -> None:
    scramble(scene.base)
    switched_off = scene.make(losses=LossSwitches(control_map=False))
    losses = switched_off.losses(scene.rows, scene.meaning, torch.arange(4), scene.state(), pairs_of(scene))
    assert losses["released"] == 0 < losses["preservation"]


@pytest.mark.parametrize("form", ["exemplar", "image_direction", "text_direction"])
def test_the_form_arrives(scene: Scene, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[str] = []

    def spy(embeddings: Any) -> Tensor:
        used.append(form)
        return embeddings.response.sum(dim=-1)

    monkeypatch.setattr("spf_portrait.method.alignment.FORMS", {form: spy})
    scene.losses(enhancement_form=form)
    assert used == [form]


def test_the_scale_is_kept_from_step_to_step(scene: Scene) -> None:
    memory = MapMemory()
    scene.losses(memory=memory)
    assert memory.scale.shape == (SCALE_BUCKETS,)
    assert memory.scale.nonzero().flatten().tolist() == [1, 3, 6, 9]


def test_the_map_is_that_of_the_survey_or_of_this_step_alone(scene: Scene) -> None:
    scramble(scene.base)
    surveyed = torch.rand(4, 8, 8)
    found = scene.losses(memory=MapMemory(surveyed=surveyed), control_map_gain=0.0)
    torch.testing.assert_close(found["control_mean"], focused(surveyed, 0.3, 0.7).mean())
    memory = MapMemory()
    alone = scene.losses(memory=memory, control_map_gain=0.0)
    assert 0 < alone["control_mean"] < 1
    assert alone["control_mean"] != found["control_mean"]
    assert memory.surveyed is None, "a map of one step leaves no trace"


def test_stage_2_begins_with_a_survey_and_takes_it_once(scene: Scene) -> None:
    scramble(scene.base)
    memory, events = MapMemory(), list[Any]()
    spec = TrainingSpec(control_map_looks=3)
    stage = dual_path(scene.make(memory=memory, control_map_looks=3), scene.rows, scene.meaning, none_of(scene), spec)
    stage.begin(events.append)
    assert {event.phase for event in events} == {"surveying"}
    assert events[-1].step == events[-1].total == 3
    first = memory.surveyed
    assert first is not None
    assert first.shape == (4, 8, 8)
    stage.begin(events.append)
    assert memory.surveyed is first


def test_pictures_that_may_be_asked_for_the_target_are_surveyed_too(scene: Scene) -> None:
    scramble(scene.base)
    for share in (0.5, 0.0):
        memory, events = MapMemory(), list[Any]()
        spec = TrainingSpec(control_map_looks=3, preservation=Preservation(asked_share=share, pictures=3))
        alignment, pictures = scene.make(memory=memory, control_map_looks=3), scene.rows.chosen(torch.arange(3))
        replaced = replace(alignment, spec=spec)
        dual_path(replaced, scene.rows, scene.meaning, pictures, spec).begin(events.append)
        assert [event.step for event in events][-1] == events[-1].total == (6 if share else 3)
        assert memory.surveyed is not None
        if share:
            assert memory.pictures is not None
            assert memory.pictures.shape == (3, 8, 8)
        else:
            assert memory.pictures is None


def test_an_asked_pair_is_released_in_its_pictures_place(scene: Scene) -> None:
    """Of one whose target would come everywhere nothing is held but the answer to the empty text."""
    scramble(scene.base)
    drawn = PairDraw(torch.arange(4), T, NOISE, torch.zeros(4, 3))
    rows = preserved_rows(scene.base, scene.rows, scene.rows, encode_nothing(scene.base), drawn, Preservation())
    found: list[Tensor] = []
    for pictures in (torch.zeros(4, 8, 8), torch.ones(4, 8, 8)):
        memory = MapMemory(surveyed=torch.zeros(4, 8, 8), pictures=pictures)
        alignment = scene.make(memory=memory)
        losses = alignment.losses(scene.rows, scene.meaning, torch.arange(4), scene.state(), rows)
        found.append(losses["guided_preservation"])
    assert found[0] > 0
    assert found[1] == 0


@pytest.mark.parametrize("options", [{"control_map_looks": 0}, {"losses": LossSwitches(control_map=False)}])
def test_nothing_is_surveyed_for_a_map_that_does_not_need_it(scene: Scene, options: dict[str, Any]) -> None:
    memory = MapMemory()
    alignment = scene.make(memory=memory, **options)
    dual_path(alignment, scene.rows, scene.meaning, none_of(scene), alignment.spec).begin(lambda event: None)
    assert memory.surveyed is None


def test_the_reference_is_the_original_model_on_the_base_text(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the alignment compares with is what the untouched U-Net says to the base text."""
    scramble(scene.base)
    seen: list[Tensor] = []

    def spy(base: BaseModel, x_t: Tensor, timesteps: Tensor, text: TextEmbedding) -> Tensor:
        seen.append(predict(base, x_t, timesteps, text))
        with torch.no_grad(), adapter_off(base.network):
            originals.append(predict(base, x_t, timesteps, scene.rows.base_text))
        return seen[-1]

    originals: list[Tensor] = []
    monkeypatch.setattr("spf_portrait.method.dual_path.predict", spy)
    scene.losses(losses=LossSwitches(enhancement=False))
    reference, response = seen
    assert torch.equal(reference, originals[0])
    assert not reference.requires_grad
    assert response.requires_grad


def test_weights_of_the_specification_reach_the_stage(scene: Scene) -> None:
    anchors = {"prediction_anchor": 6, "base_anchor": 4}
    weights = {"denoise": 1, "text_consistent": 2, "fine_grained": 3, **anchors, "enhancement": 5}
    preserved = {"weight": 7, "guided_weight": 8, "denoise_weight": 9}
    named = {f"w_{name}": weight for name, weight in weights.items()}
    spec = TrainingSpec.from_mapping({"stage2_steps": 7, "preservation": preserved, **named})
    stage = dual_path(scene.make(), scene.rows, scene.meaning, none_of(scene), spec)
    assert stage.weights == {**weights, "preservation": 7, "guided_preservation": 8, "released": 9}
    assert stage.steps == 7


def test_a_map_of_ones_is_bit_for_bit_no_alignment(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scramble(scene.base)

    def ones(difference: Tensor, *rest: Any) -> Tensor:
        return torch.ones_like(difference)

    monkeypatch.setattr("spf_portrait.method.alignment.control_map", ones)
    everywhere = gradients(scene.base, scene.losses())
    off = LossSwitches(text_consistent=False, fine_grained=False)
    nowhere = gradients(scene.base, scene.losses(losses=off, w_prediction_anchor=0.0))
    assert all(torch.equal(a, b) for a, b in zip(everywhere, nowhere, strict=True))
    assert any(bool(gradient.any()) for gradient in nowhere)


def gradients(base: BaseModel, losses: dict[str, Tensor]) -> list[Tensor]:
    """Of the sum of all losses, for every parameter of the adapter."""
    total = torch.stack([value for name, value in losses.items() if name != "control_mean"]).sum()
    return list(torch.autograd.grad(total, adapter_parameters(base.network)))


def test_the_base_anchor_is_the_change_of_the_answer_to_the_base_text(scene: Scene) -> None:
    assert scene.losses(w_base_anchor=1.0)["base_anchor"] == 0, "a new adapter changes nothing"
    scramble(scene.base)
    state, text = scene.state(), scene.rows.base_text
    with torch.no_grad():
        after = predict(scene.base, state.x_t, T, text)
        with adapter_off(scene.base.network):
            before = predict(scene.base, state.x_t, T, text)
    found = scene.losses(w_base_anchor=1.0)["base_anchor"]
    torch.testing.assert_close(found, (after - before).square().mean())
    assert found.requires_grad


def test_the_halves_of_the_layers_make_up_the_whole(scene: Scene) -> None:
    scramble(scene.base)
    every, first, second = (
        scene.losses(aligned_layers=layers)["fine_grained"] for layers in ("all", "first_half", "second_half")
    )
    modules: list[tuple[str, Any]] = list(cast("Any", scene.base.network).named_modules())
    layers = sum(name.endswith("attn2") for name, _ in modules)
    half = layers // 2
    torch.testing.assert_close(every, (half * first + (layers - half) * second) / layers)
    assert first != second


def test_the_mean_of_the_phrases_subtracts_less_than_their_sum(scene: Scene) -> None:
    spec = TrainingSpec(control_map_subtraction="mean")
    mean, total = (shares_of(scene, one) for one in (spec, TrainingSpec()))
    torch.testing.assert_close(mean * len(mean), total)
    unweighted = shares_of(scene, TrainingSpec(control_map_distances=False))
    assert unweighted.tolist() == [1] * len(unweighted)


def shares_of(scene: Scene, spec: TrainingSpec) -> Tensor:
    """w_p of one caption under a specification."""
    alignment = scene.make()
    assert alignment.clip is not None
    caption = Caption(base=("a woman", "a red sweater", "a blue background"), target="blonde hair")
    return prompt_shares(alignment.clip, caption, (0.0, 1.0), spec)


@pytest.mark.parametrize(("every", "wanted"), [(1, [True, True, True]), (2, [True, False, True])])
def test_grown_states_take_denoising_from_a_batch_of_its_own(scene: Scene, every: int, wanted: list[bool]) -> None:
    spec = TrainingSpec(states="grown", grown_steps=2, denoise_every=every, preservation=Preservation(share=0))
    stage = dual_path(scene.make(states="grown"), scene.rows, scene.meaning, none_of(scene), spec)
    draws = [Draw(torch.arange(4), T, NOISE, step) for step in range(3)]
    found = [stage.losses(draw) for draw in draws]
    assert ["denoise" in losses for losses in found] == wanted
    assert all(losses.keys() | {"denoise"} == ALL for losses in found)
    known = scene.losses(masked_denoising=False)["denoise"]
    assert all(torch.equal(losses["denoise"], known) for losses in found if "denoise" in losses)


def test_a_part_of_a_steps_rows_goes_to_prior_preservation(scene: Scene) -> None:
    stage = dual_path(scene.make(), scene.rows, scene.meaning, none_of(scene), TrainingSpec(w_enhancement=0.1))
    scramble(scene.base)
    draw = Draw(torch.arange(4), T, NOISE, 0)
    found = stage.losses(draw)
    assert found.keys() == ALL | {"preservation", "guided_preservation", "released"}
    two_told = scene.make().losses(
        scene.rows.chosen(torch.arange(2)),
        scene.meaning.chosen(torch.arange(2)),
        torch.arange(2),
        noised(scene.base.schedule, scene.rows.x_0[:2], T[:2], NOISE[:2]),
    )
    torch.testing.assert_close(found["prediction_anchor"], two_told["prediction_anchor"])
    again, other = stage.losses(draw), stage.losses(Draw(torch.arange(4), T, NOISE, 1))
    assert found["preservation"] == again["preservation"] == other["preservation"], "no pictures: nothing to choose"
