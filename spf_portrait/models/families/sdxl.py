"""Stable Diffusion XL: two text encoders side by side, and a vector for the whole text and the size of the picture."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor

from spf_portrait.models.families.family import EncoderFiles, Parts, TextEncoder, TextSegment, token_ids
from spf_portrait.models.families.text_embedding import TextEmbedding
from spf_portrait.models.families.unet import UNetFamily, answer


class StableDiffusionXL(UNetFamily):
    """Both encoders read the same tokens (the second one pads with "!"); their states are joined along the width."""

    key = "sdxl"
    pipeline = "StableDiffusionXLPipeline"
    encoders = (
        EncoderFiles("text_encoder", "CLIPTextModel", "tokenizer"),
        EncoderFiles("text_encoder_2", "CLIPTextModelWithProjection", "tokenizer_2", pad_token="!"),
    )
    kohya_version = "sdxl_base_v1-0"
    half_autoencoder = False

    def architecture(self, parts: Parts) -> str:
        """One name for all."""
        return "stable-diffusion-xl-v1-base"

    def text_axis(self, parts: Parts) -> tuple[TextSegment, ...]:
        """One stretch that both encoders fill."""
        tokenizers = tuple(encoder.tokenizer for encoder in parts.text_encoders)
        return (TextSegment(int(tokenizers[0].model_max_length), tokenizers),)

    def encode_text(self, parts: Parts, texts: Sequence[str]) -> TextEmbedding:
        """The last hidden states but one; the pooled vector is the second encoder's projection."""
        (segment,) = self.text_axis(parts)
        outputs = [penultimate(encoder, texts, segment.tokens, parts) for encoder in parts.text_encoders]
        return TextEmbedding(torch.cat([states for states, _ in outputs], dim=-1), outputs[-1][1])

    def unconditional(self, parts: Parts) -> TextEmbedding:
        """Zeros, where the model's own pipeline takes zeros for no text; else the empty text."""
        empty = self.encode_text(parts, [""])
        if not parts.settings.get("force_zeros_for_empty_prompt", True):
            return empty
        return TextEmbedding(torch.zeros_like(empty.states), torch.zeros_like(empty.pooled))

    def predict(self, parts: Parts, x_t: Tensor, timesteps: Tensor, text: TextEmbedding) -> Tensor:
        """ε or v. The picture counts as whole and as large as it is drawn, which is how pipelines draw."""
        vae: Any = parts.vae
        height, width = (side * 2 ** (len(vae.config.block_out_channels) - 1) for side in x_t.shape[-2:])
        sizes = torch.tensor([height, width, 0, 0, height, width], dtype=x_t.dtype, device=x_t.device)
        added = {"text_embeds": text.pooled, "time_ids": sizes.expand(len(x_t), -1)}
        return answer(parts, x_t, timesteps, text.states, added_cond_kwargs=added)


def penultimate(encoder: TextEncoder, texts: Sequence[str], tokens: int, parts: Parts) -> tuple[Tensor, Tensor]:
    """A CLIP text encoder's last hidden states but one, and its vector for the whole text."""
    output = cast("Any", encoder.model)(token_ids(encoder, texts, tokens, parts.device), output_hidden_states=True)
    pooled = output.text_embeds if hasattr(output, "text_embeds") else output.pooler_output
    return output.hidden_states[-2], pooled
