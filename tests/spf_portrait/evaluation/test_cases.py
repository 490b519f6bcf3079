from pathlib import Path

import pytest

from spf_portrait.contract.errors import DataError
from spf_portrait.evaluation.cases import read_cases


def written(folder: Path, text: str) -> Path:
    file = folder / "texts.txt"
    file.write_text(text, "utf-8")
    return file


def test_every_line_is_a_base_text(tmp_path: Path) -> None:
    cases = read_cases(written(tmp_path, "a woman in a red coat\n\na man, a hat\n"), "blonde hair", None, 5)
    assert [case.caption.base for case in cases] == [("a woman", "a red coat"), ("a man", "a hat")]
    assert [case.caption.target for case in cases] == ["blonde hair"] * 2
    assert [case.seed for case in cases] == [5, 6]


def test_lines_are_used_again_with_other_seeds(tmp_path: Path) -> None:
    cases = read_cases(written(tmp_path, "a woman\na man\n"), "blonde hair", 5, 0)
    assert [case.caption.base_text for case in cases] == ["a woman", "a man", "a woman", "a man", "a woman"]
    assert [case.seed for case in cases] == [0, 1, 2, 3, 4]
    assert len(read_cases(written(tmp_path, "a woman\na man\n"), "blonde hair", 1, 0)) == 1


def test_mistakes_name_the_file_and_the_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2 of .*texts\.txt"):
        read_cases(written(tmp_path, "a woman\na man, blonde hair\n"), "blonde hair", None, 0)
    with pytest.raises(DataError, match="no text"):
        read_cases(written(tmp_path, "\n \n"), "blonde hair", None, 0)
    with pytest.raises(DataError, match=r"gone\.txt"):
        read_cases(tmp_path / "gone.txt", "blonde hair", None, 0)
    (tmp_path / "picture.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="UTF-8"):
        read_cases(tmp_path / "picture.txt", "blonde hair", None, 0)
