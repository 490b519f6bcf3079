import pytest
import torch

from spf_portrait.export.tool_rules import RULES, a1111_version, modules_of, reach, unmatched_keys

_SD1 = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"


def pair(name: str, width: int, ends: tuple[str, str] = ("lora_down", "lora_up")) -> dict[str, torch.Tensor]:
    return {f"{name}.{ends[0]}.weight": torch.ones(2, width), f"{name}.{ends[1]}.weight": torch.ones(4, 2)}


@pytest.mark.parametrize(
    ("keys", "left"),
    [
        ({"m.lora_down.weight", "m.lora_up.weight", "m.alpha"}, []),
        ({"unet.m.lora_A.weight", "unet.m.lora_B.weight"}, []),
        ({"m.lora.down.weight", "m.lora.up.weight"}, []),
        ({"m.lora_down.weight", "m.alpha"}, ["m.lora_down.weight"]),
        ({"m.lora_A.weight", "m.lora_up.weight"}, ["m.lora_A.weight", "m.lora_up.weight"]),
        ({"m.alpha"}, ["m.alpha"]),
        ({"m.diff"}, ["m.diff"]),
    ],
)
def test_comfyui_leaves_over_what_it_cannot_pair(keys: set[str], left: list[str]) -> None:
    assert unmatched_keys(keys) == left


@pytest.mark.parametrize(
    ("header", "version"),
    [
        ({"ss_base_model_version": "sdxl_base_v1-0", "ss_v2": "False"}, "SDXL"),
        ({"ss_base_model_version": "sd_v2", "ss_v2": "True"}, "SD2"),
        ({"ss_base_model_version": "sd_v1", "ss_v2": "False"}, "SD1"),
        ({"anything": "else"}, "SD1"),
        ({}, "Unknown"),
    ],
)
def test_a1111_concludes_the_family_from_the_header(header: dict[str, str], version: str) -> None:
    assert a1111_version(header) == version


def test_invokeai_concludes_the_family_from_the_width() -> None:
    assert "invokeai" in reach("sd1", pair(_SD1, 768)).tools
    assert reach("sd1", pair(_SD1, 128)).tools == ("diffusers",)
    without_text = pair(_SD1.replace("attn2", "attn1"), 320)
    assert "invokeai" not in reach("sd1", without_text).tools, "it refuses a file without cross-attention"


def test_sd3_goes_to_comfyui_under_diffusers_names() -> None:
    name = "transformer.transformer_blocks.23.attn.add_k_proj"
    assert reach("sd3", pair(name, 1536, ("lora_A", "lora_B"))).tools == ("diffusers", "comfyui")
    assert RULES["sd3"].layout == "diffusers"


def test_module_names_in_both_layouts() -> None:
    assert modules_of({"m.lora_down.weight", "m.lora_up.weight", "m.alpha"}) == {"m"}
    assert modules_of({"unet.m.to_k.lora_A.weight", "unet.m.to_k.lora_B.weight"}) == {"unet.m.to_k"}
