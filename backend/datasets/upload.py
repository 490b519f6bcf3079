"""Reading an upload: one zip, or portraits with their captions. One bad file never spoils the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backend.errors import Unprocessable
from backend.storage import sha256_of
from spf_portrait.contract.archive import extract_images_and_captions
from spf_portrait.contract.caption_files import FoundItem, read_items
from spf_portrait.contract.caption_set import MAX_ITEMS
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.portraits import open_portrait


@dataclass(frozen=True)
class UploadedFile:
    """A file as it came: the sender's name for it, used as a label only, and where its bytes lie."""

    name: str
    path: Path


@dataclass(frozen=True)
class ReadPortrait:
    """A usable portrait; `problem` says what its caption still lacks (code, message, hint)."""

    file_name: str
    picture: Path
    sha256: str
    width_px: int
    height_px: int
    base: list[str]
    target: str | None
    problem: dict[str, Any] | None


@dataclass
class ReadUpload:
    """What an upload held: portraits, and files that could not be kept (file_name, code, message, hint)."""

    portraits: list[ReadPortrait] = field(default_factory=list[ReadPortrait])
    rejected: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def read_upload(
    files: Sequence[UploadedFile],
    folder: Path,
    target: str | None,
    *,
    crashed: Collection[str],
    opening: Callable[[str], None],
) -> ReadUpload:
    """Read an upload.

    Args:
        files: the files.
        folder: empty place for extracted and cleaned files; the caller removes it.
        target: target phrase for captions that mark none.
        crashed: portraits that cannot be decoded here and are not tried.
        opening: told the name of each portrait before it is decoded.

    Returns:
        At least one portrait, and a named reason for every portrait that is not kept.

    Raises:
        Unprocessable: no portrait can be used, there are too many, or the files cannot be told apart.
        DataError: the zip or a caption table cannot be read.
    """
    clean = folder / "clean"
    clean.mkdir()
    upload = ReadUpload()
    items = read_items(_by_name(files, folder), target=target)
    _refuse_too_many(items)
    for number, item in enumerate(items):
        try:
            if item.file_name in crashed:
                raise _too_much(item.file_name)
            opening(item.file_name)
            upload.portraits.append(_read_portrait(item, clean / f"{number:04d}.png"))
        except DataError as error:
            upload.rejected.append({"file_name": item.file_name, **describe(error)})
    if not upload.portraits:
        raise Unprocessable(
            "nothing_usable",
            f"Found no usable portrait in {_named(files)}; nothing was stored.",
            "Send portraits as .png, .jpg or .webp with their captions in a .csv or .jsonl table or in same-named .txt "
            "files, or one .zip of these.",
            upload.rejected,
        )
    return upload


def _refuse_too_many(items: Sequence[FoundItem]) -> None:
    """Refuse before anything is decoded what no training would take."""
    if len(items) > MAX_ITEMS:
        raise Unprocessable(
            "caption_set_size",
            f"Found {len(items)} portraits; allowed are 1 to {MAX_ITEMS}.",
            "Choose fewer portraits.",
        )


def _too_much(name: str) -> DataError:
    return DataError(
        "broken_image",
        f"{name}, which no decoder gets to the end of",
        "pictures that can be decoded within the memory and time that this service gives to one",
        "Save the picture anew as PNG, or scale it down",
    )


def describe(error: DataError) -> dict[str, Any]:
    """Show a contract error as the problem of one file."""
    return {"code": error.code, "message": f"Found {error.found}; allowed: {error.allowed}.", "hint": error.hint}


def _by_name(files: Sequence[UploadedFile], folder: Path) -> dict[str, Path]:
    """Return name → place of the files, or of what the single zip among them holds."""
    archives = [file for file in files if file.name.lower().endswith(".zip")]
    if archives and len(files) > 1:
        raise Unprocessable(
            "zip_with_other_files",
            f"Found {archives[0].name} together with {len(files) - 1} other files; a zip must come alone.",
            "Put everything into the zip, or send the unpacked files.",
        )
    if archives:
        return extract_images_and_captions(_labelled(archives[0], folder), folder)
    by_name = {file.name: file.path for file in files}
    if len(by_name) < len(files):
        names = [file.name for file in files]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise Unprocessable(
            "duplicate_file_names",
            f"Found several files of the same name: {', '.join(twice[:5])}.",
            "Give each file its own name.",
        )
    return by_name


def _labelled(archive: UploadedFile, folder: Path) -> Path:
    """Name the archive on disk as its sender named it, as far as that is harmless: messages show the name."""
    label = re.sub(r"[^A-Za-z0-9._-]", "_", archive.name).lstrip(".")[-80:]
    place = folder / (f"upload-{label}" if label == ".zip" else label)
    place.symlink_to(archive.path)
    return place


def _read_portrait(item: FoundItem, picture: Path) -> ReadPortrait:
    """Decode one portrait completely and keep a clean copy of it, with its caption."""
    if item.path is None:
        raise item.errors[0]
    image = open_portrait(item.path, item.file_name)
    image.save(picture, format="PNG")
    return ReadPortrait(
        file_name=item.file_name,
        picture=picture,
        sha256=sha256_of(picture),
        width_px=image.width,
        height_px=image.height,
        base=list(item.caption.base if item.caption else item.phrases),
        target=item.caption.target if item.caption else None,
        problem=describe(item.errors[0]) if item.errors else None,
    )


def _named(files: Sequence[UploadedFile]) -> str:
    """Name an upload by its first files."""
    names = ", ".join(file.name for file in files[:3])
    return names if len(files) <= 3 else f"{names} and {len(files) - 3} more files"
