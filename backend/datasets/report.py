"""How good a caption set is for a training: what `spf-portrait check` finds, as far as the records tell it.

Captions, sizes and hashes of the pictures are in the database, so no picture is opened. What needs a tokenizer is left
out, and the report says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from backend.context import Context
from backend.datasets import repository
from backend.datasets.lookup import require_dataset
from backend.datasets.report_schemas import Bias, NotChecked, PhraseUse, ReportOut, ReportProblem, SizesOut
from backend.datasets.upload import describe
from backend.tables import DatasetItem
from spf_portrait.contract.bases import find_base
from spf_portrait.contract.caption_hints import (
    constant_phrase_hint,
    constant_phrases,
    counted_phrases,
    variety_hints,
)
from spf_portrait.contract.caption_set import CaptionItem, CaptionSet
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.phrases import Caption
from spf_portrait.contract.picture_hints import Opened, picture_hints, sizes
from spf_portrait.contract.vocabulary import training_notices

_TOKENS = NotChecked(
    what="tokens",
    why="Counting the tokens of a caption needs the tokenizer of the base model, and the service runs without the "
    "engine. `spf-portrait check` counts them; a training refuses a caption that is too long, with the words that "
    "would be lost.",
)


def report(context: Context, dataset_id: str, base: str) -> ReportOut:
    """Look a caption set through.

    Args:
        context: parts of the application.
        dataset_id: the caption set.
        base: key of the base model that it is meant for.

    Raises:
        NotFound: no such caption set.
        ModelError: no such base model.
    """
    info = find_base(base, context.settings.models_dir)
    with context.db.read() as session:
        require_dataset(session, dataset_id)
        items = repository.list_items(session, dataset_id)
    usable = [_caption_item(item) for item in items if item.problem is None]
    captions = [item.caption for item in usable]
    problems = [*(_problem(item.file_name, item.problem) for item in items if item.problem), *_of_all(usable)]
    pictures = {item.file_name: Opened(item.width_px, item.height_px, item.image_sha256) for item in items}
    return ReportOut(
        dataset_id=dataset_id,
        base=info.key,
        target=captions[0].target if len({caption.target.casefold() for caption in captions}) == 1 else None,
        portraits=len(usable),
        trainable=not problems,
        problems=problems,
        biases=_biases(captions),
        hints=[*variety_hints(captions), *picture_hints(pictures, info.image_size_px)],
        unseen_words=training_notices(info, captions),
        phrases=[PhraseUse(phrase=found.phrase, portraits=found.portraits) for found in counted_phrases(captions)],
        sizes=SizesOut(**asdict(sizes(pictures.values(), info.image_size_px))) if pictures else None,
        not_checked=[_TOKENS],
    )


def _caption_item(item: DatasetItem) -> CaptionItem:
    """Return the caption of an item that has no problem."""
    return CaptionItem(file_name=item.file_name, caption=Caption(base=tuple(item.base), target=item.target or ""))


def _of_all(usable: Sequence[CaptionItem]) -> list[ReportProblem]:
    """Return what is wrong with the set as a whole."""
    try:
        CaptionSet(items=tuple(usable))
    except DataError as error:
        return [_problem(None, describe(error))]
    return []


def _problem(file_name: str | None, problem: Mapping[str, Any]) -> ReportProblem:
    """Show one problem."""
    return ReportProblem.model_validate({"file_name": file_name, **problem})


def _biases(captions: Sequence[Caption]) -> list[Bias]:
    """Return the phrases that (nearly) always come with the target."""
    return [
        Bias(phrase=found.phrase, portraits=found.portraits, message=constant_phrase_hint(found, len(captions)))
        for found in constant_phrases(captions)
    ]
