"""Finished cells as small JSON files: written once, never changed, and all that tables are made from.

A file is `<results>/<target>/<system>-<bias>-s<seed>-<digest>.json`. A cell that is measured again after a setting
changed gets another digest and so another file; of several the newest counts.
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from spf_portrait.contract.errors import DataError

RESULTS: Final = Path("proof/results")
"""In the repository, where the records are kept."""
Record = dict[str, Any]
"""Content of one file, see `trial.measured`."""
_DIGITS: Final = 4
_DIGEST_LETTERS: Final = 10


def record_file(results: Path, name: str, digest: str) -> Path:
    """Where a cell is recorded.

    Args:
        results: Folder of all records.
        name: Of the cell.
        digest: Of the cell's identity.
    """
    return results / f"{name}-{digest[:_DIGEST_LETTERS]}.json"


def write_record(file: Path, record: Record) -> None:
    """Complete or not at all; a line for each case, so that differences can be read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".tmp")
    draft.write_text(as_lines(record) + "\n", "utf-8")
    os.replace(draft, file)


def records_in(results: Path) -> list[Record]:
    """All records of a folder, the oldest first.

    Raises:
        DataError: A file is no record.
    """
    return sorted((_read(file) for file in results.glob("*/*.json")), key=lambda record: record["finished"])


def rounded(value: Any) -> Any:
    """The same with four digits after the point in every number, however deep it lies."""
    if isinstance(value, float):
        return round(value, _DIGITS) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: rounded(inner) for key, inner in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [rounded(inner) for inner in cast("list[Any]", value)]
    return value


def as_lines(value: Any, depth: int = 0) -> str:
    """JSON that breaks lines between the members of the outer mappings and of lists of mappings alone."""
    if isinstance(value, dict) and depth < 2:
        members = cast("dict[str, Any]", value).items()
        return _broken("{}", [f"{json.dumps(key)}: {as_lines(inner, depth + 1)}" for key, inner in members], depth)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return _broken("[]", [_on_one_line(inner) for inner in cast("list[Any]", value)], depth)
    return _on_one_line(value)


def _broken(brackets: str, members: list[str], depth: int) -> str:
    indented = ",\n".join(" " * (depth + 1) + member for member in members)
    return f"{brackets[0]}\n{indented}\n{' ' * depth}{brackets[1]}"


def _on_one_line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _read(file: Path) -> Record:
    try:
        content: Any = json.loads(file.read_text("utf-8"))
        if {"system", "target", "bias", "texts", "seconds", "finished", "metrics", "cases"} <= content.keys():
            return content
    except (OSError, ValueError, AttributeError) as error:
        raise _no_record(file, str(error)) from error
    raise _no_record(file, "fields are missing")


def _no_record(file: Path, reason: str) -> DataError:
    return DataError(
        "broken_record", f"{file} ({reason})", "a cell as the proof writes it", "Restore the file, or take it away"
    )
