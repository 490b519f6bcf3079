import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from spf_portrait.contract.artifacts import ADAPTER, LOSS_LOG, REPORT
from spf_portrait.contract.errors import TrainingError
from spf_portrait.contract.events import CheckpointSaved, Progress
from spf_portrait.running.untyped import safetensors, safetensors_torch
from spf_portrait.training.preparation import TrainingJob
from spf_portrait.training.train import Preempted, train
from spf_portrait.training.training_state import TrainingState, next_rows

Make = Callable[..., TrainingJob]


def silent(event: Any) -> None:
    """Nobody listens."""


def after(steps: int) -> Callable[[], bool]:
    """Ask to stop after so many steps."""
    asked = iter(range(1, 10_000))
    return lambda: next(asked) >= steps


def adapter_of(job: TrainingJob) -> dict[str, Tensor]:
    return safetensors_torch.load_file(job.out / ADAPTER)


@pytest.mark.parametrize("base", ["tiny", "tiny-epsilon"])
@pytest.mark.parametrize("method", ["spf", "lora"])
def test_a_training_leaves_adapter_report_and_losses(make_job: Make, base: str, method: str) -> None:
    job = make_job(base=base, method=method, validate_every=5)
    events: list[Any] = []
    finished = train(job, events.append)
    assert {ADAPTER, REPORT, LOSS_LOG} <= set(finished.files)
    log = [json.loads(line) for line in (job.out / LOSS_LOG).read_text().splitlines()]
    assert [entry["step"] for entry in log] == [0, 1, 2, 3, 4, 5, 5]
    assert ("fine_grained" in log[-2]) == (method == "spf")
    summary = json.loads((job.out / REPORT).read_text())
    assert summary["steps"] == 5
    assert (summary["last_losses"], summary["last_validation"]) == (log[-2], log[-1])
    assert summary["portraits_held_out"] == 0
    phases = [event.phase for event in events if isinstance(event, Progress)]
    preserving = ["preserving"] if method == "spf" else []
    surveying = ["surveying"] if method == "spf" else []
    expected = ["loading", "caching", *preserving, "stage1", *surveying, "stage2", "exporting"]
    assert list(dict.fromkeys(phases)) == expected


def test_the_same_seed_gives_the_same_adapter(make_job: Make) -> None:
    jobs = [make_job("a"), make_job("b"), make_job("c", seed=1)]
    for job in jobs:
        train(job, silent)
    first, second, other = map(adapter_of, jobs)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize(("stop_after", "adapter"), [(1, "lora"), (2, "lora"), (4, "lora"), (3, "cross_attention")])
def test_a_resumed_training_equals_an_unbroken_one(make_job: Make, stop_after: int, adapter: str) -> None:
    unbroken, broken = make_job("unbroken", adapter=adapter), make_job("broken", adapter=adapter)
    train(unbroken, silent)
    with pytest.raises(Preempted):
        train(broken, silent, after(stop_after))
    assert not (broken.out / ADAPTER).exists()
    resumed = make_job("resumed", resume=True, checkpoints="broken-checkpoints", adapter=adapter)
    train(resumed, silent)
    mine, theirs = adapter_of(resumed), adapter_of(unbroken)
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert (resumed.out / LOSS_LOG).read_text() == (unbroken.out / LOSS_LOG).read_text()


def test_a_damaged_checkpoint_costs_only_the_steps_since_the_one_before(make_job: Make) -> None:
    unbroken, broken = make_job("unbroken", checkpoint_every=1), make_job("broken", checkpoint_every=1)
    train(unbroken, silent)
    with pytest.raises(Preempted):
        train(broken, silent, after(4))
    newest = broken.checkpoints / "step-000004" / "state.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1])
    resumed = make_job("resumed", resume=True, checkpoints="broken-checkpoints", checkpoint_every=1)
    events: list[Any] = []
    train(resumed, events.append)
    assert [event.step for event in events if isinstance(event, CheckpointSaved)] == [4, 5]
    mine, theirs = adapter_of(resumed), adapter_of(unbroken)
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_checkpoints_of_another_specification_are_refused(make_job: Make) -> None:
    with pytest.raises(Preempted):
        train(make_job("a"), silent, after(1))
    with pytest.raises(TrainingError, match="another specification"):
        train(make_job("b", resume=True, checkpoints="a-checkpoints", seed=5), silent)
    with pytest.raises(TrainingError, match="--resume"):
        train(make_job("c", checkpoints="a-checkpoints"), silent)


def test_checkpoints_come_as_often_as_ordered(make_job: Make) -> None:
    events: list[Any] = []
    train(make_job(checkpoint_every=2), events.append)
    assert [event.step for event in events if isinstance(event, CheckpointSaved)] == [2, 4, 5], "the last of the end"


def test_batch_size_and_weights_reach_the_step(make_job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, float]] = []
    drawn: list[int] = []

    def spy(raw: dict[str, Tensor], weights: dict[str, float]) -> Tensor:
        seen.append(weights)
        return torch.stack([raw[name] * weight for name, weight in weights.items()]).sum()

    def draw(state: TrainingState, count: int) -> Tensor:
        drawn.append(count)
        return next_rows(state, count)

    monkeypatch.setattr("spf_portrait.training.loop.weighted_total", spy)
    monkeypatch.setattr("spf_portrait.training.loop.next_rows", draw)
    train(
        make_job(
            batch_size=3,
            accumulation=2,
            w_denoise=0.5,
            w_text_consistent=0.25,
            w_fine_grained=0.125,
            w_prediction_anchor=3,
            w_base_anchor=4,
            w_enhancement=2,
            preservation={"pictures": 2, "weight": 5, "guided_weight": 6, "denoise_weight": 7},
        ),
        silent,
    )
    aligned = {"text_consistent": 0.25, "fine_grained": 0.125, "prediction_anchor": 3, "base_anchor": 4}
    preserved = {"preservation": 5, "guided_preservation": 6, "released": 7}
    wanted = {"denoise": 0.5, **aligned, "enhancement": 2, **preserved}
    assert seen == [{"denoise": 1.0}] * 2 + [wanted] * 3
    assert drawn == [3 * 2] * 5


@pytest.mark.parametrize("term", ["text_consistent", "fine_grained", "enhancement", "control_map"])
def test_every_switch_changes_the_result(make_job: Make, term: str) -> None:
    options = {"w_enhancement": 0.1, "enhancement_min_snr_db": -60.0}
    full, reduced = make_job("full", **options), make_job("reduced", **options, losses={term: False})
    for job in (full, reduced):
        train(job, silent)
    first, second = adapter_of(full), adapter_of(reduced)
    assert any(not torch.equal(first[name], second[name]) for name in first)


def test_memory_that_runs_out_at_the_end_costs_no_step(make_job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """All steps are in a checkpoint before the cover is drawn, and going on from it exports and does nothing else."""
    with monkeypatch.context() as patch:
        patch.setattr("spf_portrait.training.train.draw_cover", too_much)
        broken = make_job("broken", checkpoint_every=3)
        with pytest.raises(TrainingError) as raised:
            train(broken, silent)
    assert raised.value.code == "out_of_memory"
    assert "to draw the cover and export the adapter" in raised.value.found
    assert "--resume: only the export is left. The checkpoint of step 5 is sound." in raised.value.hint
    assert not (broken.out / ADAPTER).exists()
    unbroken, events = make_job("unbroken", checkpoint_every=3), list[Any]()
    train(unbroken, silent)
    resumed = make_job("resumed", resume=True, checkpoints="broken-checkpoints", checkpoint_every=3)
    train(resumed, events.append)
    assert {event.phase for event in events if isinstance(event, Progress)} == {"loading", "exporting"}
    mine, theirs = adapter_of(resumed), adapter_of(unbroken)
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert own_header_of(resumed) == own_header_of(unbroken)
    assert (resumed.out / LOSS_LOG).read_text() == (unbroken.out / LOSS_LOG).read_text()


def too_much(*_: Any) -> bytes:
    """The allocation really fails: torch asks the system for more than there is."""
    return bytes(torch.empty(1 << 50, dtype=torch.uint8))


def own_header_of(job: TrainingJob) -> dict[str, str]:
    """The settings that a comparison measures its maps with among them."""
    with safetensors.safe_open(job.out / ADAPTER, framework="pt") as opened:
        header: dict[str, str] = opened.metadata()
    return {key: value for key, value in header.items() if key.startswith("spf.")}


def test_a_loss_that_is_no_number_ends_the_training_with_advice(
    make_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(predicted: Tensor, target: Tensor) -> Tensor:
        return (predicted - target).mean() * float("nan")

    monkeypatch.setattr("spf_portrait.training.stages.denoising_loss", broken)
    job = make_job()
    with pytest.raises(TrainingError, match="learning rate"):
        train(job, silent)
    assert not (job.out / ADAPTER).exists()
