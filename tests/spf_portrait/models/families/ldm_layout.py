"""The layout of single checkpoint files: the names that tensors have in the original code of Stable Diffusion.

save_file(ldm_tensors(pipeline), "model.safetensors")
"""

import re
from collections.abc import Iterable
from typing import Any, Final

import torch
from torch import Tensor

Tensors = dict[str, Tensor]

_TOP: Final = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}
_RESNET: Final = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_AUTOENCODER: Final = {
    "down_blocks": "down",
    "resnets": "block",
    "downsamplers.0": "downsample",
    "upsamplers.0": "upsample",
    "mid_block.block.0": "mid.block_1",
    "mid_block.block.1": "mid.block_2",
    "mid_block.attentions.0": "mid.attn_1",
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
    "conv_norm_out": "norm_out",
    "conv_shortcut": "nin_shortcut",
}
_OPEN_CLIP: Final = {
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.encoder.layers": "transformer.resblocks",
    "text_model.final_layer_norm": "ln_final",
    "layer_norm": "ln_",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn": "attn",
}


def ldm_tensors(pipeline: Any) -> Tensors:
    """Of a pipeline of Stable Diffusion 1.x or XL."""
    tensors = {
        **_prefixed("model.diffusion_model.", _unet(pipeline.unet)),
        **_prefixed("first_stage_model.", _autoencoder(pipeline.vae)),
    }
    first = pipeline.text_encoder.state_dict()
    if not hasattr(pipeline, "text_encoder_2"):
        return {**tensors, **_prefixed("cond_stage_model.transformer.text_model.", first)}
    second = _open_clip(pipeline.text_encoder_2.state_dict())
    return {
        **tensors,
        **_prefixed("conditioner.embedders.0.transformer.text_model.", first),
        **_prefixed("conditioner.embedders.1.model.", second),
    }


def _unet(unet: Any) -> Tensors:
    return {_unet_name(name, unet.config): tensor for name, tensor in unet.state_dict().items()}


def _unet_name(name: str, config: Any) -> str:
    for ours, theirs in _TOP.items():
        if name.startswith(ours + "."):
            return _resnet_name(theirs + name[len(ours) :])
    side, block, kind, index, rest = re.fullmatch(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.*)", name).groups()  # type: ignore[union-attr]
    each = config.layers_per_block + 1
    if side == "down":
        place = int(block) * each + 1 + (config.layers_per_block if kind == "downsamplers" else int(index))
        column, rest = (0, rest.replace("conv", "op")) if kind == "downsamplers" else (_column(kind), rest)
        return _resnet_name(f"input_blocks.{place}.{column}.{rest}")
    last = 2 if "CrossAttn" in config.up_block_types[int(block)] else 1
    place = int(block) * each + (config.layers_per_block if kind == "upsamplers" else int(index))
    return _resnet_name(f"output_blocks.{place}.{last if kind == 'upsamplers' else _column(kind)}.{rest}")


def _column(kind: str) -> int:
    return 1 if kind == "attentions" else 0


def _resnet_name(name: str) -> str:
    if "transformer_blocks" in name:
        return name
    return _renamed(name, ((rf"\.{ours}\.", f".{theirs}.") for ours, theirs in _RESNET.items()))


def _autoencoder(vae: Any) -> Tensors:
    levels, tensors = len(vae.config.block_out_channels), Tensors()
    for name, tensor in vae.state_dict().items():
        upside_down = re.sub(r"up_blocks\.(\d+)", lambda found: f"up.{levels - 1 - int(found[1])}", name)
        new = _renamed(upside_down, ((rf"\b{re.escape(ours)}\b", theirs) for ours, theirs in _AUTOENCODER.items()))
        as_convolution = "attn_1" in new and tensor.dim() == 2
        tensors[new] = tensor[:, :, None, None] if as_convolution else tensor
    return tensors


def _open_clip(state: Tensors) -> Tensors:
    """Queries, keys and values are one matrix there, and the projection is transposed."""
    tensors = {"text_projection": state["text_projection.weight"].T.contiguous()}
    for name, tensor in state.items():
        new = _renamed(name, ((re.escape(ours), theirs) for ours, theirs in _OPEN_CLIP.items()))
        if ".q_proj." in new:
            parts = [state[name.replace("q_proj", part)] for part in ("q_proj", "k_proj", "v_proj")]
            tensors[new.replace(".q_proj.", ".in_proj_")] = torch.cat(parts)
        elif "text_projection" not in new and ".k_proj." not in new and ".v_proj." not in new:
            tensors[new] = tensor
    return tensors


def _renamed(name: str, patterns: Iterable[tuple[str, str]]) -> str:
    for pattern, replacement in patterns:
        name = re.sub(pattern, replacement, name)
    return name


def _prefixed(prefix: str, tensors: Tensors) -> Tensors:
    return {prefix + name: tensor.contiguous() for name, tensor in tensors.items()}
