from functools import partial
from typing import Any, cast

import pytest
import torch

from spf_portrait.adapter import CROSS_ATTENTION, adapter_parameters, attach_adapter
from spf_portrait.method.attention_recorder import AttentionRecorder
from spf_portrait.models.base_model import BaseModel, predict
from spf_portrait.models.families.text_embedding import TextEmbedding

X_T, T = torch.randn(2, 8, 8, 8), torch.tensor([10, 500])
TEXT = TextEmbedding(torch.randn(2, 77, 32), torch.randn(2, 32))
POOLING = torch.eye(77)[:, :6].expand(2, -1, -1)


@pytest.fixture
def tuned(base: BaseModel) -> BaseModel:
    attach_adapter(base.network, 2, CROSS_ATTENTION)
    with torch.no_grad():
        for parameter in adapter_parameters(base.network):
            parameter.normal_()
    return base


def unet_of(base: BaseModel) -> Any:
    return base.network


def test_recording_changes_no_bit(tuned: BaseModel) -> None:
    before = predict(tuned, X_T, T, TEXT)
    with AttentionRecorder(tuned.network) as recorder:
        paused = predict(tuned, X_T, T, TEXT)
        recorder.listen(POOLING)
        recorded = predict(tuned, X_T, T, TEXT)
    assert torch.equal(before, paused)
    assert torch.equal(before, recorded)


def test_nothing_is_left_behind(tuned: BaseModel) -> None:
    def hooks() -> int:
        return sum(len(module._forward_hooks) for module in unet_of(tuned).modules())

    before, processors = hooks(), dict(unet_of(tuned).attn_processors)
    with AttentionRecorder(tuned.network):
        assert hooks() > before
    assert hooks() == before
    assert unet_of(tuned).attn_processors == processors


def test_maps_are_those_of_the_layer_with_its_adapter(tuned: BaseModel) -> None:
    """Compared with diffusers' own way of computing attention weights."""
    found: list[torch.Tensor] = []
    modules: list[tuple[str, Any]] = list(unet_of(tuned).named_modules())
    attention = next(module for name, module in modules if name.endswith("attn2"))

    def compute(module: Any, arguments: tuple[torch.Tensor, ...], kwargs: dict[str, Any]) -> None:
        states = kwargs.get("encoder_hidden_states")
        query = attention.head_to_batch_dim(_adapted(attention.to_q, arguments[0]))
        key = attention.head_to_batch_dim(_adapted(attention.to_k, states))
        found.append(attention.get_attention_scores(query, key).unflatten(0, (2, -1)).mean(dim=1))

    handle: Any = attention.register_forward_pre_hook(compute, with_kwargs=True)
    with torch.no_grad(), AttentionRecorder(tuned.network) as recorder:
        recorder.listen(POOLING)
        predict(tuned, X_T, T, TEXT)
        record = recorder.record()
    handle.remove()
    torch.testing.assert_close(record.maps[0], found[0] @ POOLING, rtol=1e-4, atol=1e-5)


def test_the_backward_pass_finds_queries_and_keys_but_no_softmax(tuned: BaseModel) -> None:
    """At 1024 px the softmax of all layers would be gigabytes a portrait."""
    unrecorded, recorded = kept_by(tuned, record=False), kept_by(tuned, record=True)
    heads, cells, tokens, float32 = 2, 8 * 8, 77, 4
    softmax_of_a_layer = len(X_T) * heads * cells * tokens * float32
    assert 0 < recorded - unrecorded < softmax_of_a_layer


def kept_by(base: BaseModel, *, record: bool) -> int:
    """Bytes that a forward pass, and all maps if they are recorded, keep for the backward pass."""
    storages: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        AttentionRecorder(base.network) as heard,
    ):
        heard.listen(POOLING if record else None)
        answer = predict(base, X_T, T, TEXT).sum()
        total = answer + sum(layer.square().sum() for layer in heard.record().maps)
    total.backward()
    return sum(storages.values())


def test_layers_are_recorded_in_the_order_of_their_depth(tuned: BaseModel) -> None:
    """A U-Net lists its middle block behind the way up."""
    passed: list[str] = []
    modules: list[tuple[str, Any]] = list(unet_of(tuned).named_modules())

    def note(name: str, *_: Any) -> None:
        passed.append(name)

    handles = [
        module.register_forward_pre_hook(partial(note, name)) for name, module in modules if name.endswith("attn2")
    ]
    with torch.no_grad(), AttentionRecorder(tuned.network) as recorder:
        recorder.listen(POOLING)
        predict(tuned, X_T, T, TEXT)
        cells = [layer.shape[1] for layer in recorder.record().maps]
    for handle in handles:
        handle.remove()
    assert list(recorder.layer_names) == passed
    assert cells == [64, 16, 64, 64], "finest, coarsest, finest"


def test_one_pass_is_recorded_and_given_once(tuned: BaseModel) -> None:
    with torch.no_grad(), AttentionRecorder(tuned.network) as recorder:
        recorder.listen(POOLING)
        predict(tuned, X_T, T, TEXT)
        predict(tuned, 2 * X_T, T, TEXT)
        record = recorder.record()
        assert recorder.record().maps == recorder.record().queries == ()
        recorder.listen(POOLING)
        predict(tuned, X_T, T, TEXT)
        again = recorder.record()
    assert len(record.maps) == len(record.queries) == 4
    for one, other in zip((*record.maps, *record.queries), (*again.maps, *again.queries), strict=True):
        assert torch.equal(one, other), "the second pass was not listened to"


def test_listening_to_nothing_forgets_what_was_heard(tuned: BaseModel) -> None:
    with torch.no_grad(), AttentionRecorder(tuned.network) as recorder:
        recorder.listen(POOLING)
        predict(tuned, X_T, T, TEXT)
        recorder.listen(None)
        assert recorder.record().maps == ()


@pytest.mark.parametrize("then", [None, POOLING[..., :2]], ids=["nothing", "another-pooling"])
def test_gradient_checkpointing_gives_the_same_gradients(tuned: BaseModel, then: torch.Tensor | None) -> None:
    """Whatever is listened to by then, the layers that run again in the backward pass are not recorded."""
    gradients: list[list[torch.Tensor]] = []
    for checkpointing in (False, True):
        if checkpointing:
            unet_of(tuned).enable_gradient_checkpointing()
            tuned.network.train()
        with AttentionRecorder(tuned.network) as recorder:
            recorder.listen(POOLING)
            predicted = predict(tuned, X_T, T, TEXT)
            maps = recorder.record().maps
            recorder.listen(then)
            loss = predicted.square().mean() + torch.stack([layer.square().mean() for layer in maps]).sum()
            loss.backward()
            assert recorder.record().maps == ()
        parameters = adapter_parameters(tuned.network)
        gradients.append([cast("torch.Tensor", parameter.grad).clone() for parameter in parameters])
        tuned.network.zero_grad()
    for plain, checkpointed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, checkpointed)


def test_the_last_rows_are_recorded_when_the_batch_holds_more(tuned: BaseModel) -> None:
    with torch.no_grad(), AttentionRecorder(tuned.network) as recorder:
        recorder.listen(POOLING)
        predict(tuned, X_T, T, TEXT)
        both = recorder.record().maps[0]
        recorder.listen(POOLING[:1])
        predict(tuned, X_T, T, TEXT)
        last = recorder.record().maps[0]
    torch.testing.assert_close(last, both[1:])


def _adapted(layer: Any, states: Any) -> torch.Tensor:
    return layer.base_layer(states) + layer.lora_B["default"](layer.lora_A["default"](states))
