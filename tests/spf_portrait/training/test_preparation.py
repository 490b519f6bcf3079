from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from spf_portrait.adapter import adapter_deltas, adapter_parameters
from spf_portrait.contract.errors import DataError, ModelError, SpfError
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.method.alignment import Alignment
from spf_portrait.method.training_set import read_pixels
from spf_portrait.training.preparation import PreparedTraining, TrainingJob, prepare, spec_hash
from tests.spf_portrait.stepping import course_of

Make = Callable[..., TrainingJob]


def prepared(job: TrainingJob) -> PreparedTraining:
    with ExitStack() as stack:
        return prepare(job, lambda event: None, stack)


def test_options_arrive(make_job: Make) -> None:
    run = prepared(make_job(rank=3, learning_rate=0.02, stage1_steps=4, stage2_steps=6, image_size_px=64))
    assert {down.shape[0] for down, _ in adapter_deltas(run.base.network).values()} == {3}
    assert run.state.optimizer.param_groups[0]["lr"] == 0.02
    assert [stage.steps for stage in course_of(run).stages] == [4, 6]
    assert course_of(run).rows.x_0.shape == (4, 8, 16, 16)


def test_options_of_the_second_stage_arrive(make_job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def spy(**options: Any) -> Alignment:
        given.update(options)
        return Alignment(**options)

    monkeypatch.setattr("spf_portrait.training.course.Alignment", spy)
    job = make_job(control_map_gain=0.7, enhancement_form="image_direction", losses={"fine_grained": False})
    run = prepared(job)
    assert given["spec"] == job.spec
    assert given["memory"] is run.state.memory, "what the alignment learns is what a checkpoint keeps"


def test_the_base_decides_the_size_unless_told(make_job: Make) -> None:
    assert course_of(prepared(make_job())).rows.x_0.shape == (4, 8, 8, 8)


def test_a_size_that_the_unet_cannot_halve_is_rounded_down(make_job: Make) -> None:
    assert course_of(prepared(make_job(image_size_px=47))).rows.x_0.shape == (4, 8, 10, 10)


def test_the_seed_decides_adapter_and_order(make_job: Make) -> None:
    runs = [prepared(make_job(seed=seed)) for seed in (1, 1, 2)]
    starts = [adapter_parameters(run.base.network)[0] for run in runs]
    assert torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[0], starts[2])
    states = [run.state.generator.get_state() for run in runs]
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_the_papers_reading_adapts_cross_attention_and_all_others_every_attention(make_job: Make) -> None:
    spf, paper, lora = (prepared(make_job(method=method)) for method in ("spf", "spf-paper", "lora"))
    assert not any(".attn1." in path for path in adapter_deltas(paper.base.network))
    assert any(".attn1." in path for path in adapter_deltas(spf.base.network))
    assert adapter_deltas(spf.base.network).keys() == adapter_deltas(lora.base.network).keys()
    assert [stage.weights for stage in course_of(lora).stages] == [{"denoise": 1.0}] * 2
    assert [stage.steps for stage in course_of(lora).stages] == [stage.steps for stage in course_of(spf).stages]


def test_latents_are_scaled(make_job: Make) -> None:
    run = prepared(make_job())
    vae: Any = run.base.vae
    with torch.no_grad():
        plain = vae.encode(next(read_pixels(run.portraits, 32))).latent_dist.mode()
    torch.testing.assert_close(course_of(run).rows.x_0[:1], plain * 0.7)


def test_how_often_checkpoints_are_written_does_not_make_another_specification() -> None:
    assert spec_hash(TrainingSpec(checkpoint_every=1)) == spec_hash(TrainingSpec(checkpoint_every=2))
    assert spec_hash(TrainingSpec(seed=1)) != spec_hash(TrainingSpec(seed=2))


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"data": Path("/no/such/set")}, DataError, "/no/such/set"),
        ({"models_dir": Path("/no/models")}, ModelError, "/no/models"),
    ],
)
def test_what_is_missing_is_named(make_job: Make, change: dict[str, Any], kind: type[SpfError], message: str) -> None:
    job = make_job()
    missing = replace(job, **change)
    with pytest.raises(kind, match=message):
        prepared(missing)
    assert not job.out.exists()
