"""What a cell draws: held-out texts of its target, each with the phrase that the cell asks for."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from spf_portrait.contract.errors import ModelError
from spf_portrait.contract.phrases import Caption
from spf_portrait.drawing.four_pictures import Case
from spf_portrait.evaluation.known_domain import KnownDomain
from spf_portrait.pico.domain_of_base import domain_of_base
from spf_portrait.pico.proof.cell import Cell
from spf_portrait.pico.siblings import sibling_phrase


@dataclass(frozen=True)
class Asked:
    """Of one cell.

    Attributes:
        cell: Which.
        base_path: Folder of the base model.
    """

    cell: Cell
    base_path: Path

    @property
    def phrase(self) -> str:
        """The target, or its sibling."""
        return sibling_phrase(self.cell.target) if self.cell.system.asks_sibling else self.cell.target

    @cached_property
    def domain(self) -> KnownDomain:
        """What knows whether a picture shows that phrase.

        Raises:
            ModelError: The base model has no judge.
        """
        return self._known(self.phrase)

    @cached_property
    def target_captions(self) -> list[Caption]:
        """Texts that no training saw, one for each seed from 0, with the target."""
        return self._known(self.cell.target).captions(range(self.cell.texts))

    @cached_property
    def cases(self) -> list[Case]:
        """The same with the phrase that is asked for."""
        captions = [Caption(base=caption.base, target=self.phrase) for caption in self.target_captions]
        return [Case(caption, seed) for seed, caption in enumerate(captions)]

    def _known(self, phrase: str) -> KnownDomain:
        found = domain_of_base(self.base_path, phrase)
        if found is None:
            raise ModelError("no_judge", f"no judge in {self.cell.base}", "a base model with a judge", "Use pico")
        return found
