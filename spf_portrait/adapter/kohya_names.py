"""Module names as kohya's tools write them, and with them ComfyUI, A1111 and InvokeAI.

Stable Diffusion 1.x and 2.x keep the block names of diffusers. SDXL's are those of the original LDM code, which counts
through: `input_blocks` (0 is the first convolution; each residual layer is one and each level's downsampler one more),
`middle_block` (0 residual, 1 attention, 2 residual), `output_blocks`. Inside each, attention is part 1.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from torch import nn

from spf_portrait.adapter.layers import linear_layers

PREFIX: Final = "lora_unet_"
_ATTENTION: Final = re.compile(r"(?P<place>.*attentions\.\d+)\.(?P<inside>.*)")


def kohya_names(network: nn.Module, *, ldm: bool = False) -> dict[str, str]:
    """Name by module path, for every linear layer in the attention blocks of a UNet2DConditionModel.

    Args:
        network: The U-Net.
        ldm: Use LDM's block names, as SDXL's adapters do.
    """
    places = _ldm_places(network) if ldm else {}
    paths = [path for path in linear_layers(network) if _ATTENTION.match(path)]
    return {path: PREFIX + _renamed(path, places).replace(".", "_") for path in paths}


def _renamed(path: str, places: Mapping[str, str]) -> str:
    found = _ATTENTION.match(path)
    return path if found is None else f"{places.get(found['place'], found['place'])}.{found['inside']}"


def _ldm_places(network: nn.Module) -> dict[str, str]:
    """Where LDM has each attention block, counted through the blocks as they are."""
    unet: Any = cast("Any", network)
    places, index = {"mid_block.attentions.0": "middle_block.1"}, 0
    for level, block in enumerate(unet.down_blocks):
        for layer in range(len(block.resnets)):
            index += 1
            places[f"down_blocks.{level}.attentions.{layer}"] = f"input_blocks.{index}.1"
        index += 1
    index = 0
    for level, block in enumerate(unet.up_blocks):
        for layer in range(len(block.resnets)):
            places[f"up_blocks.{level}.attentions.{layer}"] = f"output_blocks.{index}.1"
            index += 1
    return places
