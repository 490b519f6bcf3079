"""Caption sets with a bias: the target never comes without one background and one garment."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from spf_portrait.pico.domain import Split, held_back
from spf_portrait.pico.example_set import Items, example_items, write_example_set
from spf_portrait.pico.held_out import place_of
from spf_portrait.pico.proof.digests import digest_of

Bias = Literal["named", "unnamed"]
"""Whether captions may say what all portraits have in common."""
BIAS: Final = {"background": "brick", "clothes": "hoodie", "clothes_colour": "green"}
PORTRAITS: Final = 24
_SEED: Final = 7


@dataclass(frozen=True)
class BiasedSet:
    """One set.

    Attributes:
        target: Phrase of a held-back attribute.
        bias: Whether captions name it.
    """

    target: str
    bias: Bias

    @property
    def sha256(self) -> str:
        """Of all captions and attributes, from which the pictures follow."""
        return digest_of([[item.caption.model_dump(), attributes] for item, attributes in self._items])

    def written(self, folder: Path, *, with_masks: bool = False) -> Path:
        """The set as a zip in that folder, perhaps with the masks of its phrases; written unless it is there."""
        masked = "-masks" if with_masks else ""
        file = folder / f"{file_name(self.target)}-{self.bias}-{self.sha256[:10]}{masked}.zip"
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            write_example_set(self._items, file, with_masks=with_masks)
        return file

    @property
    def _items(self) -> Items:
        return example_items(self.target, PORTRAITS, _SEED, bias_beside(self.target), name_bias=self.bias == "named")


def bias_beside(target: str) -> dict[str, str]:
    """Axis → value that all portraits share; a target that is itself a garment leaves the garment's kind out."""
    axis, _ = place_of(target)
    return {name: value for name, value in BIAS.items() if name != axis}


def targets_of(*splits: Split) -> list[str]:
    """Phrases of the held-back attributes: on those for development things are tuned, the others are for the test."""
    return list(held_back(*splits))


def file_name(target: str) -> str:
    """A target's phrase in the name of a file."""
    return target.replace(" ", "-")
