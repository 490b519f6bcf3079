from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from spf_portrait.adapter import CROSS_ATTENTION, adapter_off, adapter_parameters, attach_adapter
from spf_portrait.alignment import Alignment
from spf_portrait.attention_recorder import AttentionRecorder
from spf_portrait.base_model import BaseModel, predict
from spf_portrait.clip_space import load_clip_space
from spf_portrait.contract.caption_set import load_caption_set
from spf_portrait.contract.jobs import LossSwitches, TrainingSpec
from spf_portrait.control_map import SCALE_BUCKETS, RunningScale
from spf_portrait.preparation import TrainingJob
from spf_portrait.stages import dual_path
from spf_portrait.training_set import MeaningRows, TrainingRows, load_pixels, meaning_rows, training_rows

ALL = {"denoise", "control_mean", "text_consistent", "fine_grained", "enhancement"}
T, NOISE = torch.tensor([100, 300, 600, 900]), torch.randn(4, 8, 8, 8)


@dataclass
class Scene:
    base: BaseModel
    rows: TrainingRows
    meaning: MeaningRows
    make: Callable[..., Alignment]


@pytest.fixture
def scene(base: BaseModel, make_job: Callable[..., TrainingJob]) -> Iterator[Scene]:
    """A base with a fresh adapter, the caption set as tensors, and a way to make alignments."""
    portraits = load_caption_set(make_job().data)
    pixels = load_pixels(portraits, 32)
    clip = load_clip_space(base.path, base.tokenizer, base.device)
    attach_adapter(base.unet, 2, CROSS_ATTENTION)
    with ExitStack() as stack:
        recorder = stack.enter_context(AttentionRecorder(base.unet))

        def make(**options: Any) -> Alignment:
            defaults: dict[str, Any] = {
                "switches": LossSwitches(),
                "control_map_gain": 1.0,
                "enhancement_form": "text_direction",
                "enhancement_t_max": 1.0,
                "scale": RunningScale(),
            }
            return Alignment(base=base, clip=clip, recorder=recorder, **{**defaults, **options})

        rows = training_rows(base, portraits, pixels, lambda done: None)
        yield Scene(base, rows, meaning_rows(clip, portraits, pixels), make)


def scramble(base: BaseModel) -> None:
    with torch.no_grad():
        for parameter in adapter_parameters(base.unet):
            parameter.normal_(std=0.3)


def test_equal_paths_give_no_map_and_no_alignment_loss(scene: Scene) -> None:
    same = replace(scene.rows, complete_states=scene.rows.base_states, complete_pooling=scene.rows.base_pooling)
    losses = scene.make().losses(same, scene.meaning, T, NOISE)
    assert losses["control_mean"] == losses["text_consistent"] == losses["fine_grained"] == 0


def test_a_changed_adapter_is_seen_by_every_term(scene: Scene) -> None:
    scramble(scene.base)
    losses = scene.make().losses(scene.rows, scene.meaning, T, NOISE)
    assert losses.keys() == ALL
    assert all(torch.isfinite(value) and value > 0 for value in losses.values())


def test_gradients_reach_the_adapter_and_nothing_else(scene: Scene) -> None:
    scramble(scene.base)
    losses = scene.make().losses(scene.rows, scene.meaning, T, NOISE)
    torch.stack(list(losses.values())).sum().backward()
    parts = (scene.base.unet, scene.base.vae, scene.base.text_encoder)
    named: list[tuple[str, Any]] = [pair for part in parts for pair in part.named_parameters()]
    assert all((parameter.grad is not None) == (".lora_" in name) for name, parameter in named)
    assert all(
        bool(parameter.grad.any()) for parameter in adapter_parameters(scene.base.unet) if parameter.grad is not None
    )


@pytest.mark.parametrize("term", ["text_consistent", "fine_grained", "enhancement"])
def test_a_switched_off_term_is_not_computed(scene: Scene, term: str) -> None:
    losses = scene.make(switches=LossSwitches(**{term: False})).losses(scene.rows, scene.meaning, T, NOISE)
    assert losses.keys() == ALL - {term}


def test_without_control_map_everything_is_held(scene: Scene) -> None:
    scramble(scene.base)
    with_map = scene.make(control_map_gain=0.0).losses(scene.rows, scene.meaning, T, NOISE)
    without = scene.make(switches=LossSwitches(control_map=False)).losses(scene.rows, scene.meaning, T, NOISE)
    assert without["control_mean"] == 0
    assert without["fine_grained"] > with_map["fine_grained"]
    assert without["text_consistent"] > with_map["text_consistent"]


def test_the_gain_subtracts_phrases(scene: Scene) -> None:
    scramble(scene.base)
    means = [
        scene.make(control_map_gain=gain).losses(scene.rows, scene.meaning, T, NOISE)["control_mean"] for gain in (0, 1)
    ]
    assert means[0] > means[1]


def test_enhancement_keeps_to_its_window(scene: Scene) -> None:
    def enhancement(fraction: float) -> Tensor:
        alignment = scene.make(enhancement_t_max=fraction)
        return alignment.losses(scene.rows, scene.meaning, T, NOISE)["enhancement"]

    assert enhancement(0.05) == 0
    assert 0 < enhancement(0.2) < enhancement(0.95), "one row of four, then all"


@pytest.mark.parametrize("form", ["exemplar", "image_direction", "text_direction"])
def test_the_form_arrives(scene: Scene, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[str] = []

    def spy(embeddings: Any) -> Tensor:
        used.append(form)
        return embeddings.response.sum(dim=-1)

    monkeypatch.setattr("spf_portrait.alignment.FORMS", {form: spy})
    scene.make(enhancement_form=form).losses(scene.rows, scene.meaning, T, NOISE)
    assert used == [form]


def test_the_scale_is_kept_from_step_to_step(scene: Scene) -> None:
    scale = RunningScale()
    scene.make(scale=scale).losses(scene.rows, scene.meaning, T, NOISE)
    assert scale.value.shape == (SCALE_BUCKETS,)
    assert scale.value.nonzero().flatten().tolist() == [1, 3, 6, 9]


def test_the_reference_is_the_original_model_on_the_base_text(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the alignment compares with is what the untouched U-Net says to the base text."""
    scramble(scene.base)
    seen: list[Tensor] = []

    def spy(base: BaseModel, x_t: Tensor, timesteps: Tensor, states: Tensor) -> Tensor:
        seen.append(predict(base, x_t, timesteps, states))
        with torch.no_grad(), adapter_off(base.unet):
            originals.append(predict(base, x_t, timesteps, scene.rows.base_states))
        return seen[-1]

    originals: list[Tensor] = []
    monkeypatch.setattr("spf_portrait.dual_path.predict", spy)
    scene.make(switches=LossSwitches(enhancement=False)).losses(scene.rows, scene.meaning, T, NOISE)
    reference, response = seen
    assert torch.equal(reference, originals[0])
    assert not reference.requires_grad
    assert response.requires_grad


def test_weights_of_the_specification_reach_the_stage(scene: Scene) -> None:
    spec = TrainingSpec(w_denoise=1, w_text_consistent=2, w_fine_grained=3, w_enhancement=4, stage2_steps=7)
    stage = dual_path(scene.make(), scene.rows, scene.meaning, spec)
    assert stage.weights == {"denoise": 1, "text_consistent": 2, "fine_grained": 3, "enhancement": 4}
    assert stage.steps == 7
