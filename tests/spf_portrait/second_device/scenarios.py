"""Whole jobs on a second device. They run in a process of their own, see `test_second_device.py`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch
from torch import nn

from spf_portrait.contract.artifacts import ADAPTER, CONTROL_MAP
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.drawing.sample import SampleJob, sample
from spf_portrait.drawing.trajectory import Sampling
from spf_portrait.models.base_model import decode_latents, encode_text
from spf_portrait.models.resting import awake
from spf_portrait.training.preparation import TrainingJob, prepare
from spf_portrait.training.train import train
from tests.spf_portrait.second_device.device import SECOND, SecondDevice

Make = Callable[..., TrainingJob]
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def second_device(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything that is loaded goes to the second device; pictures are drawn in few steps."""
    monkeypatch.setattr("spf_portrait.models.base_model.default_device", lambda: SECOND)
    monkeypatch.setattr("spf_portrait.training.previews._SAMPLING", Sampling(steps=2, guidance_scale=4.0))
    monkeypatch.setattr("spf_portrait.training.cover._STEPS", 2)
    with SecondDevice(), torch.autograd.set_multithreading_enabled(False):
        yield


def test_the_devices_do_not_mix() -> None:
    here, there = torch.ones(2), torch.ones(2).to(SECOND)
    assert there.device == SECOND
    assert (there + there).cpu().tolist() == [2, 2]
    assert (there + torch.tensor(1)).device == SECOND, "a single number may"
    with pytest.raises(RuntimeError, match="same device"):
        torch.add(here, there)
    with pytest.raises(RuntimeError, match="same device"):
        here[torch.zeros(1, dtype=torch.long).to(SECOND)]
    with pytest.raises(RuntimeError, match="numpy"):
        there.numpy()


@pytest.mark.parametrize("enhancement", [0.0, 0.1])
def test_what_no_step_needs_leaves_the_device(make_job: Make, enhancement: float) -> None:
    job = make_job(w_enhancement=enhancement, precision="bf16", preservation={"pictures": 0})
    with ExitStack() as stack:
        run = prepare(job, lambda event: None, stack)
        assert run.course is not None
        assert places(run.base.network) == {SECOND}
        assert [places(encoder.model) for encoder in run.base.parts.text_encoders] == [{CPU}]
        assert places(run.base.vae) == {SECOND if enhancement else CPU}, "the enhancement decodes"
        rows = run.course.rows
        assert rows.x_0.device == rows.complete_text.states.device == rows.base_pooling.device == CPU
        assert rows.brought(torch.arange(2).to(SECOND)).complete_text.pooled.device == SECOND
        with awake(run.base):
            assert decode_latents(run.base, torch.zeros(1, 8, 8, 8).to(SECOND)).device == SECOND
            assert encode_text(run.base, ["a hat"]).states.device == SECOND
        assert places(run.base.vae) == {SECOND if enhancement else CPU}


def places(part: nn.Module) -> set[torch.device]:
    return {parameter.device for parameter in part.parameters()}


@pytest.mark.parametrize("method", ["spf", "spf-paper", "naive", "adalora", "purecc", "concept-slider"])
def test_a_training_and_a_pair_with_maps(make_job: Make, models_dir: Path, tmp_path: Path, method: str) -> None:
    short = {"stage1_steps": 1, "stage2_steps": 1, "checkpoint_every": 1, "preservation": {"pictures": 2}}
    job = make_job(method=method, **short, validate_every=2, preview_every=2, preview_count=1)
    train(job, lambda event: None)
    spec = ComparisonSpec(
        base="tiny", base_text="a woman, a hat", target="blonde hair", steps=2, layer_maps=True, reconstruction=True
    )
    finished = sample(SampleJob(spec, job.out / ADAPTER, tmp_path / "pair", models_dir), lambda event: None)
    assert CONTROL_MAP in finished.files
