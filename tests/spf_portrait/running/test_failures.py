"""A training that ends early says why, what to change, and what is left."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from spf_portrait.contract.errors import TrainingError
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.method.losses import denoising_loss
from spf_portrait.running.failures import check_finite, memory_shortage_told
from spf_portrait.training.checkpoint import what_is_left
from spf_portrait.training.preparation import TrainingJob
from spf_portrait.training.train import train
from tests.spf_portrait.stepping import stepped

Make = Callable[..., TrainingJob]
MORE_THAN_ANY_MACHINE_HAS = 1 << 50


def told(spec: TrainingSpec, checkpoints: Path, error: Exception) -> TrainingError:
    with pytest.raises(TrainingError) as raised, memory_shortage_told(spec, lambda: what_is_left(checkpoints)):
        raise error
    assert raised.value.__cause__ is error
    return raised.value


def test_memory_that_runs_out_in_a_step_leaves_a_checkpoint_that_goes_on_in_smaller_batches(
    make_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The allocation really fails: torch asks the system for more than there is."""
    losses: list[Tensor] = []

    def hungry(predicted: Tensor, target: Tensor) -> Tensor:
        losses.append(denoising_loss(predicted, target))
        return losses[-1] if len(losses) < 3 else torch.empty(MORE_THAN_ANY_MACHINE_HAS, dtype=torch.uint8)

    unbroken = stepped(make_job("unbroken", stage1_steps=4, checkpoint_every=1))
    monkeypatch.setattr("spf_portrait.training.stages.denoising_loss", hungry)
    with pytest.raises(TrainingError) as raised:
        train(make_job("broken", stage1_steps=4, checkpoint_every=1), lambda event: None)
    assert raised.value.code == "out_of_memory"
    assert "2 portraits at once" in raised.value.found
    assert "batch_size=1 with accumulation=2 or gradient_checkpointing=true and add --resume" in raised.value.hint
    assert "The checkpoint of step 2 is sound" in raised.value.hint
    monkeypatch.undo()
    advice = {"batch_size": 1, "accumulation": 2, "gradient_checkpointing": True}
    resumed = stepped(
        make_job("resumed", resume=True, checkpoints="broken-checkpoints", stage1_steps=4, checkpoint_every=1, **advice)
    )
    assert [entry["step"] for entry in resumed.state.log] == [1, 2, 3, 4, 5, 6, 7]
    for mine, theirs in zip(resumed.state.log, unbroken.state.log, strict=True):
        assert mine.pop("stage") == theirs.pop("stage")
        assert mine == pytest.approx(theirs, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.\nGPU 0 has ..."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: ..."),
        RuntimeError("[enforce fail] data. DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
        MemoryError(),
    ],
)
def test_every_way_of_running_out_of_memory_is_one_error(error: Exception, tmp_path: Path) -> None:
    found = told(TrainingSpec(batch_size=6), tmp_path, error)
    assert found.code == "out_of_memory"
    assert "GPU 0 has" not in found.found
    assert "No checkpoint was written yet." in found.hint


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"batch_size": 4}, "Set batch_size=2 with accumulation=2 or gradient_checkpointing=true and add"),
        ({"batch_size": 9, "accumulation": 2}, "batch_size=3 with accumulation=6"),
        ({"batch_size": 1}, "Set gradient_checkpointing=true and add"),
        ({"batch_size": 4, "accumulation": 64}, "Set gradient_checkpointing=true and add"),
        ({"batch_size": 1, "gradient_checkpointing": True}, "A smaller image_size_px"),
    ],
)
def test_the_advice_fits_the_settings_and_is_allowed(settings: dict[str, int], advice: str, tmp_path: Path) -> None:
    spec = TrainingSpec.from_preset("quick", **settings)
    assert advice in told(spec, tmp_path, MemoryError()).hint


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2"), memory_shortage_told(TrainingSpec(), str):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


def test_values_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    check_finite({"denoise": 1.0}, 3, lambda: what_is_left(tmp_path))
    with pytest.raises(TrainingError, match="enhancement and gradient that are no longer numbers after step 3"):
        check_finite(
            {"denoise": 1.0, "enhancement": float("nan"), "gradient": float("inf")}, 3, lambda: what_is_left(tmp_path)
        )


def test_a_gradient_that_is_no_number_reaches_neither_weights_nor_checkpoint(
    make_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss itself is still a number: the root of 0 has no slope."""
    losses: list[Tensor] = []

    def steep(predicted: Tensor, target: Tensor) -> Tensor:
        losses.append(denoising_loss(predicted, target))
        return losses[-1] if len(losses) < 2 else (predicted - predicted.detach()).square().sum().sqrt()

    monkeypatch.setattr("spf_portrait.training.stages.denoising_loss", steep)
    with pytest.raises(TrainingError, match="gradient that are no longer numbers after step 1") as raised:
        stepped(make_job("broken", checkpoint_every=1))
    assert "The checkpoint of step 1 is sound" in raised.value.hint
    monkeypatch.undo()
    resumed = stepped(make_job("resumed", resume=True, checkpoints="broken-checkpoints", checkpoint_every=1))
    assert resumed.state.step == 5
    assert all(torch.isfinite(parameter).all() for parameter in resumed.state.parameters)
