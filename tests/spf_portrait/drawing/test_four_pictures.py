from typing import Any, cast

import pytest
import torch
from torch import Tensor

from spf_portrait.adapter import CROSS_ATTENTION, adapter_deltas, attach_adapter
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.phrases import Caption
from spf_portrait.drawing.four_pictures import Case, draw_four, draw_texts
from spf_portrait.drawing.pair import draw_pair
from spf_portrait.drawing.trajectory import Sampling
from spf_portrait.models.base_model import BaseModel

SAMPLING = Sampling(steps=2, guidance_scale=3.0)
CASES = [Case(Caption(base=("a woman", f"a hat{'t' * index}"), target="blonde hair"), 40 + index) for index in range(6)]


def change_something(base: BaseModel) -> None:
    attach_adapter(base.network, 2, CROSS_ATTENTION)
    with torch.no_grad():
        for _, up in adapter_deltas(base.network).values():
            up.normal_(generator=torch.Generator().manual_seed(0))


def apart(first: Tensor, second: Tensor) -> int:
    return int((first.int() - second.int()).abs().max())


def test_without_an_adapter_tuned_and_original_model_draw_the_same(base: BaseModel) -> None:
    steps: list[int] = []
    drawn = draw_four(base, CASES[:2], SAMPLING, steps.append)
    assert drawn.reference.dtype == torch.uint8
    assert drawn.reference.shape == (2, 3, 32, 32)
    assert torch.equal(drawn.reference, drawn.base_by_tuned)
    assert torch.equal(drawn.floor, drawn.response)
    assert not torch.equal(drawn.reference, drawn.floor)
    assert steps == [2, 4, 6, 8, 10, 12, 14, 16]


def test_an_adapter_changes_what_the_tuned_model_draws_and_nothing_else(base: BaseModel) -> None:
    before = draw_four(base, CASES[:1], SAMPLING, lambda _: None)
    change_something(base)
    after = draw_four(base, CASES[:1], SAMPLING, lambda _: None)
    assert torch.equal(after.reference, before.reference)
    assert torch.equal(after.floor, before.floor)
    assert not torch.equal(after.response, before.response)
    assert not torch.equal(after.base_by_tuned, before.base_by_tuned)


def test_a_picture_does_not_depend_on_those_drawn_with_it(base: BaseModel) -> None:
    together = draw_four(base, CASES, SAMPLING, lambda _: None)
    for index, case in enumerate(CASES):
        alone = draw_four(base, [case], SAMPLING, lambda _: None)
        assert apart(together.response[index], alone.response[0]) <= 1, "up to the rounding of one step of 255"
    assert apart(together.reference[0], together.reference[1]) > 1


@pytest.mark.parametrize(("pixels", "together"), [(None, [4, 2]), (3 * 32**2, [3, 3]), (31**2, [1] * 6)])
def test_the_larger_pictures_are_the_fewer_are_drawn_together(
    base: BaseModel, monkeypatch: pytest.MonkeyPatch, pixels: int | None, together: list[int]
) -> None:
    """Of 32 pixels a side at most four; a single one even where that is more pixels than go together."""
    seen: list[int] = []

    def note(network: Any, inputs: tuple[Tensor, ...]) -> None:
        seen.append(len(inputs[0]))

    if pixels is not None:
        monkeypatch.setattr("spf_portrait.drawing.four_pictures._PIXELS_AT_ONCE", pixels)
    base.network.register_forward_pre_hook(note)
    draw_texts(base, ["a hat"] * 6, range(6), Sampling(steps=1, guidance_scale=1), lambda _: None)
    assert seen == together


def test_a_pair_is_the_one_that_sample_draws(base: BaseModel) -> None:
    change_something(base)
    caption, seed = CASES[1].caption, CASES[1].seed
    spec = ComparisonSpec(base_text=caption.base_text, target=caption.target, seed=seed, steps=2, guidance_scale=3)
    pair = draw_pair(base, spec, lambda _: None)
    drawn = draw_four(base, CASES[:2], SAMPLING, lambda _: None)
    for ours, theirs in ((drawn.reference, pair.reference.picture), (drawn.response, pair.response.picture)):
        assert apart(ours[1], ((theirs / 2 + 0.5).clamp(0, 1) * 255).round()) <= 1


def test_a_text_that_would_be_cut_off_is_refused(base: BaseModel) -> None:
    long = Case(Caption(base=("a" * 70, "b" * 70), target="blonde hair"), 0)
    with pytest.raises(DataError, match="tokens"):
        draw_four(base, [long], SAMPLING, lambda _: None)


@pytest.mark.parametrize("draw", ["pair", "texts"])
def test_the_samplers_timesteps_are_where_pictures_are_drawn(
    base: BaseModel, monkeypatch: pytest.MonkeyPatch, draw: str
) -> None:
    asked: list[Any] = []
    sampler = cast("Any", type(base.scheduler))
    set_timesteps = sampler.set_timesteps

    def spy(scheduler: Any, steps: int, device: Any = None) -> None:
        asked.append(device)
        set_timesteps(scheduler, steps, device)

    monkeypatch.setattr(sampler, "set_timesteps", spy)
    if draw == "pair":
        draw_pair(base, ComparisonSpec(base_text="a woman", target="a hat", steps=2, maps=False), lambda _: None)
    else:
        draw_four(base, CASES[:1], SAMPLING, lambda _: None)
    assert asked
    assert set(asked) == {base.device}
