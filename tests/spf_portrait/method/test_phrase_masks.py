"""Masks as tensors: each phrase's in its own column, in the cells that hold any white."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from spf_portrait.contract.caption_set import LoadedCaptionSet, load_caption_set
from spf_portrait.contract.errors import DataError
from spf_portrait.method.attention_maps import PAD, TARGET
from spf_portrait.method.phrase_masks import phrase_masks
from spf_portrait.method.training_set import dataset_hash
from tests.spf_portrait.tiny_model import write_caption_folder


def masked(folder: Path, mask: Image.Image, phrase: str = "blonde hair") -> LoadedCaptionSet:
    place = folder / "masks" / "01"
    place.mkdir(parents=True, exist_ok=True)
    mask.save(place / f"{phrase}.png")
    return load_caption_set(folder)


def dot(size: tuple[int, int] = (32, 32)) -> Image.Image:
    mask = Image.new("L", size)
    mask.putpixel((31, 0), 255)
    return mask


def test_a_phrase_has_the_cells_in_which_any_pixel_is_white(tmp_path: Path) -> None:
    folder = write_caption_folder(tmp_path / "set")
    found = phrase_masks(masked(folder, dot()), 5, 32, (8, 8))
    assert found.shape == (4, 5, 8, 8)
    expected = torch.zeros(8, 8)
    expected[0, 7] = 1
    assert torch.equal(found[1, TARGET], expected)
    assert found.sum() == 1


def test_base_phrases_have_the_columns_of_their_order(tmp_path: Path) -> None:
    folder = write_caption_folder(tmp_path / "set")
    found = phrase_masks(masked(folder, dot(), "a blue hat"), 5, 32, (8, 8))
    assert found[1].flatten(1).sum(dim=1).tolist() == [0, 0, 1, 0, 0]
    assert found[:, PAD].sum() == 0


def test_one_of_another_size_is_refused(tmp_path: Path) -> None:
    portraits = masked(write_caption_folder(tmp_path / "set"), dot((40, 32)))
    with pytest.raises(DataError, match=r"01/blonde hair\.png with 40 x 32 pixels; allowed: 32 x 32"):
        phrase_masks(portraits, 5, 32, (8, 8))


def test_other_masks_are_another_caption_set(tmp_path: Path) -> None:
    folder = write_caption_folder(tmp_path / "set")
    hashes = {dataset_hash(load_caption_set(folder)), dataset_hash(masked(folder, dot()))}
    hashes.add(dataset_hash(masked(folder, Image.new("L", (32, 32), 255))))
    assert len(hashes) == 3
