"""Stable Diffusion 3 and 3.5: a transformer with joint attention, trained by flow matching.

Its token axis is two CLIP encoders side by side, filled up with zeros to T5's width, and T5 behind them. T5 may be left
out: zeros stand in its place, as in diffusers. Unlike CLIP, T5 is not causal: with it the embeddings of the base
phrases do change when a target is appended.
"""

from collections.abc import Sequence
from typing import Any, Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spf_portrait.contract.errors import ModelError
from spf_portrait.models.families.family import EncoderFiles, Family, Parts, TextSegment, token_ids
from spf_portrait.models.families.sdxl import penultimate
from spf_portrait.models.families.targets import JOINT_ALL_ATTENTION, JOINT_CROSS_ATTENTION
from spf_portrait.models.families.text_embedding import TextEmbedding
from spf_portrait.models.schedule import FlowSchedule

T5_TOKENS: Final = 256
"""As diffusers' pipeline takes by default."""
_CLIPS: Final = 2


class StableDiffusion3(Family):
    """SD3Transformer2DModel with two or three text encoders."""

    key = "sd3"
    pipeline = "StableDiffusion3Pipeline"
    network_name = "transformer"
    network_class = "SD3Transformer2DModel"
    encoders = (
        EncoderFiles("text_encoder", "CLIPTextModelWithProjection", "tokenizer"),
        EncoderFiles("text_encoder_2", "CLIPTextModelWithProjection", "tokenizer_2", pad_token="!"),
        EncoderFiles("text_encoder_3", "T5EncoderModel", "tokenizer_3", "T5TokenizerFast", "<pad>", optional=True),
    )
    kohya_version = "sd3"
    cross_attention_modules = JOINT_CROSS_ATTENTION

    def architecture(self, parts: Parts) -> str:
        """One name for all."""
        return "stable-diffusion-3"

    def all_attention_modules(self, network: nn.Module) -> str:
        """Both streams, but not the text queries of the last block: nothing comes of them, so nothing trains them."""
        last = len(cast("Any", network).transformer_blocks) - 1
        return rf"(?!.*blocks\.{last}\.attn\.add_q_proj){JOINT_ALL_ATTENTION}"

    def text_axis(self, parts: Parts) -> tuple[TextSegment, ...]:
        """CLIP, then T5 or the zeros in its place."""
        tokenizers = tuple(encoder.tokenizer for encoder in parts.text_encoders)
        clip = TextSegment(int(tokenizers[0].model_max_length), tokenizers[:_CLIPS])
        return clip, TextSegment(T5_TOKENS, tokenizers[_CLIPS:])

    def encode_text(self, parts: Parts, texts: Sequence[str]) -> TextEmbedding:
        """Penultimate states of CLIP, last states of T5; the pooled vector joins both CLIP projections."""
        clip_axis, _ = self.text_axis(parts)
        clips = [penultimate(encoder, texts, clip_axis.tokens, parts) for encoder in parts.text_encoders[:_CLIPS]]
        joined, behind = torch.cat([states for states, _ in clips], dim=-1), self._t5(parts, texts)
        filled = F.pad(joined, (0, behind.shape[-1] - joined.shape[-1]))
        states = torch.cat((filled, behind.to(filled.dtype)), dim=1)
        return TextEmbedding(states, torch.cat([pooled for _, pooled in clips], dim=-1))

    def unconditional(self, parts: Parts) -> TextEmbedding:
        """The empty text."""
        return self.encode_text(parts, [""])

    def schedule(self, parts: Parts) -> FlowSchedule:
        """Flow matching with the scheduler's constant shift.

        Raises:
            ModelError: It is no flow-matching scheduler, or its shift depends on the picture.
        """
        config = parts.scheduler.config
        if "shift" not in config or config.get("use_dynamic_shifting"):
            raise ModelError(
                "unsupported_schedule",
                f"a {type(parts.scheduler).__name__} without constant shift",
                "FlowMatchEulerDiscreteScheduler with a constant shift, as Stable Diffusion 3 and 3.5 have",
                "Choose another base model",
            )
        return FlowSchedule(float(config["shift"]), int(config["num_train_timesteps"]))

    def predict(self, parts: Parts, x_t: Tensor, timesteps: Tensor, text: TextEmbedding) -> Tensor:
        """The velocity ε − x_0."""
        return cast("Any", parts.network)(
            hidden_states=x_t,
            encoder_hidden_states=text.states,
            pooled_projections=text.pooled,
            timestep=timesteps.expand(len(x_t)),
        ).sample

    def cell_step(self, parts: Parts) -> int:
        """The transformer reads square patches of latents."""
        return int(cast("Any", parts.network).config.patch_size)

    def _t5(self, parts: Parts, texts: Sequence[str]) -> Tensor:
        if len(parts.text_encoders) == _CLIPS:
            width = int(cast("Any", parts.network).config.joint_attention_dim)
            return torch.zeros(len(texts), T5_TOKENS, width, device=parts.device)
        encoder = parts.text_encoders[_CLIPS]
        return cast("Any", encoder.model)(token_ids(encoder, texts, T5_TOKENS, parts.device)).last_hidden_state
