"""Where an adapter draws its target: the two measures by themselves, and what a watch makes of a drawing."""

import torch
from torch import Tensor

from spf_portrait.adapter import attach_adapter
from spf_portrait.drawing.target_watch import Answers, TargetWatch, changed, learnt
from spf_portrait.drawing.trajectory import seeded_noise
from spf_portrait.models.base_model import BaseModel, encode_text, predict
from tests.spf_portrait.tiny_adapters import scramble


def answer(*cells: float) -> Tensor:
    """Of one picture of one channel, two rows high."""
    return torch.tensor(cells, dtype=torch.float32).view(1, 1, 2, -1)


def looked_at(base: BaseModel, texts: tuple[str, str], seeds: tuple[int, ...] = (0,), steps: int = 4) -> Tensor:
    without, complete = (encode_text(base, [text] * len(seeds)) for text in texts)
    watch = TargetWatch(base, without, complete, steps)
    with torch.no_grad():
        for index in range(steps):
            x_t, _ = seeded_noise(base, [seed + 100 * index for seed in seeds])
            timestep = torch.tensor(900 - 200 * index)
            watch(index, timestep, x_t, predict(base, x_t, timestep, complete))
    return watch.difference


def tuned(base: BaseModel) -> BaseModel:
    attach_adapter(base.network, 2, base.family.cross_attention_modules)
    scramble(base.network)
    return base


def test_what_changed_is_told_against_the_original_model_and_the_base_text() -> None:
    answers = Answers(answer(1, 2, 5, 1), answer(9, 9, 9, 9), answer(9, 9, 9, 9), answer(1, 1, 1, -1))
    torch.testing.assert_close(changed(answers)[0], torch.tensor([[0.0, 0.25], [1.0, 0.5]]))


def test_what_was_learnt_is_what_the_words_of_the_target_do_now_and_did_not_do_before() -> None:
    """The first cell is spoilt for every text; in the second the words always did something."""
    original_to_base, original = answer(0, 0, 0, 0), answer(0, 3, 0, 0)
    tuned_to_base, tuned_answer = answer(7, 0, 0, 0), answer(7, 3, 4, -2)
    answers = Answers(tuned_answer, tuned_to_base, original, original_to_base)
    torch.testing.assert_close(learnt(answers)[0], torch.tensor([[0.0, 0.0], [1.0, 0.5]]))


def test_equal_answers_differ_nowhere() -> None:
    same = Answers(*[answer(1, 2, 3, 4)] * 4)
    assert not changed(same).any()
    assert not learnt(same).any()


def test_an_original_model_draws_its_target_nowhere(base: BaseModel) -> None:
    assert not looked_at(base, ("a woman", "a woman, blonde hair")).any()


def test_of_an_adapter_a_place_is_found(base: BaseModel) -> None:
    assert looked_at(tuned(base), ("a woman", "a woman, blonde hair")).amax() > 0.5


def test_the_first_half_of_the_steps_is_not_looked_at(base: BaseModel) -> None:
    watch = TargetWatch(tuned(base), *(encode_text(base, [text]) for text in ("a woman", "a woman, a hat")), steps=5)
    x_t, _ = seeded_noise(base, [0])
    noticed: list[int] = []
    with torch.no_grad():
        for index in range(5):
            before = len(watch.looks)
            watch(index, torch.tensor(500), x_t, x_t)
            noticed.append(len(watch.looks) - before)
    assert noticed == [0, 0, 1, 1, 1]


def test_a_picture_does_not_depend_on_those_beside_it(base: BaseModel) -> None:
    tuned(base)
    texts = ("a woman", "a woman, blonde hair")
    together = looked_at(base, texts, seeds=(1, 2))
    for index, seed in enumerate((1, 2)):
        torch.testing.assert_close(together[index], looked_at(base, texts, seeds=(seed,))[0], rtol=1e-3, atol=1e-4)
