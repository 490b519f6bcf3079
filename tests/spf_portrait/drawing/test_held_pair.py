"""Pairs whose response is drawn with the rest held: what is drawn, what is recorded of it, and what it costs."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from spf_portrait.adapter import attach_adapter, lora_layers
from spf_portrait.contract.artifacts import HOLD_MAP, REFERENCE, RESPONSE, SAMPLE, hold_map_name
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.contract.errors import SpecError
from spf_portrait.contract.hold import Hold
from spf_portrait.drawing import hold as hold_module
from spf_portrait.drawing.four_pictures import Case, draw_held
from spf_portrait.drawing.pair import Pair, draw_pair, steps_of_pair
from spf_portrait.drawing.pictures import eight_bit
from spf_portrait.drawing.sample import SampleJob, sample
from spf_portrait.drawing.trajectory import Sampling
from spf_portrait.models.base_model import BaseModel, predict
from spf_portrait.models.families.text_embedding import TextEmbedding
from tests.spf_portrait.tiny_adapters import scramble, write_adapter

STRICT = Hold(held_below=0.3, free_above=0.7)
"""The tiny model's answers differ nearly as much everywhere."""


def spec(**options: Any) -> ComparisonSpec:
    defaults = {"base": "tiny", "base_text": "a woman, a brown jacket", "target": "blonde hair", "steps": 3}
    return ComparisonSpec.from_mapping({**defaults, **options})


def tuned(base: BaseModel) -> BaseModel:
    attach_adapter(base.network, 2, base.family.cross_attention_modules)
    scramble(base.network)
    return base


def pair(base: BaseModel, **options: Any) -> Pair:
    return draw_pair(base, spec(**options), lambda step: None)


def force_map(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    def forced(difference: Tensor, held_below: float, free_above: float) -> Tensor:
        return torch.full_like(difference, value)

    monkeypatch.setattr(hold_module, "focused", forced)


@pytest.mark.parametrize("guidance_scale", [1.0, 3.0])
@pytest.mark.parametrize("maps", [True, False])
def test_a_map_of_zeros_responds_with_the_reference_and_one_of_ones_with_the_plain_response(
    base: BaseModel, monkeypatch: pytest.MonkeyPatch, guidance_scale: float, maps: bool
) -> None:
    options = {"guidance_scale": guidance_scale, "maps": maps}
    plain = pair(tuned(base), **options)
    assert not torch.equal(plain.response.picture, plain.reference.picture)
    for value, expected in ((0.0, plain.reference), (1.0, plain.response)):
        force_map(monkeypatch, value)
        held = pair(base, hold=Hold(), **options)
        assert torch.equal(held.response.picture, expected.picture)
        assert torch.equal(held.reference.picture, plain.reference.picture)


def test_the_response_is_the_held_picture_of_an_evaluation(base: BaseModel) -> None:
    hold = Hold(held_below=0.3, free_above=0.7, firmness=0.8)
    ordered = spec(hold=hold, seed=5)
    response = draw_pair(tuned(base), ordered, lambda step: None).response.picture
    sampling = Sampling(ordered.steps, ordered.guidance_scale)
    evaluated = draw_held(base, [Case(ordered.caption, ordered.seed)], sampling, hold, lambda steps: None)
    assert torch.equal(eight_bit(response), evaluated[0])


def test_what_is_recorded_without_firmness_is_what_is_recorded_without_a_hold(base: BaseModel) -> None:
    """So the original model's passes between the steps leave no trace in it."""
    tuned(base)
    plain, held = (pair(base, layer_maps=True, hold=hold) for hold in (None, Hold(firmness=0)))
    for path, other in ((plain.response, held.response), (plain.reference, held.reference)):
        assert torch.equal(path.attention, other.attention)
        assert torch.equal(path.shared, other.shared)
        assert all(map(torch.equal, path.layers, other.layers))
        assert path.timesteps == other.timesteps
    assert torch.equal(plain.response.difference, held.response.difference)
    assert torch.equal(held.response.hold_map, torch.ones_like(held.response.difference))
    assert plain.response.hold_map.numel() == plain.reference.hold_map.numel() == 0


def test_what_is_recorded_is_of_the_picture_that_is_shown(base: BaseModel) -> None:
    """All start from one noise; from there the held response goes its own way, and its maps with it."""
    tuned(base)
    plain, held = (pair(base, hold=hold).response for hold in (None, STRICT))
    for recorded, other in ((plain.attention, held.attention), (plain.difference, held.difference)):
        assert torch.equal(recorded[0], other[0])
        assert not torch.equal(recorded[-1], other[-1])
    assert 0 < held.hold_map.mean() < 1


def test_the_hold_map_is_the_one_that_was_drawn_with(base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Tensor] = []
    mix = hold_module.held_answer

    def spy(original: Tensor, other: Tensor, m: Tensor) -> Tensor:
        drawn.append(m)
        return mix(original, other, m)

    monkeypatch.setattr(hold_module, "held_answer", spy)
    held = pair(tuned(base), steps=10, hold=Hold()).response
    assert len(drawn) == 10
    assert torch.equal(held.hold_map, torch.cat([drawn[step] for step in (0, 1, 3, 4, 5, 6, 8, 9)]))


def test_a_held_response_is_drawn_twice_and_watched_in_its_second_half(
    base: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[tuple[int, bool]] = []

    def spy(model: BaseModel, x_t: Tensor, timestep: Tensor, text: TextEmbedding) -> Tensor:
        passes.append((len(x_t), all(layer.disable_adapters for _, layer in lora_layers(model.network))))
        return predict(model, x_t, timestep, text)

    for module in ("trajectory", "pair", "target_watch"):
        monkeypatch.setattr(f"spf_portrait.drawing.{module}.predict", spy)
    pair(tuned(base), hold=Hold(), guidance_scale=3)
    reference, tuned_step, looked = [(2, True)], [(2, False)], [(2, False), (2, True)]
    plain = tuned_step + 2 * (tuned_step + looked)
    assert passes[: 3 + len(plain)] == reference * 3 + plain
    assert passes[3 + len(plain) :] == [(2, False), (2, True)] * 3 + [(2, True), (1, True)], (
        "the last two are of the noise difference"
    )
    passes.clear()
    pair(base, hold=Hold(), guidance_scale=1, maps=False, reconstruction=True)
    plain = [(1, False), (1, False), *looked, (1, False), *looked]
    assert passes == [(1, True)] * 3 + plain + [(1, False), (1, True)] * 3 + [(1, False)] * 3


def test_the_steps_of_the_first_drawing_count(base: BaseModel) -> None:
    for reconstruction in (False, True):
        steps: list[int] = []
        ordered = spec(hold=Hold(), reconstruction=reconstruction)
        draw_pair(base if reconstruction else tuned(base), ordered, steps.append)
        assert steps == list(range(1, steps_of_pair(ordered) + 1))


def test_the_reconstruction_is_never_held(base: BaseModel) -> None:
    tuned(base)
    plain, held = (pair(base, maps=False, reconstruction=True, hold=hold) for hold in (None, Hold()))
    assert plain.reconstruction is not None
    assert held.reconstruction is not None
    assert torch.equal(plain.reconstruction, held.reconstruction)


def test_a_held_pair_is_written_with_where_it_was_held(base: BaseModel, models_dir: Path, tmp_path: Path) -> None:
    adapter = write_adapter(base.network, tmp_path / "hair.safetensors")
    responses: list[bytes] = []
    hold = {"held_below": 0.95, "free_above": 1.0, "firmness": 0.8}
    for name, ordered in {"plain": None, "held": hold}.items():
        out = tmp_path / name
        finished = sample(SampleJob(spec(hold=ordered), adapter, out, models_dir), lambda event: None)
        responses.append((out / RESPONSE).read_bytes())
        assert (HOLD_MAP in finished.files) == (name == "held")
    assert (tmp_path / "plain" / REFERENCE).read_bytes() == (tmp_path / "held" / REFERENCE).read_bytes()
    assert responses[0] != responses[1]
    described = json.loads((tmp_path / "held" / SAMPLE).read_text())
    assert described["hold"] == hold
    assert json.loads((tmp_path / "plain" / SAMPLE).read_text())["hold"] is None
    maps = [name for name in described["maps"] if name.startswith("maps/hold/")]
    assert maps == [hold_map_name(t) for t in range(3)]
    for name in maps:
        with Image.open(tmp_path / "held" / name) as image:
            assert (image.mode, image.size) == ("L", (32, 32))
            assert image.getextrema()[0] == 51, "1 − h of white where the rest is held"


def test_several_adapters_are_held_together(base: BaseModel, models_dir: Path, tmp_path: Path) -> None:
    files = tuple(write_adapter(base.network, tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2))
    drawn: list[bytes] = []
    for number, hold in enumerate((None, STRICT.model_dump(), {"firmness": 0})):
        two = spec(maps=False, hold=hold, adapters=[{"adapter": "1"}, {"adapter": "2", "strength": 0.5}])
        sample(SampleJob(two, None, tmp_path / str(number), models_dir, files), lambda event: None)
        drawn.append((tmp_path / str(number) / RESPONSE).read_bytes())
    assert drawn[0] != drawn[1]
    assert drawn[0] == drawn[2]


@pytest.mark.parametrize(
    ("hold", "message"),
    [
        ({"firmness": 1.5}, "hold.firmness = 1.5; allowed: less than or equal to 1"),
        ({"held_below": 0.75}, "hold.free_above = 0.5; allowed: more than held_below, which is 0.75"),
        ({"strength": 1}, "'hold.strength'; allowed: held_below, free_above, firmness"),
        (0.5, "hold = 0.5"),
    ],
)
def test_a_hold_out_of_bounds_is_refused_by_name(hold: Any, message: str) -> None:
    with pytest.raises(SpecError) as refused:
        spec(hold=hold)
    assert message in str(refused.value)
