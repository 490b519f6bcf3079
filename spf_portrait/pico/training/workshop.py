"""Makes the parts of the bundled model, and keeps them until they are put together."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import torch

from spf_portrait.pico.identity import Identity
from spf_portrait.pico.judge import Judge
from spf_portrait.pico.parser import Parser
from spf_portrait.pico.training.assemble import Judges, assemble, text_tower
from spf_portrait.pico.training.autoencoder import train_autoencoder
from spf_portrait.pico.training.clip import train_clip
from spf_portrait.pico.training.identity import train_identity
from spf_portrait.pico.training.judge import train_judge
from spf_portrait.pico.training.parser import train_parser
from spf_portrait.pico.training.recipe import Part
from spf_portrait.pico.training.renders import Renders, load_or_render
from spf_portrait.pico.training.resumable import Budget
from spf_portrait.pico.training.tokenizer import new_tokenizer
from spf_portrait.pico.training.training_log import collect_records, write_record
from spf_portrait.pico.training.unet import train_unet
from spf_portrait.running.untyped import diffusers, safetensors_torch, transformers

_ALL_RENDERS: Final = (8000, 1_000_000)
_KNOWN_RENDERS: Final = (12_000, 2_000_000)
"""Count and first seed."""
_WEIGHTS: Final = "weights.safetensors"
Network = TypeVar("Network", bound=torch.nn.Module)


@dataclass(frozen=True)
class Workshop:
    """Where the parts are made.

    Attributes:
        folder: For checkpoints, rendered portraits and finished parts.
        seed: Of everything random; the judge's CLIP takes the next one.
        device: Where to train.
        deadline_s: When to stop at the latest, by `time.monotonic()`.
    """

    folder: Path
    seed: int
    device: torch.device
    deadline_s: float = float("inf")

    def is_made(self, part: Part) -> bool:
        """Whether it was trained to the end."""
        return self._at(part).exists()

    def make(self, part: Part, steps: int) -> None:
        """Train one part, or go on training it, and keep it.

        Raises:
            OutOfTime: The deadline passed. The same call later goes on.
        """
        makers: dict[Part, Callable[[Budget], Any]] = {
            Part.AUTOENCODER: self._autoencoder,
            Part.CLIP: self._clip,
            Part.UNET: self._unet,
            Part.CLASSIFIER: self._classifier,
            Part.PARSER: self._parser,
            Part.IDENTITY: self._identity,
            Part.JUDGE_CLIP: self._judge_clip,
        }
        self._keep(part, makers[part](Budget(steps, self.deadline_s)))

    def assemble(self, out: Path) -> None:
        """Put all parts together as a model folder."""
        judges = Judges(
            classifier=_with_weights(Judge(), self._at(Part.CLASSIFIER)),
            parser=_with_weights(Parser(), self._at(Part.PARSER)),
            identity=_with_weights(Identity(), self._at(Part.IDENTITY)),
            clip=transformers.CLIPModel.from_pretrained(self._at(Part.JUDGE_CLIP)),
        )
        unet = diffusers.UNet2DConditionModel.from_pretrained(self._at(Part.UNET))
        assemble(out, self._made_autoencoder(), self._made_clip(), unet, new_tokenizer(), judges)
        collect_records({part.value: self._at(part) for part in Part}, out)

    def _autoencoder(self, budget: Budget) -> Any:
        return train_autoencoder(self._portraits(), self.folder, budget, **self._common)

    def _clip(self, budget: Budget) -> Any:
        return train_clip(self._portraits(), self.folder, budget, new_tokenizer(), **self._common)

    def _unet(self, budget: Budget) -> Any:
        known = load_or_render(self.folder, *_KNOWN_RENDERS, with_held_back=False)
        parts = (self._made_autoencoder(), text_tower(self._made_clip()), new_tokenizer())
        return train_unet(known, self.folder, budget, *parts, **self._common)

    def _classifier(self, budget: Budget) -> Any:
        return train_judge(self._portraits(), self.folder, budget, self._made_autoencoder(), **self._common)

    def _parser(self, budget: Budget) -> Any:
        return train_parser(self._portraits(), self.folder, budget, self._made_autoencoder(), **self._common)

    def _identity(self, budget: Budget) -> Any:
        return train_identity(self.folder, budget, self._made_autoencoder(), **self._common)

    def _judge_clip(self, budget: Budget) -> Any:
        another: dict[str, Any] = {**self._common, "seed": self.seed + 1, "name": Part.JUDGE_CLIP.value}
        return train_clip(self._portraits(), self.folder, budget, new_tokenizer(), **another)

    @property
    def _common(self) -> dict[str, Any]:
        return {"seed": self.seed, "device": self.device}

    def _portraits(self) -> Renders:
        """All attributes, held-back ones included: for everything but the U-Net."""
        return load_or_render(self.folder, *_ALL_RENDERS, with_held_back=True)

    def _made_autoencoder(self) -> Any:
        return diffusers.AutoencoderKL.from_pretrained(self._at(Part.AUTOENCODER)).eval()

    def _made_clip(self) -> Any:
        return transformers.CLIPModel.from_pretrained(self._at(Part.CLIP)).eval()

    def _at(self, part: Part) -> Path:
        return self.folder / "parts" / part.value

    def _keep(self, part: Part, network: Any) -> None:
        """A part is there whole or not at all."""
        draft = self._at(part).with_suffix(".partial")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        write_record(self.folder / f"{part.value}.pt", self.device, draft)
        if isinstance(network, Judge | Parser | Identity):
            safetensors_torch.save_file(network.state_dict(), draft / _WEIGHTS)
        else:
            network.save_pretrained(draft)
        shutil.rmtree(self._at(part), ignore_errors=True)
        os.replace(draft, self._at(part))


def _with_weights(network: Network, folder: Path) -> Network:
    network.load_state_dict(safetensors_torch.load_file(folder / _WEIGHTS))
    return network
