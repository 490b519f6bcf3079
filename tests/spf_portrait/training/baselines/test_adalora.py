"""AdaLoRA: ranks fall to the ordered mean, masked ones stay masked, and the file holds what the network computes."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from spf_portrait.adapter import adapter_parameters, adaptive_layers, load_adapter
from spf_portrait.adapter.lora import lora_layers
from spf_portrait.contract.artifacts import ADAPTER, DIFFUSERS_ADAPTER
from spf_portrait.contract.errors import SpecError
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.export import export_checkpoint
from spf_portrait.models.base_model import BaseModel
from spf_portrait.training.baselines.adalora import orthogonality
from spf_portrait.training.loop import Preempted
from spf_portrait.training.preparation import TrainingJob
from tests.spf_portrait.stepping import after, equal, stepped

Make = Callable[..., TrainingJob]
FALLING: dict[str, Any] = {
    "method": "adalora",
    "stage1_steps": 4,
    "stage2_steps": 16,
    "rivals": {"adalora": {"interval": 2}},
}


def ranks(network: nn.Module) -> list[int]:
    return [int((layer.lora_E["default"] != 0).sum()) for layer in adaptive_layers(network).values()]


def changes(network: nn.Module) -> dict[str, torch.Tensor]:
    return {path: layer.get_delta_weight("default").detach() for path, layer in lora_layers(network)}


def test_the_mean_rank_falls_from_the_initial_to_the_ordered_one(make_job: Make) -> None:
    allotted = ranks(stepped(make_job("whole", **FALLING)).base.network)
    assert sum(allotted) == 2 * len(allotted)
    assert len(set(allotted)) > 1, "some modules need more than others"
    initial = stepped(make_job("start", method="adalora", stage2_steps=0)).base.network
    assert {len(layer.lora_E["default"]) for layer in adaptive_layers(initial).values()} == {3}


@pytest.mark.parametrize("stop_after", [5, 10, 18], ids=["falling", "between", "final"])
def test_ranks_and_averages_survive_a_checkpoint(make_job: Make, stop_after: int) -> None:
    unbroken = stepped(make_job("unbroken", **FALLING))
    with pytest.raises(Preempted):
        stepped(make_job("broken", **FALLING), should_stop=after(stop_after))
    resumed = stepped(make_job("resumed", resume=True, checkpoints="broken-checkpoints", **FALLING))
    assert equal(resumed, unbroken)
    assert ranks(resumed.base.network) == ranks(unbroken.base.network)


@pytest.mark.parametrize("file", [ADAPTER, DIFFUSERS_ADAPTER])
def test_the_file_is_plain_lora_with_the_same_change(make_job: Make, base: BaseModel, file: str) -> None:
    run = stepped(make_job(**FALLING))
    export_checkpoint(run.base, run.facts, run.job.out)
    load_adapter(base.network, run.job.out / file)
    trained, loaded = changes(run.base.network), changes(base.network)
    kept = {path for path, change in trained.items() if change.any()}
    assert loaded.keys() == kept
    for path in kept:
        torch.testing.assert_close(loaded[path], trained[path], rtol=1e-4, atol=1e-7)


def test_weights_that_train_are_fp32_beside_a_network_in_half_precision(make_job: Make) -> None:
    run = stepped(make_job(method="adalora", precision="bf16"))
    assert {parameter.dtype for parameter in adapter_parameters(run.base.network)} == {torch.float32}
    assert all(entry["denoise"] > 0 for entry in run.state.log)


def test_orthonormal_vectors_cost_nothing(make_job: Make) -> None:
    network = stepped(make_job(method="adalora", stage2_steps=0)).base.network
    with torch.no_grad():
        for layer in adaptive_layers(network).values():
            nn.init.orthogonal_(layer.lora_A["default"])
            nn.init.orthogonal_(layer.lora_B["default"])
    assert orthogonality(network).item() == pytest.approx(0, abs=1e-5)
    with torch.no_grad():
        for parameter in adapter_parameters(network):
            parameter.zero_()
    assert orthogonality(network).item() == pytest.approx(3**0.5), "‖−I‖_F of rank 3"


@pytest.mark.parametrize("wrong", [{"adapter": "cross_attention"}, {"stage1_steps": 1, "stage2_steps": 0}])
def test_what_it_cannot_train_is_refused_with_what_to_do(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=r"adapter lora, and 2 steps or more\. Leave the adapter to the method"):
        TrainingSpec.from_preset(method="adalora", **wrong)


def test_ranks_must_have_time_to_fall() -> None:
    with pytest.raises(SpecError, match=r"final_share = 0\.5; allowed: less than 1 together with warmup_share"):
        TrainingSpec.from_preset(rivals={"adalora": {"warmup_share": 0.5, "final_share": 0.5}})
