"""Holding the rest while drawing: the map by itself, and what must hold bit for bit on the tiny model."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from spf_portrait.adapter import adapters_loaded, attach_adapter, set_strength
from spf_portrait.contract.errors import SpecError
from spf_portrait.contract.hold import Hold
from spf_portrait.contract.phrases import Caption
from spf_portrait.drawing import hold as hold_module
from spf_portrait.drawing.four_pictures import Case, Sampling, draw_both, draw_four, draw_held
from spf_portrait.drawing.hold import HeldRest, answer_difference, eased, held_answer, opened
from spf_portrait.drawing.trajectory import denoise, starting_noise
from spf_portrait.models.base_model import BaseModel, encode_nothing, encode_text
from tests.spf_portrait.tiny_adapters import scramble, write_adapter

SAMPLING = Sampling(steps=3, guidance_scale=3.0)
CASES = [Case(Caption(base=("a woman", f"a hat{'t' * index}"), target="blonde hair"), 40 + index) for index in range(6)]


def answers(seed: int = 0, rows: int = 3) -> Tensor:
    return torch.randn(rows, 4, 5, 5, generator=torch.Generator().manual_seed(seed))


def tuned(base: BaseModel) -> BaseModel:
    attach_adapter(base.network, 2, base.family.cross_attention_modules)
    scramble(base.network)
    return base


def held(base: BaseModel, cases: list[Case] = CASES[:2], hold: Hold | None = None) -> Tensor:
    return draw_held(base, cases, SAMPLING, hold or Hold(), lambda _: None)


def unwatched(index: int, timestep: Tensor, shown: Tensor, predicted: Tensor) -> None:
    pass


def force_map(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    def forced(difference: Tensor, held_below: float, free_above: float) -> Tensor:
        return torch.full_like(difference, value)

    monkeypatch.setattr(hold_module, "opened", forced)


def test_the_difference_is_one_in_its_largest_cell_and_nothing_between_equal_answers() -> None:
    first, second = answers(0), answers(1)
    difference = answer_difference(first, second)
    assert difference.shape == (3, 5, 5)
    assert torch.equal(difference.amax(dim=(1, 2)), torch.ones(3))
    expected = (first - second).abs().mean(dim=1)
    torch.testing.assert_close(difference * expected.amax(dim=(1, 2), keepdim=True), expected)
    assert torch.equal(answer_difference(first, first), torch.zeros(3, 5, 5))


def test_each_picture_has_a_difference_and_a_map_of_its_own() -> None:
    first, second = answers(0), answers(1)
    loud = second.clone()
    loud[1:] *= 1000
    assert torch.equal(answer_difference(first, second)[0], answer_difference(first, loud)[0])
    d = torch.rand(3, 5, 5)
    louder = torch.cat([d[:1], d[1:] * 1000])
    assert torch.equal(opened(d, 0.15, 0.4)[0], opened(louder, 0.15, 0.4)[0])


def test_the_map_rises_between_its_thresholds() -> None:
    d = torch.tensor([[[0.0, 0.3, 0.5, 0.7, 1.0, 2.0]]])
    torch.testing.assert_close(opened(d, 0.15, 0.4), torch.tensor([[[0.0, 0.0, 0.4, 0.8, 1.0, 1.0]]]))
    assert torch.equal(opened(torch.zeros(1, 2, 2), 0.0, 0.4), torch.zeros(1, 2, 2)), "no difference opens nothing"


def test_firmness_leads_from_the_map_to_no_map_at_all() -> None:
    m = torch.tensor([0.0, 0.25, 1.0])
    assert torch.equal(eased(m, 1.0), m)
    assert torch.equal(eased(m, 0.0), torch.ones(3))
    torch.testing.assert_close(eased(m, 0.5), torch.tensor([0.5, 0.625, 1.0]))


def test_an_answer_is_wholly_the_one_or_the_other_where_the_map_is_zero_or_one() -> None:
    original, other = answers(0), answers(1)
    m = torch.zeros(3, 5, 5)
    m[:, 2:] = 1
    mixed = held_answer(original, other, m)
    assert torch.equal(mixed[:, :, :2], original[:, :, :2])
    assert torch.equal(mixed[:, :, 2:], other[:, :, 2:])
    half = held_answer(original, other, torch.full((3, 5, 5), 0.25))
    torch.testing.assert_close(half, original + 0.25 * (other - original))


@pytest.mark.parametrize("guidance_scale", [1.0, 3.0])
def test_a_map_of_zeros_draws_the_reference_and_one_of_ones_the_plain_response(
    base: BaseModel, monkeypatch: pytest.MonkeyPatch, guidance_scale: float
) -> None:
    sampling = Sampling(3, guidance_scale)
    plain = draw_four(tuned(base), CASES, sampling, lambda _: None)
    assert not torch.equal(plain.reference, plain.response)
    for value, expected in ((0.0, plain.reference), (1.0, plain.response)):
        force_map(monkeypatch, value)
        assert torch.equal(draw_held(base, CASES, sampling, Hold(), lambda _: None), expected)


def test_without_firmness_the_response_is_plain(base: BaseModel) -> None:
    plain = draw_four(tuned(base), CASES[:2], SAMPLING, lambda _: None)
    assert torch.equal(held(base, hold=Hold(firmness=0)), plain.response)
    for hold in (Hold(), Hold(firmness=0.5)):
        drawn = held(base, hold=hold)
        assert not torch.equal(drawn, plain.response)
        assert not torch.equal(drawn, plain.reference)


def test_an_adapter_of_strength_0_is_the_original_model(base: BaseModel) -> None:
    bare = held(base)
    tuned(base)
    assert not torch.equal(held(base), bare)
    set_strength(base.network, 0)
    assert torch.equal(held(base), bare)


def test_where_both_models_answer_alike_the_picture_is_the_reference(base: BaseModel) -> None:
    """One text, one model: nothing differs, so nothing opens, whatever the thresholds."""
    texts = (encode_nothing(base), encode_text(base, ["a woman"]))
    steer = HeldRest(base, texts, 3.0, Hold(held_below=0))
    drawn: list[Tensor] = []
    for steered in (None, steer):
        generator = torch.Generator().manual_seed(0)
        scheduler: Any = base.scheduler.from_config(base.scheduler.config)
        scheduler.set_timesteps(3)
        noise = starting_noise(base, base.image_size_px, generator)
        with torch.no_grad():
            drawn.append(denoise(base, scheduler, noise, texts, 3.0, generator, unwatched, steered))
    assert torch.equal(*drawn)
    assert len(steer.maps) == 3
    assert not torch.cat(steer.maps).any()


def test_a_picture_does_not_depend_on_those_drawn_with_it(base: BaseModel) -> None:
    tuned(base)
    assert torch.equal(held(base, [CASES[0], CASES[1]])[0], held(base, [CASES[0], CASES[2]])[0])
    together = held(base, CASES)
    for index, case in enumerate(CASES):
        apart = (together[index].int() - held(base, [case])[0].int()).abs().max()
        assert apart <= 1, "up to the rounding of one step of 255"


def test_the_map_is_of_the_mean_difference_over_the_steps_so_far(
    base: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every step's difference, each of the same weight."""
    differences, sums = list[Tensor](), list[Tensor]()
    measured, read = hold_module.answer_difference, hold_module.opened

    def measure(one: Tensor, other: Tensor) -> Tensor:
        differences.append(measured(one, other))
        return differences[-1]

    def read_off(difference: Tensor, held_below: float, free_above: float) -> Tensor:
        sums.append(difference)
        return read(difference, held_below, free_above)

    monkeypatch.setattr(hold_module, "answer_difference", measure)
    monkeypatch.setattr(hold_module, "opened", read_off)
    held(tuned(base), CASES[:1])
    assert len(differences) == 3
    for step in range(3):
        expected = torch.stack(differences[: step + 1]).mean(dim=0)
        torch.testing.assert_close(opened(sums[step], 0.15, 0.4), opened(expected, 0.15, 0.4))


def test_several_adapters_are_held_together(base: BaseModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [write_adapter(base.network, tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    drawn: list[Tensor] = []
    for strengths in ((1.0, 0.5), (1.0, 0.0)):
        with adapters_loaded(base.network, list(zip(files, strengths, strict=True))):
            drawn.append(held(base))
            _, plain = draw_both(base, CASES[:2], SAMPLING, lambda _: None)
            assert torch.equal(held(base, hold=Hold(firmness=0)), plain)
    with adapters_loaded(base.network, [(files[0], 1.0)]):
        assert torch.equal(held(base), drawn[1])
    assert not torch.equal(*drawn)
    reference, _ = draw_both(base, CASES[:2], SAMPLING, lambda _: None)
    force_map(monkeypatch, 0)
    with adapters_loaded(base.network, list(zip(files, (1.0, 0.5), strict=True))):
        assert torch.equal(held(base), reference), "the original model has none of them"


def test_four_pictures_become_five(base: BaseModel) -> None:
    steps: list[int] = []
    drawn = draw_four(tuned(base), CASES[:2], SAMPLING, steps.append, Hold())
    assert drawn.held is not None
    assert torch.equal(drawn.held, held(base))
    assert steps[-1] == 5 * 2 * 3
    assert draw_four(base, CASES[:1], SAMPLING, lambda _: None).held is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"held_below": 0.4, "free_above": 0.4}, "free_above = 0.4; allowed: more than held_below, which is 0.4"),
        ({"held_below": 0.5}, "free_above = 0.4; allowed: more than held_below, which is 0.5"),
        ({"held_below": 1}, "held_below = 1; allowed: less than 1"),
        ({"held_below": -0.1}, "held_below = -0.1"),
        ({"free_above": 1.1}, "free_above = 1.1"),
        ({"firmness": 1.1}, "firmness = 1.1"),
        ({"strength": 1}, "unknown"),
    ],
)
def test_thresholds_rise_from_0_to_1(options: dict[str, float], message: str) -> None:
    with pytest.raises(SpecError) as refused:
        Hold.from_mapping(options)
    assert message in str(refused.value) or message in refused.value.code
