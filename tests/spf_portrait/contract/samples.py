"""Small pictures and archives for the tests of the contract."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from PIL import Image


def picture(image_format: str = "PNG", size: tuple[int, int] = (24, 16), mode: str = "RGB") -> bytes:
    """Encode one plain picture."""
    buffer = io.BytesIO()
    Image.new(mode, size, "orange" if mode == "RGB" else None).save(buffer, image_format)
    return buffer.getvalue()


def zip_of(path: Path, members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write an ordinary archive."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def write_files(folder: Path, files: Mapping[str, bytes | str]) -> Path:
    """Write files, with their folders."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder
