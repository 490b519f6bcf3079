"""Records: small, whole, and read back as they were written."""

import json
from pathlib import Path
from typing import Any

import pytest

from spf_portrait.contract.errors import DataError
from spf_portrait.pico.proof.records import as_lines, record_file, records_in, rounded, write_record

CONTENT: dict[str, Any] = {
    "system": "spf",
    "target": "blonde hair",
    "bias": "named",
    "texts": 2,
    "seconds": {"training": 1.0, "measuring": 2.0},
    "finished": "2026-11-24T12:00:00+00:00",
    "metrics": {"pollution": {"value": 0.25, "interval_95": [0.0, 0.5], "count": 2}},
    "cases": [{"seed": 0, "text": "a person, “hm”"}, {"seed": 1, "text": "a portrait"}],
    "held": {"metrics": {}, "cases": [{"seed": 0}]},
}


def test_a_record_is_read_back_and_the_newest_comes_last(tmp_path: Path) -> None:
    later = {**CONTENT, "finished": "2026-11-25T12:00:00+00:00"}
    write_record(record_file(tmp_path, "blonde-hair/spf-named-s0", "b" * 64), later)
    write_record(record_file(tmp_path, "blonde-hair/spf-named-s0", "c" * 64), CONTENT)
    assert [file.name for file in sorted(tmp_path.glob("*/*"))] == [
        f"spf-named-s0-{letter * 10}.json" for letter in "bc"
    ]
    assert records_in(tmp_path) == [CONTENT, later]


def test_every_case_has_a_line_of_its_own() -> None:
    assert json.loads(as_lines(CONTENT)) == CONTENT
    lines = as_lines(CONTENT).splitlines()
    assert sum('"text":"a p' in line for line in lines) == 2
    assert len(lines) < 30


def test_numbers_are_rounded_however_deep_they_lie() -> None:
    assert rounded({"a": [0.123456, {"b": (1 / 3, "c", 2)}], "d": float("nan")}) == {
        "a": [0.1235, {"b": [0.3333, "c", 2]}],
        "d": None,
    }


def test_a_folder_without_records_is_empty_and_a_broken_file_is_named(tmp_path: Path) -> None:
    assert records_in(tmp_path) == []
    (tmp_path / "afro").mkdir()
    broken = tmp_path / "afro" / "spf.json"
    for text in ("{", "[]", '{"system": "spf"}'):
        broken.write_text(text, "utf-8")
        with pytest.raises(DataError, match=r"spf\.json"):
            records_in(tmp_path)
