"""A caption set: portraits with captions that share one target phrase."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, field_validator

from spf_portrait.contract.archive import extract_images_and_captions, is_unimportant
from spf_portrait.contract.caption_files import FoundItem, read_items
from spf_portrait.contract.caption_text import bracketed
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.mask_files import Masks, masks_of
from spf_portrait.contract.phrases import Caption

MAX_ITEMS: Final = 2_000
MAX_NAME_CHARACTERS: Final = 200


class CaptionItem(BaseModel):
    """One portrait: its name within the set, and its caption."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file_name: str = Field(min_length=1, max_length=MAX_NAME_CHARACTERS)
    caption: Caption


class CaptionSet(BaseModel):
    """1 to 2000 portraits with one common target phrase.

    Raises:
        DataError: None or too many items, two of one name, or different targets.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    items: tuple[CaptionItem, ...]

    @field_validator("items")
    @classmethod
    def _check_items(cls, items: tuple[CaptionItem, ...]) -> tuple[CaptionItem, ...]:
        if not 1 <= len(items) <= MAX_ITEMS:
            raise DataError(
                "caption_set_size",
                f"{len(items)} portraits",
                f"1 to {MAX_ITEMS} portraits",
                "Add portraits with captions" if not items else "Choose fewer portraits",
            )
        if len({item.file_name for item in items}) < len(items):
            raise DataError("two_captions", "two items for one picture", "one each", "Remove one of the two")
        targets = {item.caption.target.casefold(): item.caption.target for item in items}
        if len(targets) > 1:
            raise DataError(
                "several_targets",
                f"{len(targets)} target phrases ({', '.join(sorted(targets.values())[:5])})",
                "one target phrase for the whole set",
                "Mark the same phrase in every caption: one training teaches one target",
            )
        return items

    @property
    def target(self) -> str:
        """The phrase to be taught."""
        return self.items[0].caption.target


@dataclass(frozen=True)
class LoadedCaptionSet:
    """A caption set and where its pictures are.

    Attributes:
        caption_set: The captions.
        images: `images[i]` is the absolute path of `items[i]`.
        masks: `masks[i]` are the masks of its phrases; a set without any has an empty one for each.
    """

    caption_set: CaptionSet
    images: tuple[Path, ...]
    masks: tuple[Masks, ...]

    @property
    def items(self) -> tuple[CaptionItem, ...]:
        return self.caption_set.items

    @property
    def target(self) -> str:
        return self.caption_set.target


def load_caption_set(path: Path, *, target: str | None = None, unpack_into: Path | None = None) -> LoadedCaptionSet:
    """Read a folder, a table beside its pictures, or a zip of either. Pictures are not opened.

    Args:
        path: HF imagefolder, kohya folder, .csv, .jsonl or .zip.
        target: The target phrase of captions that mark none.
        unpack_into: Existing folder for the content of a zip; it must live as long as the result is used.

    Raises:
        DataError: Anything about it that cannot be used, naming the file.
    """
    files = find_files(path, unpack_into)
    items = find_items(path, files, target=target)
    _raise_first_error(items)
    usable = [(item.file_name, item.caption, item.path) for item in items]
    caption_set = CaptionSet(
        items=tuple(CaptionItem(file_name=name, caption=caption) for name, caption, _ in usable if caption)
    )
    masks = masks_of(files, ((item.file_name, item.caption) for item in caption_set.items))
    return LoadedCaptionSet(caption_set, tuple(image.absolute() for _, _, image in usable if image), masks)


def find_items(path: Path, files: Mapping[str, Path], *, target: str | None = None) -> tuple[FoundItem, ...]:
    """Every portrait as it was found, with what is wrong about each.

    Args:
        path: As for `load_caption_set`.
        files: What `find_files` found there.
        target: As for `load_caption_set`.

    Raises:
        DataError: There is no portrait, or a table cannot be read at all.
    """
    items = read_items(files, target=target)
    if not items:
        raise _not_a_caption_set(f"no portrait in {path}")
    return items


def write_imagefolder(items: Iterable[CaptionItem], images: Iterable[Image.Image], out_dir: Path) -> None:
    """Write pictures and `metadata.jsonl` as a folder that `load_caption_set` and HF datasets read.

    The folder appears complete or not at all.

    Args:
        items: Their `file_name` ends in .png, .jpg, .jpeg or .webp.
        images: One for each item, in the same order.
        out_dir: A folder that does not exist yet or is empty.

    Raises:
        DataError: `out_dir` holds something already, or a file name leads out of it.
    """
    if out_dir.exists() and (not out_dir.is_dir() or any(out_dir.iterdir())):
        raise DataError(
            "folder_not_empty",
            f"files in {out_dir}",
            "a new or empty folder",
            "Choose another folder, or empty it",
        )
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{out_dir.name}-", dir=out_dir.parent))
    try:
        _write_into(draft, items, images)
        draft.chmod(0o755)  # mkdtemp makes it private
        os.replace(draft, out_dir)
    except BaseException:
        shutil.rmtree(draft)
        raise


def write_metadata(items: Iterable[CaptionItem], folder: Path) -> None:
    """Write `metadata.jsonl` alone, into a folder that holds the pictures already."""
    rows = (
        {
            "file_name": item.file_name,
            "text": bracketed(item.caption),
            "base": list(item.caption.base),
            "target": item.caption.target,
        }
        for item in items
    )
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "metadata.jsonl").write_text(lines, "utf-8")


def find_files(path: Path, unpack_into: Path | None) -> Mapping[str, Path]:
    """All files of a set by their place in it; the arguments are those of `load_caption_set`.

    Raises:
        DataError: There is no such set, or an archive cannot be read.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        return _folder_files(path)
    if not path.is_file():
        raise _not_a_caption_set(f"no file or folder {path}")
    if suffix == ".zip":
        if unpack_into is None:
            raise _not_a_caption_set(f"the zip {path.name} without a folder to unpack it into")
        return extract_images_and_captions(path, unpack_into)
    if suffix in {".csv", ".jsonl"}:
        tables = {".csv", ".jsonl"}
        beside = _folder_files(path.parent)
        return {name: file for name, file in beside.items() if file.suffix.lower() not in tables or file == path}
    raise _not_a_caption_set(f"the file {path.name}")


def _folder_files(folder: Path) -> dict[str, Path]:
    found = sorted(file for file in folder.rglob("*") if file.is_file())
    named = {file.relative_to(folder).as_posix(): file for file in found}
    return {name: file for name, file in named.items() if not is_unimportant(name)}


def _raise_first_error(items: tuple[FoundItem, ...]) -> None:
    bad = [item for item in items if item.errors]
    if not bad:
        return
    first = bad[0].errors[0]
    more = f" and {len(bad) - 1} more files with problems" if len(bad) > 1 else ""
    raise DataError(first.code, f"{first.found}{more}", first.allowed, first.hint)


def _write_into(folder: Path, items: Iterable[CaptionItem], images: Iterable[Image.Image]) -> None:
    written: list[CaptionItem] = []
    for item, image in zip(items, images, strict=True):
        name = PurePosixPath(item.file_name)
        if name.is_absolute() or ".." in name.parts:
            raise DataError("unsafe_file_name", repr(item.file_name), "a name inside the folder", "Rename the picture")
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(file)
        written.append(item)
    write_metadata(written, folder)


def _not_a_caption_set(found: str) -> DataError:
    return DataError(
        "not_a_caption_set",
        found,
        "a folder of portraits with metadata.jsonl, metadata.csv or a .txt for each, a .csv, a .jsonl or a .zip",
        "Give the path of one of these",
    )
