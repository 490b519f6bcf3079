"""Pictures along the way: the same texts and seeds every time, the original model's answer beside the tuned one's."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from spf_portrait.adapter import adapter_off
from spf_portrait.contract.artifacts import preview_name
from spf_portrait.contract.phrases import Caption
from spf_portrait.drawing.four_pictures import draw_texts
from spf_portrait.drawing.pictures import SOFTWARE, generated_png
from spf_portrait.drawing.trajectory import Sampling
from spf_portrait.models.base_model import BaseModel

_SAMPLING: Final = Sampling(steps=25, guidance_scale=4.0)
"""As a comparison draws, if it is told nothing else."""


class Previews:
    """Draws reference and response side by side. The references are drawn once.

    Args:
        base: With the adapter attached, all parts awake, and nothing recording on it.
        captions: What to draw; the k-th from seed k.
        out: Folder of the training.
    """

    def __init__(self, base: BaseModel, captions: Sequence[Caption], out: Path) -> None:
        self._base, self._captions, self._out = base, captions, out
        with adapter_off(base.network):
            self._references = [self._drawn(caption.base_text, seed) for seed, caption in enumerate(captions)]

    def draw(self, step: int) -> dict[str, str]:
        """Draw with the model as it is now.

        Args:
            step: Steps done so far, for the names of the files.

        Returns:
            Complete text by the path of its picture.
        """
        files: dict[str, str] = {}
        for seed, (caption, reference) in enumerate(zip(self._captions, self._references, strict=True)):
            response = self._drawn(caption.complete_text, seed)
            file = self._out / preview_name(step, seed)
            _write_whole(file, generated_png(torch.cat((reference, response), dim=-1), SOFTWARE))
            files[str(file)] = caption.complete_text
        return files

    def _drawn(self, text: str, seed: int) -> Tensor:
        """One picture, [3, height, width] in [-1, 1]."""
        return draw_texts(self._base, [text], [seed], _SAMPLING, lambda steps: None)[0].float() / 127.5 - 1


def _write_whole(file: Path, content: bytes) -> None:
    """The whole file or none: a page may look at any time."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".tmp")
    draft.write_bytes(content)
    os.replace(draft, file)
