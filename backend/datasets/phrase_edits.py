"""What one bulk edit makes of one caption, and whether the result is a caption."""

from __future__ import annotations

from typing import Any

from backend.datasets.edit_schemas import BulkEditIn, Prefix, Replace, SetTarget
from backend.datasets.upload import describe
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.phrases import Caption, no_target


def edited(base: list[str], target: str | None, edit: BulkEditIn) -> tuple[list[str], str | None]:
    """Return base phrases and target after an edit; what it is not about comes back as it was."""
    if isinstance(edit, SetTarget):
        return _without(base, edit.target), edit.target
    if isinstance(edit, Replace):
        return _replaced(base, edit), target
    if _has(base, edit.phrase):
        return base, target
    return ([edit.phrase, *base] if isinstance(edit, Prefix) else [*base, edit.phrase]), target


def problem_of(file_name: str, base: list[str], target: str | None) -> dict[str, Any] | None:
    """Return why these phrases are no caption (code, message, hint), or None when they are one."""
    try:
        if target is None:
            raise no_target(f"no target phrase for {file_name}")
        Caption(base=tuple(base), target=target)
    except DataError as error:
        return describe(error)
    return None


def _has(base: list[str], phrase: str) -> bool:
    return any(_same(one, phrase) for one in base)


def _without(base: list[str], phrase: str) -> list[str]:
    return [one for one in base if not _same(one, phrase)]


def _replaced(base: list[str], edit: Replace) -> list[str]:
    """Put one phrase in the place of another, once."""
    if edit.by is None:
        return _without(base, edit.phrase)
    by = edit.by
    return list(dict.fromkeys(by if _same(one, edit.phrase) else one for one in base))


def _same(one: str, other: str) -> bool:
    """Upper and lower case are one."""
    return one.casefold() == other.casefold()
