"""CLIP-I, CLIP-T and HPSv2: cosines in the common space of pictures and texts of a published CLIP."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from spf_portrait.contract.errors import ModelError
from spf_portrait.contract.phrases import Caption
from spf_portrait.evaluation.known_domain import Pictures
from spf_portrait.evaluation.measuring import PlugIn
from spf_portrait.evaluation.published.pixels import pixels_of
from spf_portrait.method.clip_space import ClipSpace, clip_in_folder
from spf_portrait.metrics.similarity import cosine_similarity

_TOKENIZERS: Final = ("tokenizer.json", "vocab.json")


def clip_metrics(folder: Path, device: torch.device) -> dict[str, PlugIn]:
    """CLIP-I, and CLIP-T of the target phrase and of the complete text (Radford et al., arXiv 2103.00020).

    Args:
        folder: Of a CLIPModel.
        device: Where it goes.
    """
    clip = cache(lambda: _loaded(folder, device))

    def likeness(references: Pictures, responses: Pictures, captions: Sequence[Caption]) -> list[float]:
        return _cosines(_seen(clip(), references), _seen(clip(), responses))

    def target(references: Pictures, responses: Pictures, captions: Sequence[Caption]) -> list[float]:
        return _cosines(_seen(clip(), responses), clip().texts([caption.target for caption in captions]))

    return {"clip_i": likeness, "clip_t_target": target, "clip_t_complete": _complete(clip)}


def preference_metric(folder: Path, device: torch.device) -> dict[str, PlugIn]:
    """HPSv2 (Wu et al., arXiv 2306.09341): the cosine of picture and text in a CLIP that learnt people's choices.

    Args:
        folder: Of a CLIPModel with its weights.
        device: Where it goes.
    """
    return {"hpsv2": _complete(cache(lambda: _loaded(folder, device)))}


def _complete(clip: Callable[[], ClipSpace]) -> PlugIn:
    def complete(references: Pictures, responses: Pictures, captions: Sequence[Caption]) -> list[float]:
        return _cosines(_seen(clip(), responses), clip().texts([caption.complete_text for caption in captions]))

    return complete


def _loaded(folder: Path, device: torch.device) -> ClipSpace:
    """A published CLIP comes with its tokenizer: that of the base model may be another.

    Raises:
        ModelError: There is none, or the CLIP cannot be read.
    """
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise ModelError(
            "no_tokenizer", f"no tokenizer in {folder}", " or ".join(_TOKENIZERS), "Get the whole folder of that CLIP"
        )
    return clip_in_folder(folder, None, device)


@torch.no_grad()
def _seen(clip: ClipSpace, pictures: Pictures) -> Tensor:
    """i(·), [pictures, width]; one after the other, as they may be of any size."""
    return torch.cat([clip.pictures(pixels_of(picture)[None]) for picture in pictures])


def _cosines(first: Tensor, second: Tensor) -> list[float]:
    return [float(cosine) for cosine in cosine_similarity(first, second)]
