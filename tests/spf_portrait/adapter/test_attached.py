from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spf_portrait.adapter import (
    CROSS_ATTENTION,
    adapter_deltas,
    adapter_off,
    adapter_parameters,
    attach_adapter,
    attach_network_change,
    attach_new_adapter,
    attach_weight_changes,
    has_adapter,
    remove_adapter,
    set_strength,
    weight_changes,
)
from spf_portrait.contract.errors import SpecError
from spf_portrait.contract.preset_table import AdapterKind
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.models.base_model import BaseModel, predict
from spf_portrait.models.families.text_embedding import TextEmbedding
from tests.spf_portrait.tiny_adapters import scramble

X_T, T = torch.randn(2, 8, 8, 8), torch.tensor([10, 500])
TEXT = TextEmbedding(torch.randn(2, 77, 32), torch.randn(2, 32))
Attach = Callable[[nn.Module], None]


def low_rank(network: nn.Module) -> None:
    attach_adapter(network, 2, CROSS_ATTENTION)


def whole_matrices(network: nn.Module) -> None:
    attach_weight_changes(network, CROSS_ATTENTION)


def whole_network(network: nn.Module) -> None:
    attach_network_change(network)


all_kinds = pytest.mark.parametrize("attach", [low_rank, whole_matrices, whole_network])


def answer(base: BaseModel) -> Tensor:
    with torch.no_grad():
        return predict(base, X_T, T, TEXT)


@all_kinds
def test_off_and_strength_0_are_the_original_bit_for_bit(base: BaseModel, attach: Attach) -> None:
    before = answer(base)
    attach(base.network)
    assert torch.equal(answer(base), before), "a new adapter changes nothing"
    scramble(base.network)
    tuned = answer(base)
    assert not torch.equal(tuned, before)
    with adapter_off(base.network):
        with adapter_off(base.network):
            assert torch.equal(answer(base), before)
        assert torch.equal(answer(base), before), "leaving an inner one leaves the outer one off"
    assert torch.equal(answer(base), tuned)
    set_strength(base.network, 0)
    assert torch.equal(answer(base), before)


@all_kinds
def test_nothing_is_left_of_a_removed_adapter(base: BaseModel, attach: Attach) -> None:
    before, layout = answer(base), repr(base.network)
    attach(base.network)
    scramble(base.network)
    assert has_adapter(base.network)
    remove_adapter(base.network)
    assert not has_adapter(base.network)
    assert repr(base.network) == layout
    assert torch.equal(answer(base), before)
    assert not any(parameter.requires_grad for parameter in base.network.parameters())


@all_kinds
def test_only_the_adapter_trains_and_every_part_of_it_does(base: BaseModel, attach: Attach) -> None:
    attach(base.network)
    scramble(base.network)
    predict(base, X_T, T, TEXT).square().mean().backward()
    trained = {id(parameter) for parameter in adapter_parameters(base.network)}
    for name, parameter in base.network.named_parameters():
        assert parameter.requires_grad is (id(parameter) in trained), name
        assert (parameter.grad is not None and bool(parameter.grad.any())) is (id(parameter) in trained), name
    if attach is not whole_network:
        assert all(".attn2." in name for name, parameter in base.network.named_parameters() if parameter.requires_grad)


@all_kinds
def test_a_reference_pass_before_it_leaves_a_checkpointed_gradient_as_it_is(base: BaseModel, attach: Attach) -> None:
    unet: Any = base.network
    attach(unet)
    scramble(unet)
    gradients: list[list[Tensor | None]] = []
    for checkpointed in (False, True):
        if checkpointed:
            unet.enable_gradient_checkpointing()
            with torch.no_grad(), adapter_off(unet):
                predict(base, X_T, T, TEXT)
        unet.zero_grad()
        predict(base, X_T, T, TEXT).square().mean().backward()
        gradients.append([parameter.grad for parameter in adapter_parameters(unet)])
    for plain, recomputed in zip(*gradients, strict=True):
        assert plain is not None
        assert recomputed is not None
        torch.testing.assert_close(recomputed, plain, rtol=1e-5, atol=1e-9)


def test_whole_matrices_learn_in_fp32_beside_a_half_precision_network(base: BaseModel) -> None:
    base.network.to(torch.bfloat16)
    whole_matrices(base.network)
    path, layer = next(iter(weight_changes(base.network).items()))
    linear: Any = base.network.get_submodule(path.removesuffix(".weight"))
    original = linear.weight.clone()
    with torch.no_grad():
        layer.change.add_(1e-3)
    assert layer.change.dtype == torch.float32
    assert linear.weight.dtype == torch.bfloat16
    torch.testing.assert_close(linear.weight, (original.float() + 1e-3).bfloat16())


def test_lora_is_fp32_beside_a_half_precision_network(base: BaseModel) -> None:
    base.network.to(torch.bfloat16)
    low_rank(base.network)
    assert {parameter.dtype for parameter in adapter_parameters(base.network)} == {torch.float32}


def test_the_seed_decides_the_start(base: BaseModel) -> None:
    starts: list[Tensor] = []
    for seed in (1, 1, 2):
        attach_adapter(base.network, 2, CROSS_ATTENTION, seed)
        starts.append(adapter_parameters(base.network)[0].detach().clone())
        remove_adapter(base.network)
    assert torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[0], starts[2])


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({"method": "spf-paper"}, {"attn2.to_q", "attn2.to_k", "attn2.to_v", "attn2.to_out.0"}),
        ({"layers": "cross_attention_kv"}, {"attn2.to_k", "attn2.to_v"}),
        ({}, {f"attn{n}.to_{part}" for n in (1, 2) for part in ("q", "k", "v", "out.0")}),
        ({"method": "lora", "layers": "cross_attention_kv"}, {"attn2.to_k", "attn2.to_v"}),
        ({"adapter": "cross_attention"}, {"attn2.to_q", "attn2.to_k", "attn2.to_v", "attn2.to_out.0"}),
        ({"adapter": "cross_attention", "layers": "cross_attention_kv"}, {"attn2.to_k", "attn2.to_v"}),
    ],
)
def test_the_ordered_layers_are_adapted_and_no_others(base: BaseModel, options: Any, kinds: set[str]) -> None:
    attach_new_adapter(base, TrainingSpec(rank=2, **options))
    adapted = [*adapter_deltas(base.network), *(path.removesuffix(".weight") for path in weight_changes(base.network))]
    assert {path.partition("transformer_blocks.0.")[2] for path in adapted} == kinds
    assert bool(weight_changes(base.network)) is (options.get("adapter") == "cross_attention")


@pytest.mark.parametrize(("adapter", "limit"), [("lora", 16), ("cross_attention", 32)])
def test_a_rank_above_what_the_matrices_allow_is_refused(base: BaseModel, adapter: AdapterKind, limit: int) -> None:
    message = f"rank = {limit + 1}; allowed: at most {limit}, .*to_q.* Choose a rank from 1 to {limit}"
    with pytest.raises(SpecError, match=message):
        attach_new_adapter(base, TrainingSpec(rank=limit + 1, adapter=adapter))
    assert not has_adapter(base.network)
    attach_new_adapter(base, TrainingSpec(rank=limit, adapter=adapter))


def test_naive_fine_tuning_adapts_every_weight(base: BaseModel) -> None:
    paths = {path for path, _ in base.network.named_parameters()}
    attach_new_adapter(base, TrainingSpec(method="naive"))
    assert weight_changes(base.network).keys() == paths
    assert len(adapter_parameters(base.network)) == len(paths)
