from pathlib import Path

import pytest
import torch
from PIL import Image

from spf_portrait.contract.errors import DataError
from spf_portrait.evaluate import evaluate_pairs, mean_change, outside_change


def pair(folder: Path, response: tuple[int, int, int], size: int = 4) -> Path:
    folder.mkdir()
    Image.new("RGB", (4, 4), (0, 0, 0)).save(folder / "reference.png")
    Image.new("RGB", (size, size), response).save(folder / "response.png")
    return folder


def test_equal_pictures_do_not_differ() -> None:
    picture = torch.randint(0, 256, (3, 4, 4), dtype=torch.uint8)
    assert mean_change(picture, picture) == 0


def test_only_what_is_outside_the_mask_counts() -> None:
    reference, response = torch.zeros(3, 2, 2), torch.zeros(3, 2, 2)
    response[:, 0, 0], response[:, 1, 1] = 255, 51
    mask = torch.tensor([[True, False], [False, False]])
    assert mean_change(reference, response) == pytest.approx(0.3)
    assert outside_change(reference, response, mask) == pytest.approx(0.2 / 3)
    assert outside_change(reference, response, torch.ones(2, 2, dtype=torch.bool)) == 0


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
