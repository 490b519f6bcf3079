"""The files of an upload by the names that their sender gave them; those of a zip are its members."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.errors import Unprocessable
from spf_portrait.contract.archive import extract_images_and_captions


@dataclass(frozen=True)
class UploadedFile:
    """A file as it came: the sender's name for it, used as a label only, and where its bytes lie."""

    name: str
    path: Path


def by_name(files: Sequence[UploadedFile], folder: Path) -> dict[str, Path]:
    """Return name → place of the files, or of what the single zip among them holds.

    Raises:
        Unprocessable: a zip came with other files, or two files have one name.
        DataError: the zip cannot be read.
    """
    archives = [file for file in files if file.name.lower().endswith(".zip")]
    if archives and len(files) > 1:
        raise Unprocessable(
            "zip_with_other_files",
            f"Found {archives[0].name} together with {len(files) - 1} other files; a zip must come alone.",
            "Put everything into the zip, or send the unpacked files.",
        )
    if archives:
        return extract_images_and_captions(_labelled(archives[0], folder), folder)
    places = {file.name: file.path for file in files}
    if len(places) < len(files):
        names = [file.name for file in files]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise Unprocessable(
            "duplicate_file_names",
            f"Found several files of the same name: {', '.join(twice[:5])}.",
            "Give each file its own name.",
        )
    return places


def named(files: Sequence[UploadedFile]) -> str:
    """Name an upload by its first files."""
    names = ", ".join(file.name for file in files[:3])
    return names if len(files) <= 3 else f"{names} and {len(files) - 3} more files"


def _labelled(archive: UploadedFile, folder: Path) -> Path:
    """Name the archive on disk as its sender named it, as far as that is harmless: messages show the name."""
    label = re.sub(r"[^A-Za-z0-9._-]", "_", archive.name).lstrip(".")[-80:]
    place = folder / (f"upload-{label}" if label == ".zip" else label)
    place.symlink_to(archive.path)
    return place
