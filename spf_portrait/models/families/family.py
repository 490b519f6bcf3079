"""The interface of a family of base models. Each family is one small file.

Beside them, tables by the family's key say what files and other tools make of it: `contract.base_info`,
`contract.base_files`, `export.tool_rules`. No other code asks which family it has before it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from spf_portrait.contract.base_info import FamilyKey
from spf_portrait.models.families.text_embedding import TextEmbedding
from spf_portrait.models.schedule import Schedule


@dataclass(frozen=True)
class EncoderFiles:
    """Where a text encoder lies in a model folder, and which classes of transformers read it.

    Attributes:
        model: Folder of the weights, also its name in the pipeline.
        model_class: Such as CLIPTextModel.
        tokenizer: Folder of the tokenizer.
        tokenizer_class: Such as CLIPTokenizer.
        pad_token: What the tokenizer pads with, for single files, which bring none along.
        optional: The family works without it.
    """

    model: str
    model_class: str
    tokenizer: str
    tokenizer_class: str = "CLIPTokenizer"
    pad_token: str = "<|endoftext|>"
    optional: bool = False


@dataclass(frozen=True)
class TextEncoder:
    """A frozen text encoder with its tokenizer."""

    tokenizer: Any
    model: nn.Module


@dataclass(frozen=True)
class Parts:
    """The loaded parts of a base model, all frozen.

    Attributes:
        text_encoders: In the order of the family's `encoders`.
        vae: AutoencoderKL.
        network: What denoises: U-Net or transformer. There is one, and no second one.
        scheduler: The sampler that the model's folder names, used for training's noise levels too.
        settings: The content of model_index.json.
        device: Where the network is, and every other part that is in use, see `models.resting`.
    """

    text_encoders: tuple[TextEncoder, ...]
    vae: nn.Module
    network: nn.Module
    scheduler: Any
    settings: Mapping[str, Any]
    device: torch.device


@dataclass(frozen=True)
class TextSegment:
    """A stretch of the token axis that attention to text sees.

    Attributes:
        tokens: Its length.
        tokenizers: Those of the encoders whose embeddings stand side by side in it. They must cut a text alike. None
            for a stretch of zeros, left by an encoder that is not there.
    """

    tokens: int
    tokenizers: tuple[Any, ...]


class Family(ABC):
    """What the engine asks of a family.

    Attributes:
        key: Name of the family.
        pipeline: Class in diffusers that a user loads an exported adapter into.
        network_name: Folder of the denoising network, also its name in that pipeline.
        network_class: Class in diffusers.
        encoders: Its text encoders.
        kohya_version: Value of ss_base_model_version in an adapter's header.
        cross_attention_modules: Modules that read the text, see `targets`.
        half_autoencoder: Whether its autoencoder still tells colours apart in half precision.
    """

    key: ClassVar[FamilyKey]
    pipeline: ClassVar[str]
    network_name: ClassVar[str]
    network_class: ClassVar[str]
    encoders: ClassVar[tuple[EncoderFiles, ...]]
    kohya_version: ClassVar[str]
    cross_attention_modules: ClassVar[str]
    half_autoencoder: ClassVar[bool] = True

    @abstractmethod
    def architecture(self, parts: Parts) -> str:
        """ModelSpec's name of the architecture, without "/lora"."""

    @abstractmethod
    def all_attention_modules(self, network: nn.Module) -> str:
        """Every module of attention that comes to something, see `targets`."""

    @abstractmethod
    def text_axis(self, parts: Parts) -> tuple[TextSegment, ...]:
        """What the token axis of `encode_text` consists of."""

    @abstractmethod
    def encode_text(self, parts: Parts, texts: Sequence[str]) -> TextEmbedding:
        """Embeddings of texts, a row each; longer ones are cut off."""

    @abstractmethod
    def unconditional(self, parts: Parts) -> TextEmbedding:
        """What classifier-free guidance takes for no text at all, one row."""

    @abstractmethod
    def schedule(self, parts: Parts) -> Schedule:
        """Noise levels, and the meaning of the network's answer.

        Raises:
            ModelError: The scheduler is of another kind.
        """

    @abstractmethod
    def predict(self, parts: Parts, x_t: Tensor, timesteps: Tensor, text: TextEmbedding) -> Tensor:
        """The network's answer to noised latents.

        Args:
            parts: Of the model.
            x_t: [batch, channels, height, width].
            timesteps: [batch], or one for all; on the device of x_t.
            text: A row for each of the batch.
        """

    @abstractmethod
    def cell_step(self, parts: Parts) -> int:
        """Latent sides are multiples of this."""


def tokenized(tokenizer: Any, texts: Sequence[str], tokens: int) -> Any:
    """Token ids and more, padded or cut to `tokens`; offsets are characters."""
    return tokenizer(list(texts), padding="max_length", max_length=tokens, truncation=True, return_offsets_mapping=True)


def token_ids(encoder: TextEncoder, texts: Sequence[str], tokens: int, device: torch.device) -> Tensor:
    """[texts, tokens]."""
    return torch.tensor(tokenized(encoder.tokenizer, texts, tokens)["input_ids"], device=device)
