"""`python -m spf_portrait.pico.training`: make the bundled model from nothing, part by part, on any CPU.

Can be killed at any time: the same command goes on where it was.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from spf_portrait.pico.judge import Judge
from spf_portrait.pico.training.assemble import assemble, text_tower
from spf_portrait.pico.training.autoencoder import train_autoencoder
from spf_portrait.pico.training.card import write_card
from spf_portrait.pico.training.clip import train_clip
from spf_portrait.pico.training.judge import train_judge
from spf_portrait.pico.training.renders import Renders, load_or_render
from spf_portrait.pico.training.resumable import Budget
from spf_portrait.pico.training.tokenizer import new_tokenizer
from spf_portrait.pico.training.unet import train_unet
from spf_portrait.untyped import diffusers, safetensors_torch, transformers

STAGES: Final = ("autoencoder", "clip", "unet", "judge", "assemble", "card")
_ALL_RENDERS: Final = (8000, 1_000_000)
_KNOWN_RENDERS: Final = (12_000, 2_000_000)


@dataclass(frozen=True)
class Workshop:
    """Where the parts are kept while they are made, and how long each may take."""

    folder: Path
    budget: Budget
    seed: int

    def portraits(self) -> Renders:
        """All attributes, held-back ones included: for the autoencoder, CLIP and the judge."""
        return load_or_render(self.folder, *_ALL_RENDERS, with_held_back=True)

    def make_autoencoder(self) -> None:
        train_autoencoder(self.portraits(), self.folder, self.budget, seed=self.seed).save_pretrained(self._at("vae"))

    def make_clip(self) -> None:
        train_clip(self.portraits(), self.folder, self.budget, new_tokenizer(), seed=self.seed).save_pretrained(
            self._at("clip")
        )

    def make_unet(self) -> None:
        known = load_or_render(self.folder, *_KNOWN_RENDERS, with_held_back=False)
        encoder = text_tower(self._clip())
        unet = train_unet(
            known, self.folder, self.budget, self._autoencoder(), encoder, new_tokenizer(), seed=self.seed
        )
        unet.save_pretrained(self._at("unet"))

    def make_judge(self) -> None:
        judge = train_judge(self.portraits(), self.folder, self.budget, self._autoencoder(), seed=self.seed)
        safetensors_torch.save_file(judge.state_dict(), self._at("judge.safetensors"))

    def put_together(self, out: Path) -> None:
        judge = Judge()
        judge.load_state_dict(safetensors_torch.load_file(self._at("judge.safetensors")))
        unet = diffusers.UNet2DConditionModel.from_pretrained(self._at("unet"))
        assemble(out, self._autoencoder(), self._clip(), unet, new_tokenizer(), judge)

    def _autoencoder(self) -> Any:
        return diffusers.AutoencoderKL.from_pretrained(self._at("vae")).eval()

    def _clip(self) -> Any:
        return transformers.CLIPModel.from_pretrained(self._at("clip")).eval()

    def _at(self, name: str) -> Path:
        return self.folder / "parts" / name


def main() -> None:
    """Parse the command line and make one part."""
    arguments = _parser().parse_args()
    torch.set_num_threads(arguments.threads)
    budget = Budget(arguments.steps, arguments.minutes * 60)
    workshop = Workshop(arguments.work, budget, arguments.seed)
    makers = {
        "autoencoder": workshop.make_autoencoder,
        "clip": workshop.make_clip,
        "unet": workshop.make_unet,
        "judge": workshop.make_judge,
    }
    if arguments.stage == "assemble":
        workshop.put_together(arguments.out)
    elif arguments.stage == "card":
        write_card(arguments.out, arguments.work, arguments.note)
    else:
        makers[arguments.stage]()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m spf_portrait.pico.training", description=__doc__)
    parser.add_argument("stage", choices=STAGES, help="the part to make; each needs those before it")
    parser.add_argument("--steps", type=int, default=2000, help="optimizer steps of the whole training (default 2000)")
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="stop after so many minutes; the same command goes on"
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path.home() / ".cache/spf-portrait/pico",
        help="checkpoints and finished parts (default ~/.cache/spf-portrait/pico)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("models/pico"), help="the model's folder (default models/pico)"
    )
    parser.add_argument("--note", default="", help="what the card says about how long the training took, and on what")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same weights on the same CPU")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads (default: all cores)")
    return parser


if __name__ == "__main__":
    main()
