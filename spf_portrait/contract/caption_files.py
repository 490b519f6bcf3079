"""Reading captions in the forms in which people keep them.

A table (`metadata.jsonl`, `metadata.csv`, or any one .jsonl or .csv) has one row a portrait with `file_name` and either
`text` (target in square brackets) or `base` and `target`; `base` is a list, or phrases joined by ";". Portraits that no
table names have a .txt or .caption of the same name beside them.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, cast

from spf_portrait.contract.caption_tables import Row, all_rows, read_text
from spf_portrait.contract.caption_text import loose_phrases, parse_caption, usable_phrases
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.mask_files import is_mask
from spf_portrait.contract.phrases import Caption
from spf_portrait.contract.portraits import IMAGE_SUFFIXES

_TEXT_COLUMNS: Final = ("text", "caption", "prompt")
_OTHER_IMAGE_SUFFIXES: Final = frozenset({".gif", ".bmp", ".svg", ".tif", ".tiff", ".heic", ".heif", ".avif"})


@dataclass(frozen=True)
class FoundItem:
    """One portrait of a caption set as it was found, with what is wrong about it.

    `phrases` is what was written where that is no caption yet: the target, if it was named, is one of them.
    """

    file_name: str
    path: Path | None
    caption: Caption | None
    errors: tuple[DataError, ...] = ()
    phrases: tuple[str, ...] = ()


def read_items(files: Mapping[str, Path], *, target: str | None = None) -> tuple[FoundItem, ...]:
    """Pair portraits with their captions. Pictures are not opened here.

    Args:
        files: What the user calls a file ("train/01.png") → where it is. No other file is ever looked at, whatever
            a table says.
        target: The target phrase of captions that mark none.

    Returns:
        One item a portrait in order of names, then one for each row whose portrait is missing.

    Raises:
        DataError: A table cannot be read at all.
    """
    labels = {unicodedata.normalize("NFC", name): path for name, path in files.items()}
    pictures = (name for name in labels if _suffix(name) in IMAGE_SUFFIXES | _OTHER_IMAGE_SUFFIXES)
    portraits = sorted(name for name in pictures if not is_mask(name))
    by_last_part = _by_last_part(portraits)
    items: dict[str, FoundItem] = {}
    missing: list[FoundItem] = []
    for row in all_rows(labels):
        name = _match(row.file_name, by_last_part)
        if name is None:
            missing.append(_without_portrait(row))
        elif name in items:
            items[name] = _said_twice(items[name], row)
        else:
            items[name] = _from_row(name, labels[name], row, target)
    for name in portraits:
        if name not in items:
            items[name] = _from_sidecar(name, labels, target)
    return (*(items[name] for name in portraits), *missing)


def _by_last_part(portraits: Iterable[str]) -> dict[str, list[str]]:
    """The portraits by the last part of their name."""
    found: dict[str, list[str]] = {}
    for name in portraits:
        found.setdefault(PurePosixPath(name).name, []).append(name)
    return found


def _match(wanted: str, by_last_part: Mapping[str, list[str]]) -> str | None:
    """The portrait of that name, or the only one with that last part: uploads lose their folders."""
    same_last = by_last_part.get(PurePosixPath(wanted).name, [])
    if wanted in same_last:
        return wanted
    return same_last[0] if len(same_last) == 1 else None


def _from_row(name: str, path: Path, row: Row, target: str | None) -> FoundItem:
    try:
        return FoundItem(name, path, _caption(row.values, target))
    except DataError as error:
        return FoundItem(name, path, None, (_placed(error, name, row.place),), _phrases(row.values))


def _caption(values: Mapping[str, Any], target: str | None) -> Caption:
    base, target = _base(values), _target(values) or target
    if base is not None:
        return Caption(base=base, target=target or "")
    return parse_caption(_plain_text(values), target=target)


def _phrases(values: Mapping[str, Any]) -> tuple[str, ...]:
    """What a row says, where that is no caption yet."""
    base = _base(values)
    return loose_phrases(_plain_text(values)) if base is None else usable_phrases((*base, _target(values) or ""))


def _base(values: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The base phrases of a row that gives them one by one."""
    base: object = values.get("base")
    if isinstance(base, str) and base.strip():
        return tuple(base.split(";"))
    if isinstance(base, list) and all(isinstance(phrase, str) for phrase in cast("list[object]", base)):
        return tuple(cast("list[str]", base))
    return None


def _target(values: Mapping[str, Any]) -> str | None:
    target = values.get("target")
    return target if isinstance(target, str) and target.strip() else None


def _plain_text(values: Mapping[str, Any]) -> str:
    return next((values[column] for column in _TEXT_COLUMNS if isinstance(values.get(column), str)), "")


def _from_sidecar(name: str, labels: Mapping[str, Path], target: str | None) -> FoundItem:
    stem = str(PurePosixPath(name).with_suffix(""))
    sidecar = next((stem + suffix for suffix in (".txt", ".caption") if stem + suffix in labels), None)
    if sidecar is None:
        return FoundItem(name, labels[name], None, (_without_caption(name, stem),))
    text = ""
    try:
        text = ", ".join(read_text(labels[sidecar], sidecar).split("\n"))
        return FoundItem(name, labels[name], parse_caption(text, target=target))
    except DataError as error:
        return FoundItem(name, labels[name], None, (_placed(error, name, sidecar),), loose_phrases(text))


def _said_twice(item: FoundItem, row: Row) -> FoundItem:
    error = DataError(
        "two_captions",
        f"a second caption for {item.file_name} in {row.place}",
        "one",
        "Remove one of the two rows",
    )
    return FoundItem(item.file_name, item.path, item.caption, (*item.errors, error))


def _without_portrait(row: Row) -> FoundItem:
    error = DataError(
        "missing_image",
        f"no picture {row.file_name}, which {row.place} names",
        "names of pictures that are in the caption set",
        "Add the picture, or remove the row",
    )
    return FoundItem(row.file_name, None, None, (error,))


def _without_caption(name: str, stem: str) -> DataError:
    return DataError(
        "missing_caption",
        f"no caption for {name}",
        f"a row for it in metadata.csv, or a file {stem}.txt",
        "Write its caption with the target in square brackets, such as: a woman, a brown jacket, [blonde hair]",
    )


def _placed(error: DataError, name: str, place: str) -> DataError:
    return DataError(error.code, f"{error.found} for {name} ({place})", error.allowed, error.hint)


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
