"""PureCC: λ* is a projection, what is orthogonal to R_tar is held down, and the extractor stays as stage 1 left it."""

from collections.abc import Callable

import torch

from spf_portrait.training.baselines.purecc import guidance_scale, pure_learning_loss
from spf_portrait.training.preparation import TrainingJob
from tests.spf_portrait.stepping import adapter_of, stepped

Make = Callable[..., TrainingJob]
SHAPE = (3, 4, 8, 8)


def random(seed: int) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def test_the_scale_is_that_of_the_projection_row_by_row() -> None:
    target, orthogonal = random(0), random(1)
    orthogonal -= guidance_scale(orthogonal, target) * target
    factors = torch.tensor([0.5, -2.0, 0.0])[:, None, None, None]
    torch.testing.assert_close(guidance_scale(factors * target + orthogonal, target), factors)


def test_what_is_learnt_along_the_target_is_free_and_the_rest_is_not() -> None:
    target, base = random(0), random(1)
    assert pure_learning_loss(base + 0.7 * target, base, target) < 1e-10
    other = random(2)
    other -= guidance_scale(other, target) * target
    loss = pure_learning_loss(base + 0.7 * target + other, base, target)
    torch.testing.assert_close(loss, other.square().mean())


def test_without_a_target_both_texts_shall_be_answered_alike() -> None:
    complete, base = random(0), random(1)
    torch.testing.assert_close(
        pure_learning_loss(complete, base, torch.zeros(SHAPE)), (complete - base).square().mean()
    )


def test_gradients_reach_both_answers_and_no_scale() -> None:
    complete, base = random(0).requires_grad_(), random(1).requires_grad_()
    target = random(2)
    pure_learning_loss(complete, base, target).backward()
    learnt = (complete - base).detach()
    expected = 2 * (learnt - guidance_scale(learnt, target) * target) / learnt.numel()
    assert complete.grad is not None
    assert base.grad is not None
    torch.testing.assert_close(complete.grad, expected)
    torch.testing.assert_close(base.grad, -expected)


def test_the_extractor_is_what_stage_1_left_and_the_learner_starts_anew(make_job: Make) -> None:
    extractor = adapter_of(stepped(make_job("stage1", method="lora", stage2_steps=0)))
    run = stepped(make_job("both", method="purecc"))
    assert all(torch.equal(run.state.kept[f"teacher.{i}"], extractor[f"adapter.{i}"]) for i in range(len(extractor)))
    entry = run.state.log[2]
    assert entry["stage"] == "stage2"
    assert entry["pure_learning"] > 0


def test_a_weight_of_nothing_leaves_denoising_alone(make_job: Make) -> None:
    runs = [
        stepped(make_job(f"w{weight}", method="purecc", rivals={"purecc": {"weight": weight}})) for weight in (0, 1)
    ]
    first, second = map(adapter_of, runs)
    assert any(not torch.equal(first[name], second[name]) for name in first)
    assert runs[0].state.log[2]["denoise"] == runs[1].state.log[2]["denoise"], "both start stage 2 from one state"
