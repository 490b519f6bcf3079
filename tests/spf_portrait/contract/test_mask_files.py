"""Masks are found by the portrait's name and the phrase, are no portraits themselves, and are never passed over."""

from pathlib import Path

import pytest

from spf_portrait.contract.caption_set import load_caption_set
from spf_portrait.contract.errors import DataError
from tests.spf_portrait.contract.samples import picture, write_files, zip_of

CAPTION = "a woman, a red hat, [sunglasses]"


def set_with(*masks: str, portrait: str = "01") -> dict[str, bytes]:
    files = {f"{portrait}.png": picture(), f"{portrait}.txt": CAPTION.encode()}
    return files | {mask: picture() for mask in masks}


@pytest.mark.parametrize(
    ("portrait", "folder"),
    [("01", "masks/01"), ("train/01", "train/masks/01"), ("train/01", "masks/train/01")],
)
def test_they_belong_to_a_phrase_of_a_portrait(portrait: str, folder: str, tmp_path: Path) -> None:
    files = set_with(f"{folder}/A red hat.png", f"{folder}/sunglasses.png", portrait=portrait)
    loaded = load_caption_set(write_files(tmp_path, files))
    assert [item.file_name for item in loaded.items] == [f"{portrait}.png"]
    (masks,) = loaded.masks
    assert {phrase: path.name for phrase, path in masks.items()} == {
        "a red hat": "A red hat.png",
        "sunglasses": "sunglasses.png",
    }


def test_a_zip_may_hold_them(tmp_path: Path) -> None:
    (tmp_path / "unpacked").mkdir()
    archive = zip_of(tmp_path / "set.zip", set_with("set/masks/01/sunglasses.png", portrait="set/01"))
    (masks,) = load_caption_set(archive, unpack_into=tmp_path / "unpacked").masks
    assert masks.keys() == {"sunglasses"}


def test_a_set_may_have_none(tmp_path: Path) -> None:
    assert load_caption_set(write_files(tmp_path, set_with())).masks == ({},)


def test_a_folder_of_portraits_may_be_called_masks(tmp_path: Path) -> None:
    loaded = load_caption_set(write_files(tmp_path, set_with(portrait="masks/01")))
    assert [item.file_name for item in loaded.items] == ["masks/01.png"]


@pytest.mark.parametrize(
    ("mask", "named"),
    [("masks/01/a blue hat.png", "'a blue hat'"), ("masks/02/sunglasses.png", "02, such as 'sunglasses'")],
)
def test_one_that_belongs_nowhere_is_named(mask: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as refusal:
        load_caption_set(write_files(tmp_path, set_with(mask)))
    assert refusal.value.code == "mask_without_place"
    assert named in refusal.value.found
    assert "masks/<name of the portrait without its suffix>/<phrase>.png" in refusal.value.allowed
