"""Tables of captions: rows of CSV and JSON lines."""

import csv
import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, NoReturn, cast

from spf_portrait.contract.errors import DataError

MAX_ROWS: Final = 10_000
MAX_LINE_CHARACTERS: Final = 64 * 2**10

_MAX_TABLE_BYTES: Final = 16 * 2**20
_FILE_COLUMNS: Final = ("file_name", "image", "file", "filename")


@dataclass(frozen=True)
class Row:
    """One row: the portrait it names, its columns, and where it stands, for messages."""

    file_name: str
    values: Mapping[str, Any]
    place: str


def all_rows(labels: Mapping[str, Path]) -> Iterator[Row]:
    """Rows of all tables; where one is called metadata, as imagefolder has it, of those alone.

    Raises:
        DataError: A table is no UTF-8, no CSV or JSON lines, too long, or names no portraits.
    """
    tables = sorted(name for name in labels if PurePosixPath(name).suffix.lower() in {".jsonl", ".csv"})
    named_by_convention = [name for name in tables if PurePosixPath(name).stem.lower() == "metadata"]
    for name in named_by_convention or tables:
        read = _jsonl_rows if PurePosixPath(name).suffix.lower() == ".jsonl" else _csv_rows
        folder = PurePosixPath(name).parent
        for number, values in read(labels[name], name):
            yield Row(str(folder / _file_name(values, name, number)), values, f"{name} line {number}")


def _jsonl_rows(path: Path, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(_lines(path, name), start=1):
        if not line.strip():
            continue
        try:
            values: object = json.loads(line, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise _unreadable(f"{name} line {number}, which is not JSON ({error})") from error
        if not isinstance(values, dict):
            raise _unreadable(f"{name} line {number}, which is not a JSON object")
        yield number, cast("dict[str, Any]", values)


def _csv_rows(path: Path, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    lines = _lines(path, name)
    header = lines[0] if lines else ""
    delimiter = max(",;\t", key=header.count)
    try:
        reader = csv.DictReader((line + "\n" for line in lines), delimiter=delimiter, strict=True)
        for values in reader:
            yield (
                reader.line_num,
                {str(key).strip(): value for key, value in values.items() if value is not None},
            )
    except csv.Error as error:
        raise _unreadable(f"{name}, which is not CSV ({error})") from error


def _lines(path: Path, name: str) -> list[str]:
    lines = read_text(path, name).splitlines()
    if len(lines) > MAX_ROWS or any(len(line) > MAX_LINE_CHARACTERS for line in lines):
        raise _unreadable(f"{name} with {len(lines)} lines, or a very long one")
    return lines


def read_text(path: Path, name: str) -> str:
    """A small text file.

    Raises:
        DataError: It is large, or not UTF-8.
    """
    if path.stat().st_size > _MAX_TABLE_BYTES:
        raise _unreadable(f"{name} with {path.stat().st_size} bytes")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(f"{name}, which is not UTF-8 text ({error.reason} at byte {error.start})") from error


def _file_name(values: Mapping[str, Any], table: str, number: int) -> str:
    given = next((values[column] for column in _FILE_COLUMNS if values.get(column)), None)
    if not isinstance(given, str):
        raise DataError(
            "missing_column",
            f"no file_name in {table} line {number}, only {', '.join(map(str, values)) or 'nothing'}",
            "the columns file_name and text, or file_name, base and target",
            "Add the column file_name with the picture's name",
        )
    return unicodedata.normalize("NFC", given.strip())


def _unreadable(found: str) -> DataError:
    return DataError(
        "unreadable_captions",
        found,
        f"UTF-8 text, one JSON object or CSV row a line, at most {MAX_ROWS} lines",
        "Save the captions again as UTF-8 CSV with the columns file_name and text",
    )


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
