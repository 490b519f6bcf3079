"""Look a caption set through before training: everything that stops a training, and what may spoil it."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spf_portrait.checking.findings import CaptionTokens, Findings, Problem
from spf_portrait.contract.base_info import SHARED_CLIP_FOLDER, BaseInfo
from spf_portrait.contract.bases import default_models_dir, find_base
from spf_portrait.contract.caption_files import FoundItem
from spf_portrait.contract.caption_hints import caption_hints, counted_phrases
from spf_portrait.contract.caption_set import CaptionItem, CaptionSet, find_files, find_items
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.mask_files import masks_of
from spf_portrait.contract.picture_hints import Opened, opened, picture_hints, sizes
from spf_portrait.contract.vocabulary import training_notices
from spf_portrait.models.families.tokenizers import first_tokenizer
from spf_portrait.models.text_length import TextLength, text_length, too_many_tokens
from spf_portrait.running.progress import ProgressMeter, Report


@dataclass(frozen=True)
class CheckJob:
    """What to look through.

    Attributes:
        data: Caption set, anything `load_caption_set` reads.
        base: Key of the base model that it is meant for.
        target: The target phrase of captions that mark none; None if they all do.
        models_dir: Folder of the base models; None for the default.
    """

    data: Path
    base: str = "pico"
    target: str | None = None
    models_dir: Path | None = None


def check(job: CheckJob, report: Report) -> Findings:
    """Look at every caption and every picture.

    Args:
        job: What to look through.
        report: Is told the progress.

    Raises:
        SpfError: The set cannot be read at all, or there is no such base model.
    """
    info = find_base(job.base, job.models_dir)
    with tempfile.TemporaryDirectory() as unpacked:
        files = find_files(job.data, Path(unpacked))
        found = find_items(job.data, files, target=job.target)
        pictures, problems = _opened(found, report)
        problems += _problems_of_masks(files, found)
    usable = [
        CaptionItem(file_name=item.file_name, caption=item.caption)
        for item in found
        if item.caption and not item.errors and item.file_name in pictures
    ]
    lengths = _lengths(usable, info, job.models_dir)
    too_long = _too_long(lengths)
    problems += too_long + _problems_of_all(usable)
    captions = [item.caption for item in usable]
    hints = [*caption_hints(captions), *picture_hints(pictures, info.image_size_px), *training_notices(info, captions)]
    return Findings(
        base=info.key,
        target=captions[0].target if len({caption.target.casefold() for caption in captions}) == 1 else None,
        portraits=len(usable) - len(too_long),
        problems=tuple(problems),
        hints=tuple(hints),
        phrases=counted_phrases(captions),
        tokens=_longest(lengths),
        sizes=sizes(pictures.values(), info.image_size_px) if pictures else None,
        base_texts={item.file_name: item.caption.base_text for item in usable},
    )


def _opened(found: tuple[FoundItem, ...], report: Report) -> tuple[dict[str, Opened], list[Problem]]:
    """Portraits by name, and what is wrong with captions and pictures."""
    meter, pictures, problems = ProgressMeter(report, "loading", len(found)), dict[str, Opened](), list[Problem]()
    for number, item in enumerate(found, start=1):
        problems += [_problem(error, item.file_name) for error in item.errors]
        if item.path is not None:
            try:
                pictures[item.file_name] = opened(item.path, item.file_name)
            except DataError as error:
                problems.append(_problem(error, item.file_name))
        meter.step(number)
    return pictures, problems


def _problems_of_masks(files: Mapping[str, Path], found: tuple[FoundItem, ...]) -> list[Problem]:
    """A mask without a place; looked for once every portrait has its caption."""
    captions = [(item.file_name, item.caption) for item in found if item.caption]
    if len(captions) < len(found):
        return []
    try:
        masks_of(files, captions)
    except DataError as error:
        return [_problem(error, None)]
    return []


def _problems_of_all(usable: list[CaptionItem]) -> list[Problem]:
    """What is wrong with the set as a whole."""
    try:
        CaptionSet(items=tuple(usable))
    except DataError as error:
        return [_problem(error, None)]
    return []


@dataclass(frozen=True)
class _Lengths:
    most_allowed: int
    of: dict[str, TextLength]


def _lengths(usable: list[CaptionItem], info: BaseInfo, models_dir: Path | None) -> _Lengths | None:
    """Lengths of the complete texts; None if the tokenizer is not on this machine yet."""
    tokenizer: Any = first_tokenizer(info, (models_dir or default_models_dir()) / SHARED_CLIP_FOLDER)
    if tokenizer is None:
        return None
    most = int(tokenizer.model_max_length)
    of = {item.file_name: text_length(tokenizer, most, item.caption.complete_text) for item in usable}
    return _Lengths(most, of)


def _too_long(lengths: _Lengths | None) -> list[Problem]:
    if lengths is None:
        return []
    return [
        _problem(too_many_tokens(length, lengths.most_allowed, name), name)
        for name, length in lengths.of.items()
        if length.unread
    ]


def _longest(lengths: _Lengths | None) -> CaptionTokens | None:
    if lengths is None or not lengths.of:
        return None
    name = max(lengths.of, key=lambda name: lengths.of[name].tokens)
    return CaptionTokens(lengths.most_allowed, lengths.of[name].tokens, name)


def _problem(error: DataError, file_name: str | None) -> Problem:
    return Problem(file_name, error.code, error.found, error.allowed, error.hint)
