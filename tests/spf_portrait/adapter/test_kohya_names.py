"""SDXL's names against the block layout of the published model, at reduced width."""

import json
from typing import Any

import pytest
import torch
from torch import nn

from spf_portrait.adapter import ALL_ATTENTION, CROSS_ATTENTION, adapter_deltas, attach_adapter, lora_layers
from spf_portrait.adapter.kohya_names import kohya_names
from spf_portrait.contract.base_info import FamilyKey
from spf_portrait.export.self_test import weightless
from spf_portrait.export.tensors import kohya_tensors
from spf_portrait.export.tool_rules import RULES, reach
from spf_portrait.models.families.single_file import CONFIGS
from spf_portrait.running.untyped import diffusers
from tests.spf_portrait.tiny_adapters import scramble


def layout(family: str, **smaller: Any) -> Any:
    """The published U-Net with narrow channels: every block, layer and depth is there."""
    config = json.loads((CONFIGS / family / "unet" / "config.json").read_text())
    return diffusers.UNet2DConditionModel.from_config({**config, "norm_num_groups": 4, **smaller})


@pytest.fixture(scope="module")
def sdxl() -> nn.Module:
    return layout(
        "sdxl",
        block_out_channels=[4, 8, 8],
        attention_head_dim=2,
        addition_time_embed_dim=2,
        projection_class_embeddings_input_dim=16,
    )


def test_every_attention_matrix_of_sdxl_has_a_name_of_its_own(sdxl: nn.Module) -> None:
    names = kohya_names(sdxl, ldm=True)
    assert len(set(names.values())) == len(names)
    by_ldm = {
        path.rpartition(".attn")[0]: name.rpartition("_attn")[0] for path, name in names.items() if ".attn" in path
    }
    blocks = {
        **{f"down_blocks.1.attentions.{n}": (f"input_blocks_{4 + n}_1", 2) for n in (0, 1)},
        **{f"down_blocks.2.attentions.{n}": (f"input_blocks_{7 + n}_1", 10) for n in (0, 1)},
        "mid_block.attentions.0": ("middle_block_1", 10),
        **{f"up_blocks.0.attentions.{n}": (f"output_blocks_{n}_1", 10) for n in (0, 1, 2)},
        **{f"up_blocks.1.attentions.{n}": (f"output_blocks_{3 + n}_1", 2) for n in (0, 1, 2)},
    }
    wanted = {
        f"{path}.transformer_blocks.{depth}": f"lora_unet_{name}_transformer_blocks_{depth}"
        for path, (name, depths) in blocks.items()
        for depth in range(depths)
    }
    assert by_ldm == wanted
    assert len(wanted) == 70, "as the published model has"


def test_diffusers_reads_sdxl_names_as_the_modules_they_mean(sdxl: nn.Module) -> None:
    attach_adapter(sdxl, 1, ALL_ATTENTION)
    scramble(sdxl)
    deltas = adapter_deltas(sdxl)
    assert len(deltas) == 70 * 2 * 4
    tensors = kohya_tensors(deltas, kohya_names(sdxl, ldm=True))
    trained = {path: up.detach() @ down.detach() for path, (down, up) in deltas.items()}
    parts = dict.fromkeys(("vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler"))
    other = weightless(sdxl)
    pipeline: Any = diffusers.StableDiffusionXLPipeline(**parts, unet=other)
    pipeline.load_lora_weights(tensors, adapter_name="check")
    loaded = {path: layer.get_delta_weight("check") for path, layer in lora_layers(other)}
    assert loaded.keys() == trained.keys()
    for path, change in trained.items():
        torch.testing.assert_close(loaded[path], change)


def test_other_tools_know_sdxl_and_sd1_names(sdxl: nn.Module) -> None:
    sd1 = layout("sd1", block_out_channels=[4, 4, 4, 4], attention_head_dim=2)
    wide = layout(
        "sdxl",
        block_out_channels=[4, 8, 8],
        attention_head_dim=2,
        addition_time_embed_dim=2,
        projection_class_embeddings_input_dim=16,
        cross_attention_dim=768,
    )
    networks: dict[FamilyKey, nn.Module] = {"sd1": sd1, "sdxl": sdxl}
    for family, network in networks.items():
        attach_adapter(network, 1, CROSS_ATTENTION, name="names")
        names = kohya_names(network, ldm=family == "sdxl")
        found = reach(family, kohya_tensors(adapter_deltas(network, "names"), names))
        assert found.tools == RULES[family].tools, found.reason
    attach_adapter(wide, 1, CROSS_ATTENTION)
    narrow_text = reach("sdxl", kohya_tensors(adapter_deltas(wide), kohya_names(wide, ldm=True)))
    assert narrow_text.tools == ("diffusers",)
    assert "width 768, not 2048" in narrow_text.reason
    wrong_names = reach("sd1", kohya_tensors(adapter_deltas(sd1, "names"), kohya_names(sd1, ldm=True)))
    assert wrong_names.tools == ("diffusers",)
    assert "lora_unet_input_blocks_1_1" in wrong_names.reason
