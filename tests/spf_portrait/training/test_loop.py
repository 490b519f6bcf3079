"""Steps and what happens between them: resuming, looking, keeping checkpoints."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from spf_portrait.contract.artifacts import ADAPTER, DIFFUSERS_ADAPTER, LOSS_LOG, preview_name, step_folder
from spf_portrait.contract.errors import ExportError
from spf_portrait.contract.events import CheckpointSaved, Notice, PreviewsDrawn, Validated
from spf_portrait.running.untyped import safetensors, safetensors_torch
from spf_portrait.training.loop import Preempted
from spf_portrait.training.preparation import TrainingJob
from tests.spf_portrait.stepping import adapter_of, after, equal, stepped

Make = Callable[..., TrainingJob]
LOOKING: dict[str, Any] = {"validate_every": 2, "preview_every": 5, "preview_count": 1}
LEAN: dict[str, Any] = {
    "batch_size": 1,
    "accumulation": 3,
    "gradient_checkpointing": True,
    "precision": "bf16",
    "enhancement_min_snr_db": -60.0,
}


def log_of(job: TrainingJob) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (job.out / LOSS_LOG).read_text("utf-8").splitlines()]


@pytest.mark.parametrize("method", ["spf", "lora"])
def test_looking_changes_no_bit_of_the_training(make_job: Make, method: str) -> None:
    plain, watched = make_job("plain", method=method), make_job("watched", method=method, **LOOKING)
    assert equal(stepped(plain), stepped(watched))
    assert [entry for entry in log_of(watched) if "stage" in entry] == log_of(plain)


@pytest.mark.parametrize(
    ("options", "stop_after"),
    [(LOOKING, 3), (LEAN | {"validate_every": 2}, 1), ({"warmup_steps": 4}, 2)],
    ids=["looking", "lean", "warming-up"],
)
def test_a_resumed_training_equals_an_unbroken_one(make_job: Make, options: dict[str, Any], stop_after: int) -> None:
    unbroken, broken = make_job("unbroken", **options), make_job("broken", **options)
    resumed = make_job("resumed", resume=True, checkpoints="broken-checkpoints", **options)
    expected = stepped(unbroken)
    with pytest.raises(Preempted):
        stepped(broken, should_stop=after(stop_after))
    assert equal(stepped(resumed), expected)
    assert log_of(resumed) == log_of(unbroken)
    previews = [job.out / preview_name(5, 0) for job in (resumed, unbroken) if job.spec.preview_every]
    assert len({preview.read_bytes() for preview in previews}) == (1 if previews else 0)


def test_a_step_without_any_loss_changes_nothing_and_the_next_goes_on(make_job: Make) -> None:
    """Grown states have no truth: between two batches for denoising nothing is left once all else is off."""
    options: dict[str, Any] = {
        "states": "grown",
        "grown_steps": 1,
        "denoise_every": 2,
        "w_prediction_anchor": 0.0,
        "preservation": {"share": 0.0},
        "losses": {"text_consistent": False, "fine_grained": False},
        "learning_rate_end": 1.0,
    }
    lengths = range(1, 4)
    first, second, third = (adapter_of(stepped(make_job(f"{n}", stage2_steps=n, **options))) for n in lengths)
    assert all(torch.equal(first[name], second[name]) for name in first), "step 3 of both stages has no denoising"
    assert any(not torch.equal(second[name], third[name]) for name in second)


def test_how_often_one_looks_may_change_when_resuming(make_job: Make) -> None:
    with pytest.raises(Preempted):
        stepped(make_job("broken", validate_every=2), should_stop=after(2))
    changed: dict[str, Any] = {"validate_every": 1, "preview_every": 5, "checkpoint_every": 1, "keep_checkpoints": 1}
    resumed = make_job("resumed", resume=True, checkpoints="broken-checkpoints", **changed)
    assert equal(stepped(resumed), stepped(make_job("unbroken")))


def test_validation_comes_at_the_start_every_so_many_steps_and_at_the_end(make_job: Make) -> None:
    job, events = make_job(validate_every=2), list[Any]()
    run = stepped(job, events.append)
    told = [event for event in events if isinstance(event, Validated)]
    assert [event.step for event in told] == [0, 2, 4, 5]
    written = [entry for entry in log_of(job) if "target_gained" in entry]
    assert written == [event.model_dump(exclude={"kind"}) for event in told]
    assert told[0].rest_kept == 1
    assert run.state.log == log_of(job)


def test_previews_come_where_the_events_say(make_job: Make) -> None:
    events: list[Any] = []
    stepped(make_job(preview_every=5, preview_count=2), events.append)
    drawn = [event for event in events if isinstance(event, PreviewsDrawn)]
    assert [event.step for event in drawn] == [0, 5]
    assert all(Path(file).is_file() for event in drawn for file in event.files)
    assert [len(event.files) for event in drawn] == [2, 2]
    assert len({text for event in drawn for text in event.files.values()}) == 2


@pytest.mark.parametrize("keep", [1, 3])
def test_the_newest_checkpoints_are_kept(make_job: Make, keep: int) -> None:
    job, events = make_job(checkpoint_every=1, keep_checkpoints=keep), list[Any]()
    stepped(job, events.append)
    assert [event.step for event in events if isinstance(event, CheckpointSaved)] == [1, 2, 3, 4, 5]
    kept = sorted(path.name for path in job.checkpoints.iterdir())
    assert kept == [f"step-{step:06d}" for step in range(6 - keep, 6)]


def test_a_checkpoint_holds_the_adapter_of_its_step(make_job: Make) -> None:
    job = make_job(checkpoint_every=5)
    run = stepped(job)
    saved = safetensors_torch.load_file(job.checkpoints / "step-000005" / "state.safetensors")
    assert all((saved[name] == tensor).all() for name, tensor in adapter_of(run).items())


def test_every_checkpoint_is_exported_and_changes_no_bit_of_the_training(make_job: Make) -> None:
    exporting, silent = make_job("a", checkpoint_every=2), make_job("b", checkpoint_every=2, export_checkpoints=False)
    assert equal(stepped(exporting), stepped(silent))
    folders = [exporting.out / step_folder(step) for step in (2, 4, 5)]
    assert sorted((exporting.out / "steps").iterdir()) == folders
    assert not (silent.out / "steps").exists()
    for folder, step in zip(folders, (2, 4, 5), strict=True):
        with safetensors.safe_open(folder / ADAPTER, framework="pt") as opened:
            assert opened.metadata()["spf.step"] == str(step)
        assert (folder / DIFFUSERS_ADAPTER).is_file()


def test_an_export_that_fails_does_not_end_the_training(make_job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ExportError("export_check_failed", "zeros", "numbers", "Train on")

    monkeypatch.setattr("spf_portrait.training.loop.export_checkpoint", fail)
    events: list[Any] = []
    run = stepped(make_job(checkpoint_every=4), events.append)
    assert run.state.step == 5
    assert [event.message for event in events if isinstance(event, Notice)][-2].startswith("No adapter of step 4: ")
