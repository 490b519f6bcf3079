"""Denoising networks: recorded attention, the adapter's place, precision, and calls as pipelines make them."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F

from spf_portrait.adapter import adapter_off, adapter_parameters, attach_adapter, lora_layers
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.contract.errors import ModelError
from spf_portrait.contract.hold import Hold
from spf_portrait.contract.phrases import Caption
from spf_portrait.drawing.four_pictures import Case, draw_four, draw_held
from spf_portrait.drawing.hold import HeldRest
from spf_portrait.drawing.pair import draw_pair
from spf_portrait.drawing.pictures import eight_bit
from spf_portrait.drawing.target_watch import TargetWatch
from spf_portrait.drawing.trajectory import Sampling, denoise, starting_noise
from spf_portrait.method.attention_recorder import AttentionRecorder
from spf_portrait.models.base_model import (
    BaseModel,
    decode_latents,
    encode_nothing,
    encode_pixels,
    encode_text,
    load_base,
    predict,
)
from spf_portrait.models.families.catalogue import FAMILIES
from spf_portrait.models.families.family import Parts
from spf_portrait.models.families.text_embedding import TextEmbedding
from spf_portrait.models.schedule import add_noise
from spf_portrait.running.lean_network import lean
from tests.spf_portrait.models.families.conftest import KEYS
from tests.spf_portrait.models.families.tiny_families import write_tiny
from tests.spf_portrait.tiny_adapters import scramble

T = torch.tensor([10, 500])


def tuned(models: Path, key: str) -> BaseModel:
    base = load_base(key, models)
    attach_adapter(base.network, 2, base.family.cross_attention_modules)
    scramble(base.network, spread=0.5)
    return base


def latents(base: BaseModel) -> torch.Tensor:
    return torch.randn(2, base.latent_channels, 8, 8, generator=torch.Generator().manual_seed(0))


def nothing_opened(difference: torch.Tensor, held_below: float, free_above: float) -> torch.Tensor:
    return torch.zeros_like(difference)


def pooling_for(tokens: int) -> torch.Tensor:
    return torch.eye(tokens)[:, :6].expand(2, -1, -1)


@pytest.mark.parametrize("key", KEYS)
def test_recording_changes_no_bit_and_leaves_nothing_behind(family_models: Path, key: str) -> None:
    base = tuned(family_models, key)
    x_t, text = latents(base), encode_text(base, ["a woman", "hair"])
    hooks = sum(len(module._forward_hooks) for module in cast("Any", base.network).modules())
    with torch.no_grad():
        before = predict(base, x_t, T, text)
        with AttentionRecorder(base.network) as recorder:
            recorder.listen(pooling_for(text.states.shape[1]))
            recorded = predict(base, x_t, T, text)
            record = recorder.record()
    assert torch.equal(before, recorded)
    assert len(record.maps) == len(record.queries) > 2
    assert all(0 <= float(layer.min()) <= float(layer.max()) <= 1 for layer in (*record.maps, *record.shared))
    assert sum(len(module._forward_hooks) for module in cast("Any", base.network).modules()) == hooks


@pytest.mark.parametrize("key", KEYS)
def test_layers_that_run_again_give_the_gradients_of_layers_that_were_kept(family_models: Path, key: str) -> None:
    """Of answer, maps and queries, with nothing listening any more when the backward pass begins."""
    base = tuned(family_models, key)
    x_t, text = latents(base), encode_text(base, ["a woman", "hair"])
    kept = gradients(base, x_t, text)
    with lean(base.network, gradient_checkpointing=True, precision="fp32"):
        again = gradients(base, x_t, text)
    assert any(bool(gradient.any()) for gradient in kept)
    for mine, theirs in zip(again, kept, strict=True):
        torch.testing.assert_close(mine, theirs)


def gradients(base: BaseModel, x_t: torch.Tensor, text: TextEmbedding) -> list[torch.Tensor]:
    with AttentionRecorder(base.network) as recorder:
        recorder.listen(pooling_for(text.states.shape[1]))
        predicted, record = predict(base, x_t, T, text), recorder.record()
        recorder.listen(None)
        seen = (predicted, *record.maps, *record.shared, *record.queries)
        total = torch.stack([tensor.square().mean() for tensor in seen]).sum()
        return list(torch.autograd.grad(total, adapter_parameters(base.network)))


@pytest.mark.parametrize("key", ["sd3", "sd3-t5"])
def test_maps_of_joint_attention_are_the_softmax_over_its_text(
    family_models: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compared with the queries and keys that arrive at the attention itself, behind all projections and norms."""
    base = tuned(family_models, key)
    x_t, text = latents(base), encode_text(base, ["a woman", "hair"])
    cells, tokens, seen = 16, text.states.shape[1], list[tuple[torch.Tensor, torch.Tensor]]()
    attention = F.scaled_dot_product_attention

    def spy(query: torch.Tensor, key: torch.Tensor, *rest: Any, **options: Any) -> torch.Tensor:
        if key.shape[2] == cells + tokens:
            seen.append((query[:, :, :cells], key[:, :, cells:]))
        return attention(query, key, *rest, **options)

    monkeypatch.setattr(F, "scaled_dot_product_attention", spy)
    pooling = pooling_for(tokens)
    with torch.no_grad(), AttentionRecorder(base.network) as recorder:
        recorder.listen(pooling)
        predict(base, x_t, T, text)
        record = recorder.record()
    assert len(record.maps) == len(seen) == 3
    for maps, queries, (query, over) in zip(record.maps, record.queries, seen, strict=True):
        weights = torch.softmax(query @ over.transpose(-1, -2) / query.shape[-1] ** 0.5, dim=-1).mean(dim=1)
        torch.testing.assert_close(maps, weights @ pooling, rtol=1e-4, atol=1e-6)
        assert torch.equal(queries, query.transpose(1, 2).flatten(2))


@pytest.mark.parametrize("key", KEYS)
def test_every_adapted_matrix_is_off_and_on_and_trains(family_models: Path, key: str) -> None:
    base = load_base(key, family_models)
    x_t, text = latents(base), encode_text(base, ["a woman", "hair"])
    with torch.no_grad():
        before = predict(base, x_t, T, text)
    attach_adapter(base.network, 2, base.family.cross_attention_modules)
    with torch.no_grad():
        for parameter in adapter_parameters(base.network):
            parameter.normal_()
        with adapter_off(base.network):
            assert torch.equal(predict(base, x_t, T, text), before)
    predicted = predict(base, x_t, T, text)
    assert not torch.equal(predicted, before)
    predicted.square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in adapter_parameters(base.network))
    assert all(
        not parameter.requires_grad for name, parameter in base.network.named_parameters() if ".lora_" not in name
    )


def test_plain_lora_of_a_transformer_leaves_out_what_nothing_trains(family_models: Path) -> None:
    base = load_base("sd3-t5", family_models)
    attach_adapter(base.network, 2, base.family.all_attention_modules(base.network))
    adapted = {path for path, _ in lora_layers(base.network)}
    assert "transformer_blocks.1.attn.add_q_proj" in adapted
    assert "transformer_blocks.2.attn.add_q_proj" not in adapted
    assert not any(".attn2." in path for path in adapted)
    assert len(adapted) == 8 * 3 - 2, "the last block has no text output either"


@pytest.mark.parametrize("key", ["sd1", "sdxl", "sd3"])
def test_frozen_parts_in_half_precision_answer_nearly_the_same(family_models: Path, key: str) -> None:
    full, half = load_base(key, family_models), load_base(key, family_models, dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in half.network.parameters()} == {torch.bfloat16}
    assert {parameter.dtype for parameter in half.vae.parameters()} == {
        torch.float32 if key == "sdxl" else torch.bfloat16
    }
    x_t, pixels = latents(full), torch.zeros(1, 3, 64, 64)
    with torch.no_grad():
        exact = predict(full, x_t, T, encode_text(full, ["a woman", "hair"]))
        rough = predict(half, x_t, T, encode_text(half, ["a woman", "hair"]))
        assert rough.dtype == encode_pixels(half, pixels).dtype == decode_latents(half, x_t).dtype == torch.float32
    assert F.cosine_similarity(exact.flatten(), rough.flatten(), dim=0) > 0.99


@pytest.mark.parametrize("key", KEYS)
def test_the_rest_is_held_between_the_reference_and_the_plain_response(
    family_models: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, cases = tuned(family_models, key), [Case(Caption(base=("a woman",), target="hair"), 3)]
    drawn = draw_four(base, cases, Sampling(2, 3.0), lambda _: None, Hold(held_below=0.3, free_above=0.7))
    assert drawn.held is not None
    assert not torch.equal(drawn.held, drawn.reference)
    assert not torch.equal(drawn.held, drawn.response)
    assert torch.equal(draw_held(base, cases, Sampling(2, 3.0), Hold(firmness=0), lambda _: None), drawn.response)
    monkeypatch.setattr("spf_portrait.drawing.hold.focused", nothing_opened)
    assert torch.equal(draw_held(base, cases, Sampling(2, 3.0), Hold(), lambda _: None), drawn.reference)


@pytest.mark.parametrize("key", KEYS)
def test_a_held_pair_shows_the_held_picture(family_models: Path, key: str) -> None:
    """Whatever is recorded on the way, in layers of any kind."""
    base, case = tuned(family_models, key), Case(Caption(base=("a woman",), target="hair"), 3)
    order = {"base_text": "a woman", "target": "hair", "seed": 3, "steps": 2, "guidance_scale": 3, "layer_maps": True}
    response = draw_pair(base, ComparisonSpec.from_mapping(order | {"hold": {}}), lambda _: None).response
    assert torch.equal(
        eight_bit(response.picture), draw_held(base, [case], Sampling(2, 3.0), Hold(), lambda _: None)[0]
    )
    assert response.hold_map.shape == response.difference.shape
    assert len(response.attention) == 2


@pytest.mark.parametrize("key", KEYS)
def test_nothing_is_left_on_another_device(family_models: Path, key: str) -> None:
    """The device without memory stands for a GPU: arithmetic between it and the CPU is refused just the same."""
    base = load_base(key, family_models, torch.device("meta"))
    scheduler: Any = base.scheduler.from_config(base.scheduler.config)
    scheduler.set_timesteps(2)
    generator = torch.Generator()
    noise = starting_noise(base, base.image_size_px, generator)
    texts = (encode_nothing(base), encode_text(base, ["a woman"]))

    def on_step(index: int, timestep: torch.Tensor, shown: torch.Tensor, predicted: torch.Tensor) -> None:
        assert shown.device == predicted.device == base.device

    watch = TargetWatch(base, texts[1], texts[1], 2)
    watch(1, torch.tensor(500), noise, noise)
    steer = HeldRest(base, texts, 4.0, watch.difference)
    with torch.no_grad():
        drawn = decode_latents(base, denoise(base, scheduler, noise, texts, 4.0, generator, on_step, steer))
    noised = add_noise(noise, noise, base.schedule.levels(base.schedule.trained_at(T[:1].to(base.device))))
    assert drawn.device == noised.device == encode_pixels(base, torch.zeros(1, 3, 64, 64)).device == base.device


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("timesteps", [T[0], T, T.float()], ids=["one for all", "one a row", "not whole"])
def test_timesteps_of_a_sampler_may_lie_on_the_cpu(family_models: Path, key: str, timesteps: torch.Tensor) -> None:
    base = load_base(key, family_models, torch.device("meta"))
    seen: list[torch.device] = []
    predicting = base.family.predict

    def spy(parts: Parts, x_t: torch.Tensor, there: torch.Tensor, text: TextEmbedding) -> torch.Tensor:
        seen.append(there.device)
        return predicting(parts, x_t, there, text)

    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(base.family, "predict", spy)
        predicted = predict(base, latents(base).to(base.device), timesteps, encode_text(base, ["a woman", "hair"]))
    assert seen == [base.device]
    assert predicted.shape == (2, base.latent_channels, 8, 8)


@pytest.mark.parametrize(("prediction", "name"), [("v_prediction", "768-v"), ("epsilon", "512")])
def test_what_stable_diffusion_2_answers_tells_its_two_models_apart(
    family_models: Path, prediction: str, name: str
) -> None:
    base = load_base("sd2", family_models)
    scheduler: Any = base.scheduler.from_config(base.scheduler.config, prediction_type=prediction)
    parts = replace(base.parts, scheduler=scheduler)
    assert FAMILIES["sd2"].architecture(parts) == f"stable-diffusion-v2-{name}"


def test_sizes_step_with_what_the_network_can_halve_or_patch(family_models: Path) -> None:
    assert [load_base(key, family_models).size_step_px for key in ("sd1", "sdxl", "sd3")] == [64, 32, 16]


def test_a_shift_that_depends_on_the_picture_is_refused(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "sd3", "sd3")
    config = folder / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace('"use_dynamic_shifting": false', '"use_dynamic_shifting": true'))
    with pytest.raises(ModelError, match="constant shift"):
        load_base("sd3", tmp_path)
