"""The caption set of these tests has masks, so that every method can be trained on it."""

from pathlib import Path

import pytest
from PIL import Image

from spf_portrait.contract.caption_set import load_caption_set
from spf_portrait.contract.mask_files import MASK_FOLDER
from tests.spf_portrait.tiny_model import IMAGE_SIZE_PX, write_caption_folder


@pytest.fixture(scope="session")
def caption_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_caption_folder(tmp_path_factory.mktemp("masked") / "portraits")
    for item in load_caption_set(folder).items:
        place = folder / MASK_FOLDER / Path(item.file_name).stem
        place.mkdir(parents=True)
        mask = Image.new("L", (IMAGE_SIZE_PX, IMAGE_SIZE_PX))
        mask.paste(255, (0, 0, IMAGE_SIZE_PX // 2, IMAGE_SIZE_PX))
        for phrase in (item.caption.base[0], item.caption.target):
            mask.save(place / f"{phrase}.png")
    return folder
