"""Reading an upload: one zip, or portraits with their captions. One bad file never spoils the rest."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backend.datasets.uploaded_files import UploadedFile, by_name, named
from backend.errors import Unprocessable
from backend.storage import sha256_of
from spf_portrait.contract.caption_files import FoundItem, read_items
from spf_portrait.contract.caption_set import MAX_ITEMS, MAX_NAME_CHARACTERS
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.portraits import open_portrait


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


@dataclass(frozen=True)
class ReadCaption:
    """A caption for a portrait that the caption set has already."""

    file_name: str
    base: list[str]
    target: str


@dataclass
class ReadUpload:
    """What an upload held: portraits, captions, and files that could not be kept (file_name, code, message, hint)."""

    portraits: list[ReadPortrait] = field(default_factory=list[ReadPortrait])
    captions: list[ReadCaption] = field(default_factory=list[ReadCaption])
    rejected: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def read_upload(
    files: Sequence[UploadedFile],
    folder: Path,
    target: str | None,
    *,
    present: Collection[str],
    crashed: Collection[str],
    opening: Callable[[str], None],
) -> ReadUpload:
    """Read an upload.

    Args:
        files: the files.
        folder: empty place for extracted and cleaned files; the caller removes it.
        target: target phrase for captions that mark none.
        present: names of portraits that the caption set has already; captions may be for them, too.
        crashed: portraits that cannot be decoded here and are not tried.
        opening: told the name of each portrait before it is decoded.

    Returns:
        At least one portrait or caption, and a named reason for everything that is not kept.

    Raises:
        Unprocessable: nothing can be used, there are too many portraits, or the files cannot be told apart.
        DataError: the zip or a caption table cannot be read.
    """
    upload = ReadUpload()
    new = _compared_with_set(by_name(files, folder), target, present, upload)
    refuse_too_many(len(present) + len(new))
    _read_portraits(new, folder, crashed, opening, upload)
    if not upload.portraits and not upload.captions:
        raise Unprocessable(
            "nothing_usable",
            f"Found no usable portrait in {named(files)}; nothing was stored.",
            "Send portraits as .png, .jpg or .webp with their captions in a .csv or .jsonl table or in same-named .txt "
            "files, or one .zip of these.",
            upload.rejected,
        )
    return upload


def refuse_too_many(portraits: int) -> None:
    """Refuse before anything is decoded what no training would take.

    Raises:
        Unprocessable: there are more portraits than a caption set may have.
    """
    if portraits > MAX_ITEMS:
        raise Unprocessable(
            "caption_set_size",
            f"Found {portraits} portraits; allowed are 1 to {MAX_ITEMS}.",
            "Choose fewer portraits.",
        )


def _compared_with_set(
    uploaded: Mapping[str, Path], target: str | None, present: Collection[str], upload: ReadUpload
) -> list[FoundItem]:
    """Return the portraits that are new; note captions for the others, and pictures that are there twice."""
    twice = {unicodedata.normalize("NFC", name) for name in uploaded}.intersection(present)
    # What the set has takes part in the pairing by its name alone: no picture is opened there.
    found = read_items({**{name: Path(name) for name in present}, **uploaded}, target=target)
    for item in found:
        if item.file_name in twice:
            upload.rejected.append({"file_name": item.file_name, **describe(_there_already(item.file_name))})
        elif item.file_name in present:
            _read_caption(item, upload)
    return [item for item in found if item.file_name not in present]


def _read_caption(item: FoundItem, upload: ReadUpload) -> None:
    """Note the caption that an upload has for a portrait of the set, or what is wrong about it."""
    errors = [error for error in item.errors if error.code != "missing_caption"]
    if errors:
        upload.rejected.append({"file_name": item.file_name, **describe(errors[0])})
    elif item.caption is not None:
        upload.captions.append(ReadCaption(item.file_name, list(item.caption.base), item.caption.target))


def _read_portraits(
    items: Sequence[FoundItem],
    folder: Path,
    crashed: Collection[str],
    opening: Callable[[str], None],
    upload: ReadUpload,
) -> None:
    """Decode portraits one by one; what cannot be decoded is noted with its reason."""
    clean = folder / "clean"
    clean.mkdir()
    for number, item in enumerate(items):
        try:
            if item.file_name in crashed:
                raise _too_much(item.file_name)
            if len(item.file_name) > MAX_NAME_CHARACTERS:
                raise _long_name(item.file_name)
            opening(item.file_name)
            upload.portraits.append(_read_portrait(item, clean / f"{number:04d}.png"))
        except DataError as error:
            upload.rejected.append({"file_name": item.file_name, **describe(error)})


def _long_name(name: str) -> DataError:
    return DataError(
        "name_too_long",
        f"a name of {len(name)} characters, {name[:40]}…",
        f"names of at most {MAX_NAME_CHARACTERS} characters",
        "Rename the picture",
    )


def _there_already(name: str) -> DataError:
    return DataError(
        "already_in_set",
        f"a second picture called {name}",
        "names that the caption set does not have yet",
        "Rename the picture, or delete the portrait of that name first",
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
