from pathlib import Path

import pytest
from PIL import Image

from spf_portrait.contract.errors import DataError
from spf_portrait.evaluation.pairs import evaluate_pairs


def pair(folder: Path, response: tuple[int, int, int], size: int = 4) -> Path:
    folder.mkdir()
    Image.new("RGB", (4, 4), (0, 0, 0)).save(folder / "reference.png")
    Image.new("RGB", (size, size), response).save(folder / "response.png")
    return folder


def test_folders_and_their_mean(tmp_path: Path) -> None:
    folders = [pair(tmp_path / "a", (255, 255, 255)), pair(tmp_path / "b", (0, 0, 0))]
    mask = tmp_path / "mask.png"
    Image.new("L", (4, 4), 255).save(mask)
    assert evaluate_pairs(folders)["mean"] == {"change": 0.5}
    assert evaluate_pairs(folders, mask)["mean"] == {"change": 0.5, "outside_change": 0}


def test_a_missing_picture_or_another_size_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="reference"):
        evaluate_pairs([tmp_path])
    with pytest.raises(DataError, match="size"):
        evaluate_pairs([pair(tmp_path / "c", (0, 0, 0), size=5)])
