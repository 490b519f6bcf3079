"""Pictures for the judge's networks: renders, and renders that have gone through the autoencoder.

Generated pictures come out of the autoencoder too, so who is to read them must have learnt from both.
"""

from dataclasses import dataclass
from typing import Any, Self, cast

import torch
from torch import Tensor
from tqdm import tqdm

from spf_portrait.pico.training.autoencoder import pixels
from spf_portrait.pico.training.renders import Renders
from spf_portrait.pico.training.resumable import CPU


@dataclass(frozen=True)
class MixedPictures:
    """Renders, and the first of them decoded, float16 [decoded, 3, 128, 128]."""

    renders: Renders
    decoded: Tensor

    @classmethod
    def of(cls, renders: Renders, autoencoder: Any, device: torch.device = CPU) -> Self:
        """Decode some of the renders."""
        return cls(renders, reconstructions(renders, autoencoder, device=device))

    def drawn(self, half: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Half a batch of renders and as many decoded ones: pixels [2 half, 3, 128, 128], and their numbers."""
        plain = torch.randint(len(self.renders.images), (half,), generator=generator)
        decoded = torch.randint(len(self.decoded), (half,), generator=generator)
        return self.chosen(plain, decoded), torch.cat([plain, decoded])

    def chosen(self, plain: Tensor, decoded: Tensor) -> Tensor:
        """Pixels of these renders, then of these decoded ones."""
        return torch.cat([pixels(self.renders, plain), self.decoded[decoded].float()])


@torch.no_grad()
def reconstructions(renders: Renders, autoencoder: Any, count: int = 2000, device: torch.device = CPU) -> Tensor:
    """The first `count` portraits after a passage through the autoencoder, float16 [count, 3, 128, 128]."""
    batches = cast("tuple[Tensor, ...]", torch.arange(min(count, len(renders.images))).split(16))
    autoencoder.to(device)
    with torch.autocast(device.type, torch.bfloat16):
        latents = (
            autoencoder.encode(pixels(renders, batch).to(device)).latent_dist.sample()
            for batch in tqdm(batches, "decoding")
        )
        decoded = [autoencoder.decode(part).sample.clamp(-1, 1).half().cpu() for part in latents]
    autoencoder.cpu()
    return torch.cat(decoded)
