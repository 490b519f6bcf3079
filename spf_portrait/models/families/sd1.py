"""Stable Diffusion 1.x and 2.x, and whatever is built of the same parts, such as the bundled pico.

2.x has a wider text encoder that pads with "!", and answers v in its larger version; all that is in its files.
"""

from collections.abc import Sequence
from typing import Any, cast

from torch import Tensor

from spf_portrait.models.families.family import EncoderFiles, Parts, TextSegment, token_ids
from spf_portrait.models.families.text_embedding import TextEmbedding
from spf_portrait.models.families.unet import UNetFamily, answer


class StableDiffusion1(UNetFamily):
    """One CLIP text encoder; its last layer is what cross-attention sees."""

    key = "sd1"
    pipeline = "StableDiffusionPipeline"
    encoders = (EncoderFiles("text_encoder", "CLIPTextModel", "tokenizer"),)
    kohya_version = "sd_v1"

    def architecture(self, parts: Parts) -> str:
        """One name for all."""
        return "stable-diffusion-v1"

    def text_axis(self, parts: Parts) -> tuple[TextSegment, ...]:
        """The tokens of the one encoder."""
        tokenizer = parts.text_encoders[0].tokenizer
        return (TextSegment(int(tokenizer.model_max_length), (tokenizer,)),)

    def encode_text(self, parts: Parts, texts: Sequence[str]) -> TextEmbedding:
        """The last hidden states, normalised by the encoder."""
        encoder, (segment,) = parts.text_encoders[0], self.text_axis(parts)
        output = cast("Any", encoder.model)(token_ids(encoder, texts, segment.tokens, parts.device))
        return TextEmbedding(output.last_hidden_state, output.pooler_output)

    def unconditional(self, parts: Parts) -> TextEmbedding:
        """The empty text."""
        return self.encode_text(parts, [""])

    def predict(self, parts: Parts, x_t: Tensor, timesteps: Tensor, text: TextEmbedding) -> Tensor:
        """ε or v."""
        return answer(parts, x_t, timesteps, text.states)


class StableDiffusion2(StableDiffusion1):
    """The same parts, of other sizes."""

    key = "sd2"
    encoders = (EncoderFiles("text_encoder", "CLIPTextModel", "tokenizer", pad_token="!"),)
    kohya_version = "sd_v2"

    def architecture(self, parts: Parts) -> str:
        """That of the model of 768 pixels, which answers v, or that of the base, which answers ε."""
        return f"stable-diffusion-v2-{'768-v' if self.schedule(parts).prediction == 'v_prediction' else '512'}"
