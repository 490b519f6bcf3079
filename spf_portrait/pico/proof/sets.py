"""Caption sets with a bias: the target never comes without one background and one garment."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from spf_portrait.pico.domain import Split, held_back
from spf_portrait.pico.example_set import example_items, write_example_set

BIAS: Final = {"background": "brick", "clothes": "hoodie", "clothes_colour": "green"}
PORTRAITS: Final = 24
_SEED: Final = 7


@dataclass(frozen=True)
class BiasedSet:
    """One set.

    Attributes:
        target: Phrase of a held-back attribute.
        named: Whether captions may say what all portraits have in common.
    """

    target: str
    named: bool

    @property
    def key(self) -> str:
        """For file names."""
        return f"{self.target.replace(' ', '-')}-{'named' if self.named else 'unnamed'}"

    def written(self, folder: Path) -> Path:
        """The set as a zip in that folder; written unless it is there."""
        file = folder / f"{self.key}.zip"
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            write_example_set(example_items(self.target, PORTRAITS, _SEED, BIAS, name_bias=self.named), file)
        return file


def development_targets() -> list[str]:
    """Phrases on which things may be tuned; the others are for the test alone."""
    return list(held_back(Split.DEVELOPMENT))
