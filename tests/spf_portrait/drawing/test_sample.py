import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image

from spf_portrait.adapter import CROSS_ATTENTION, attach_adapter, lora_layers
from spf_portrait.contract.artifacts import (
    ADAPTER,
    CONTROL_MAP,
    NOISE_DIFFERENCE,
    RECONSTRUCTION,
    REFERENCE,
    RESPONSE,
    SAMPLE,
    attention_difference_name,
    attention_map_name,
    control_map_name,
    layer_map_name,
    mean_attention_difference_name,
    noise_difference_name,
)
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.contract.errors import ModelError, SpecError
from spf_portrait.contract.events import Notice, Progress
from spf_portrait.drawing.layer_maps import attention_difference
from spf_portrait.drawing.pair import draw_pair
from spf_portrait.drawing.path import evenly_chosen
from spf_portrait.drawing.sample import SampleJob, sample
from spf_portrait.method.attention_maps import PAD, TARGET, mean_over_layers
from spf_portrait.models.base_model import BaseModel, predict
from spf_portrait.models.families.text_embedding import TextEmbedding
from spf_portrait.training.preparation import TrainingJob
from spf_portrait.training.train import train
from tests.spf_portrait.tiny_adapters import scramble, write_adapter


def spec(**options: Any) -> ComparisonSpec:
    defaults = {"base": "tiny", "base_text": "a woman, a brown jacket", "target": "blonde hair", "steps": 10}
    return ComparisonSpec.from_mapping({**defaults, **options})


def test_all_files_of_a_pair_are_there(make_job: Callable[..., TrainingJob], models_dir: Path, tmp_path: Path) -> None:
    job = make_job()
    train(job, lambda event: None)
    events: list[Any] = []
    out = tmp_path / "pair"
    finished = sample(SampleJob(spec(), job.out / ADAPTER, out, models_dir), events.append)
    assert set(finished.files) == {REFERENCE, RESPONSE, CONTROL_MAP, NOISE_DIFFERENCE, SAMPLE}
    described = json.loads((out / SAMPLE).read_text())
    assert described["phrases"] == ["a woman", "a brown jacket", "blonde hair", "PAD"]
    assert described["ai_generated"] is True
    assert len(described["adapter_sha256"]) == 64
    assert len(described["timesteps"]) == 8
    wanted = {name(t) for t in range(8) for name in (control_map_name, noise_difference_name)}
    wanted |= {attention_map_name("response", phrase, t) for phrase in range(4) for t in range(8)}
    wanted |= {attention_map_name("reference", phrase, t) for phrase in (0, 1, 3) for t in range(8)}
    assert set(described["maps"]) == wanted
    for name in wanted:
        image = Image.open(out / name)
        assert (image.mode, image.size) == ("L", (32, 32))
    assert Image.open(out / RESPONSE).info["Comment"] == "AI-generated"
    steps = [event.step for event in events if isinstance(event, Progress) and event.phase == "sampling"]
    assert (steps[0], steps[-1]) == (0, 20)


def test_without_maps_only_the_pictures_are_written(models_dir: Path, tmp_path: Path) -> None:
    sample(SampleJob(spec(maps=False), None, tmp_path / "pair", models_dir), lambda event: None)
    assert {path.name for path in (tmp_path / "pair").iterdir()} == {REFERENCE, RESPONSE, SAMPLE}


def test_the_same_seed_gives_the_same_pair(base: BaseModel) -> None:
    first, again, other = (draw_pair(base, spec(seed=seed), lambda step: None) for seed in (1, 1, 2))
    assert torch.equal(first.response.picture, again.response.picture)
    assert not torch.equal(first.response.picture, other.response.picture)


def test_maps_do_not_change_the_picture(base: BaseModel) -> None:
    with_maps, without = (draw_pair(base, spec(maps=maps), lambda step: None) for maps in (True, False))
    assert torch.equal(with_maps.reference.picture, without.reference.picture)
    assert torch.equal(with_maps.response.picture, without.response.picture)
    assert without.response.timesteps == ()


def test_neither_layer_maps_nor_a_reconstruction_change_the_pair(base: BaseModel) -> None:
    attach_adapter(base.network, 2, CROSS_ATTENTION)
    scramble(base.network)
    plain, recorded, rebuilt = (
        draw_pair(base, spec(steps=3, **options), lambda step: None)
        for options in ({"maps": False}, {"layer_maps": True}, {"reconstruction": True})
    )
    for other in (recorded, rebuilt):
        assert torch.equal(other.reference.picture, plain.reference.picture)
        assert torch.equal(other.response.picture, plain.response.picture)
    assert torch.equal(recorded.response.attention, rebuilt.response.attention)
    assert rebuilt.response.layers == ()
    assert rebuilt.response.shared.numel() == 0


def test_the_mean_of_the_layers_is_the_map_that_is_always_drawn(base: BaseModel) -> None:
    pair = draw_pair(base, spec(steps=3, layer_maps=True), lambda step: None)
    assert len(pair.layer_names) == len(pair.response.layers) == 4
    assert all(name.endswith("attn2") for name in pair.layer_names)
    for path in (pair.reference, pair.response):
        torch.testing.assert_close(mean_over_layers(path.layers, *path.attention.shape[-2:]), path.attention)


def test_the_difference_of_attention_leaves_the_target_out(base: BaseModel) -> None:
    """The reference has no target, so nothing is left out there."""
    pair = draw_pair(base, spec(steps=3, layer_maps=True), lambda step: None)
    seen = pair.reference.attention
    torch.testing.assert_close(pair.reference.shared, torch.cat((seen[:, :TARGET], seen[:, PAD, None]), dim=1))
    assert bool((pair.response.shared >= pair.response.attention[:, [0, 1, PAD]]).all())
    assert torch.equal(attention_difference(pair), pair.response.shared - pair.reference.shared)


def test_all_layer_maps_are_there_and_described(base: BaseModel, models_dir: Path, tmp_path: Path) -> None:
    adapter, out = write_adapter(base.network, tmp_path / "hair.safetensors"), tmp_path / "pair"
    sample(SampleJob(spec(steps=2, layer_maps=True), adapter, out, models_dir), lambda event: None)
    described = json.loads((out / SAMPLE).read_text())
    phrases = {"reference": (0, 1, 3), "response": (0, 1, 2, 3)}
    for layer, facts in enumerate(described["layers"]):
        assert base.network.get_submodule(facts["name"])
        assert len(facts["white"]) == 4
        for path in ("reference", "response"):
            names = [layer_map_name(path, layer, phrase, t) for phrase in phrases[path] for t in range(2)]
            assert {(out / name).is_file() for name in names} == {name in described["maps"] for name in names} == {True}
            image = Image.open(out / names[0])
            assert (image.mode, image.size) == ("L", (facts["columns"], facts["rows"]))
            assert image.info["Comment"] == "AI-generated"
    drawn = {name for name in described["maps"] if name.startswith("maps/difference/")}
    assert drawn == {
        *(mean_attention_difference_name(phrase) for phrase in (0, 1, 3)),
        *(attention_difference_name(phrase, t) for phrase in (0, 1, 3) for t in range(2)),
    }
    assert described["attention_difference"]["phrases"] == [0, 1, 3]
    assert all(end > 0 for end in described["attention_difference"]["strongest_colour"])


def test_a_phrase_is_white_in_a_layer_where_it_is_attended_most(models_dir: Path, tmp_path: Path) -> None:
    sample(SampleJob(spec(steps=2, layer_maps=True), None, tmp_path, models_dir), lambda event: None)
    names = [layer_map_name(path, 1, 0, t) for path in ("reference", "response") for t in range(2)]
    brightest = [Image.open(tmp_path / name).getextrema()[1] for name in names]
    assert max(int(str(value)) for value in brightest) == 255


def test_layer_maps_need_maps() -> None:
    with pytest.raises(SpecError, match="layer_maps = True; allowed: false without maps"):
        spec(maps=False, layer_maps=True)


def test_the_reconstruction_is_the_base_text_by_the_tuned_model(
    base: BaseModel, models_dir: Path, tmp_path: Path
) -> None:
    adapter = write_adapter(base.network, tmp_path / "hair.safetensors")
    changes: list[float] = []
    for strength in (0.0, 1.0):
        out, events = tmp_path / str(strength), list[Any]()
        job = SampleJob(spec(steps=2, reconstruction=True, strength=strength), adapter, out, models_dir)
        assert RECONSTRUCTION in sample(job, events.append).files
        steps = [event.step for event in events if isinstance(event, Progress) and event.phase == "sampling"]
        assert steps[-1] == 6
        reference, rebuilt = (
            numpy.asarray(Image.open(out / name)).astype(float) for name in (REFERENCE, RECONSTRUCTION)
        )
        changes.append(json.loads((out / SAMPLE).read_text())["reconstruction_change"])
        assert changes[-1] == pytest.approx(abs(rebuilt - reference).mean() / 255, rel=1e-5)
    assert changes[0] == 0, "the original model draws its own picture again"
    assert changes[1] > 0
    attach_adapter(base.network, 2, CROSS_ATTENTION)
    scramble(base.network)
    one, two = (
        draw_pair(base, spec(steps=2, maps=False, reconstruction=True, target=target), lambda step: None).reconstruction
        for target in ("hat", "blonde hair")
    )
    assert one is not None
    assert two is not None
    assert torch.equal(one, two), "whatever the target"


def test_guidance_and_steps_arrive(base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []

    def spy(model: BaseModel, x_t: torch.Tensor, timestep: torch.Tensor, text: TextEmbedding) -> torch.Tensor:
        batches.append(len(x_t))
        return predict(model, x_t, timestep, text)

    monkeypatch.setattr("spf_portrait.drawing.trajectory.predict", spy)
    draw_pair(base, spec(steps=3, guidance_scale=1, maps=False), lambda step: None)
    draw_pair(base, spec(steps=5, guidance_scale=2, maps=False), lambda step: None)
    assert batches == [1] * 6 + [2] * 10


def test_the_reference_is_the_base_text_alone(base: BaseModel) -> None:
    one = draw_pair(base, spec(target="hat", maps=False), lambda step: None)
    two = draw_pair(base, spec(target="blonde hair", maps=False), lambda step: None)
    assert torch.equal(one.reference.picture, two.reference.picture)
    assert not torch.equal(one.response.picture, two.response.picture)


def test_the_difference_is_taken_against_the_original_model(base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    attach_adapter(base.network, 2, CROSS_ATTENTION)
    off: list[bool] = []

    def spy(model: BaseModel, x_t: torch.Tensor, timestep: torch.Tensor, text: TextEmbedding) -> torch.Tensor:
        off.append(all(layer.disable_adapters for _, layer in lora_layers(model.network)))
        return predict(model, x_t, timestep, text)

    monkeypatch.setattr("spf_portrait.drawing.pair.predict", spy)
    monkeypatch.setattr("spf_portrait.drawing.trajectory.predict", spy)
    draw_pair(base, spec(steps=2, maps=True), lambda step: None)
    assert off == [True, True, False, False, True], "reference twice, response twice, the original on both states"


def test_the_strength_arrives(make_job: Callable[..., TrainingJob], models_dir: Path, tmp_path: Path) -> None:
    job = make_job(learning_rate=0.05)
    train(job, lambda event: None)
    pictures: list[bytes] = []
    for strength, adapter in ((0.0, job.out / ADAPTER), (1.0, job.out / ADAPTER), (1.0, None)):
        out = tmp_path / f"{len(pictures)}"
        sample(SampleJob(spec(steps=2, maps=False, strength=strength), adapter, out, models_dir), lambda event: None)
        pictures.append((out / RESPONSE).read_bytes())
    assert pictures[0] == pictures[2], "strength 0 is the original model"
    assert pictures[0] != pictures[1]


def test_several_adapters_draw_together(make_job: Callable[..., TrainingJob], models_dir: Path, tmp_path: Path) -> None:
    files = [make_job(out, seed=seed, learning_rate=0.05) for out, seed in (("hair", 1), ("hat", 2))]
    for job in files:
        train(job, lambda event: None)
    hair, hat = (job.out / ADAPTER for job in files)

    def response(name: str, strengths: tuple[float, ...], paths: tuple[Path, ...]) -> bytes:
        uses = [{"adapter": path.parent.name, "strength": s} for path, s in zip(paths, strengths, strict=True)]
        job = SampleJob(spec(steps=2, maps=False, adapters=uses), None, tmp_path / name, models_dir, paths)
        sample(job, lambda event: None)
        return (tmp_path / name / RESPONSE).read_bytes()

    both = response("both", (0.6, 1.0), (hair, hat))
    described = json.loads((tmp_path / "both" / SAMPLE).read_text())
    assert described["adapters"] == [{"adapter": "hair", "strength": 0.6}, {"adapter": "hat", "strength": 1.0}]
    assert len(set(described["adapters_sha256"])) == 2
    alone = response("alone", (1.0,), (hat,))
    assert response("one-off", (0.0, 1.0), (hair, hat)) == alone, "an adapter of strength 0 is not there"
    assert both != alone
    assert response("none", (0.0, 0.0), (hair, hat)) == response("original", (), ())


@pytest.mark.parametrize("count", [0, 1])
def test_the_files_must_be_those_that_the_specification_names(models_dir: Path, tmp_path: Path, count: int) -> None:
    two = spec(adapters=[{"adapter": "hair"}, {"adapter": "hat"}])
    job = SampleJob(two, None, tmp_path / "pair", models_dir, (tmp_path / "hair.safetensors",) * count)
    with pytest.raises(SpecError, match=f"{count} files for 2 adapters"):
        sample(job, lambda event: None)
    assert not (tmp_path / "pair").exists()


def test_an_adapter_of_another_base_of_that_shape_is_named(
    make_job: Callable[..., TrainingJob], models_dir: Path, tmp_path: Path
) -> None:
    job = make_job()
    train(job, lambda event: None)
    events: list[Any] = []
    order = SampleJob(spec(base="tiny-epsilon", steps=1, maps=False), job.out / ADAPTER, tmp_path / "pair", models_dir)
    sample(order, events.append)
    notices = [event.message for event in events if isinstance(event, Notice)]
    assert notices == ["An adapter was trained on tiny; on tiny-epsilon it may do less, or other things."]


def test_nothing_is_written_when_the_adapter_is_missing(models_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.safetensors"):
        sample(SampleJob(spec(), tmp_path / "gone.safetensors", tmp_path / "pair", models_dir), lambda event: None)
    assert not (tmp_path / "pair").exists()


@pytest.mark.parametrize(
    ("steps", "chosen"), [(25, (0, 3, 7, 10, 14, 17, 21, 24)), (3, (0, 1, 2)), (8, tuple(range(8)))]
)
def test_recorded_steps_are_evenly_spread(steps: int, chosen: tuple[int, ...]) -> None:
    assert evenly_chosen(steps, 8) == chosen
