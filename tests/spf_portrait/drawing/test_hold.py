"""Holding the rest while drawing: the map by itself, and what must hold bit for bit on the tiny model."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from spf_portrait.adapter import adapters_loaded, attach_adapter, set_strength
from spf_portrait.contract.errors import SpecError
from spf_portrait.contract.hold import Hold
from spf_portrait.contract.phrases import Caption
from spf_portrait.drawing import hold as hold_module
from spf_portrait.drawing.four_pictures import Case, draw_both, draw_four, draw_held
from spf_portrait.drawing.hold import eased, held_answer
from spf_portrait.drawing.target_watch import TargetWatch
from spf_portrait.drawing.trajectory import Sampling
from spf_portrait.models.base_model import BaseModel
from tests.spf_portrait.tiny_adapters import scramble, write_adapter

SAMPLING = Sampling(steps=3, guidance_scale=3.0)
STRICT = Hold(held_below=0.3, free_above=0.7)
"""The tiny model's answers differ nearly as much everywhere."""
CASES = [Case(Caption(base=("a woman", f"a hat{'t' * index}"), target="blonde hair"), 40 + index) for index in range(6)]


def answers(seed: int = 0, rows: int = 3) -> Tensor:
    return torch.randn(rows, 4, 5, 5, generator=torch.Generator().manual_seed(seed))


def tuned(base: BaseModel) -> BaseModel:
    attach_adapter(base.network, 2, base.family.cross_attention_modules)
    scramble(base.network)
    return base


def held(base: BaseModel, cases: list[Case] = CASES[:2], hold: Hold | None = None) -> Tensor:
    return draw_held(base, cases, SAMPLING, hold or Hold(), lambda _: None)


def force_map(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    def forced(difference: Tensor, held_below: float, free_above: float) -> Tensor:
        return torch.full_like(difference, value)

    monkeypatch.setattr(hold_module, "focused", forced)


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
    for hold in (STRICT, STRICT.model_copy(update={"firmness": 0.5})):
        drawn = held(base, hold=hold)
        assert not torch.equal(drawn, plain.response)
        assert not torch.equal(drawn, plain.reference)


def test_an_adapter_of_strength_0_is_the_original_model(base: BaseModel) -> None:
    bare = held(base)
    tuned(base)
    assert not torch.equal(held(base), bare)
    set_strength(base.network, 0)
    assert torch.equal(held(base), bare)


def test_a_picture_does_not_depend_on_those_drawn_with_it(base: BaseModel) -> None:
    tuned(base)
    assert torch.equal(held(base, [CASES[0], CASES[1]])[0], held(base, [CASES[0], CASES[2]])[0])
    together = held(base, CASES)
    for index, case in enumerate(CASES):
        apart = (together[index].int() - held(base, [case])[0].int()).abs().max()
        assert apart <= 1, "up to the rounding of one step of 255"


def test_the_map_is_read_off_the_plain_response_and_stays(base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held changes what both models are shown, so the map is known before anything is held."""
    tuned(base)
    shown: list[Tensor] = []
    used: list[Tensor] = []
    watch, mix = TargetWatch.__call__, hold_module.held_answer

    def watching(self: TargetWatch, index: int, timestep: Tensor, x_t: Tensor, answer: Tensor) -> None:
        shown.append(x_t)
        watch(self, index, timestep, x_t, answer)

    def mixing(original: Tensor, other: Tensor, m: Tensor) -> Tensor:
        used.append(m)
        return mix(original, other, m)

    monkeypatch.setattr(TargetWatch, "__call__", watching)
    monkeypatch.setattr(hold_module, "held_answer", mixing)
    held(base, CASES[:1])
    assert len(shown) == len(used) == 3
    assert all(torch.equal(m, used[0]) for m in used)
    firm, shown[:] = list(shown), []
    held(base, CASES[:1], Hold(held_below=0.8, free_above=0.9))
    assert all(map(torch.equal, shown, firm)), "the plain response is the same, however firmly the next one is held"


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
    assert steps[-1] == 6 * 2 * 3
    assert draw_four(base, CASES[:1], SAMPLING, lambda _: None).held is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"held_below": 0.4, "free_above": 0.4}, "free_above = 0.4; allowed: more than held_below, which is 0.4"),
        ({"held_below": 0.75}, "free_above = 0.5; allowed: more than held_below, which is 0.75"),
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
