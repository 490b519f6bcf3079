"""Masks of phrases: where in a portrait a phrase can be seen, in a folder `masks` beside the portraits.

    0003.png
    masks/0003/blonde hair.png      white where the portrait shows it, black elsewhere

One picture for each phrase that has a mask, named as the phrase is; a phrase may have none. Only methods that compare
attention with masks read them.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from spf_portrait.contract.errors import DataError
from spf_portrait.contract.phrases import Caption

MASK_FOLDER: Final = "masks"
_PLACE: Final = f"{MASK_FOLDER}/<name of the portrait without its suffix>/<phrase>.png"

Masks = Mapping[str, Path]
"""Phrase, as the caption writes it → picture."""


def is_mask(name: str) -> bool:
    """Whether a file of a caption set, named by its place in it, is a mask and no portrait."""
    return MASK_FOLDER in PurePosixPath(name).parts[:-2]


def masks_of(files: Mapping[str, Path], captions: Iterable[tuple[str, Caption]]) -> tuple[Masks, ...]:
    """The masks of every portrait.

    Args:
        files: All files of the set by their place in it.
        captions: Name and caption of every portrait; the result has their order.

    Raises:
        DataError: A mask belongs to no portrait, or to no phrase of its caption.
    """
    waiting = _by_portrait(files)
    found = tuple(_named(waiting.pop(_stem(name), {}), caption) for name, caption in captions)
    if waiting:
        stem, masks = next(iter(waiting.items()))
        raise _misplaced(f"masks for {stem}, such as {next(iter(masks))!r}, without a portrait of that name")
    return found


def _by_portrait(files: Mapping[str, Path]) -> dict[str, dict[str, Path]]:
    """Portrait without its suffix → phrase → picture."""
    found: dict[str, dict[str, Path]] = {}
    for name, path in files.items():
        if is_mask(name):
            place = PurePosixPath(unicodedata.normalize("NFC", name))
            parts = list(place.parent.parts)
            parts.remove(MASK_FOLDER)
            found.setdefault("/".join(parts), {})[place.stem] = path
    return found


def _named(masks: Mapping[str, Path], caption: Caption) -> Masks:
    phrases = {phrase.casefold(): phrase for phrase in (*caption.base, caption.target)}
    for name, path in masks.items():
        if name.casefold() not in phrases:
            raise _misplaced(f"a mask {path.name!r} for {name!r}, which the caption {caption.complete_text!r} lacks")
    return {phrases[name.casefold()]: path for name, path in masks.items()}


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def _misplaced(found: str) -> DataError:
    return DataError("mask_without_place", found, _PLACE, "Rename the mask, or take it out of the folder")
