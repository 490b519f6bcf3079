"""Opening pictures that strangers send."""

import io
import struct
import warnings
import zlib
from pathlib import Path, PurePosixPath
from typing import Final

from PIL import Image, ImageCms, ImageOps

from spf_portrait.contract.errors import DataError

SUFFIXES_OF_FORMAT: Final = {"PNG": (".png",), "JPEG": (".jpg", ".jpeg"), "WEBP": (".webp",)}
IMAGE_SUFFIXES: Final = frozenset(suffix for suffixes in SUFFIXES_OF_FORMAT.values() for suffix in suffixes)
MAX_PIXELS: Final = 40_000_000
MAX_SIDE_PX: Final = 12_000
MAX_FILE_BYTES: Final = 50 * 2**20

_ALLOWED: Final = "PNG, JPEG and WEBP pictures"
_DECODER_ERRORS: Final = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)
_BACKGROUND: Final = (255, 255, 255)


def open_portrait(source: Path | bytes, name: str) -> Image.Image:
    """Decode one still picture completely.

    The result is a fresh RGB canvas: upright, in sRGB, transparency laid on white, and without the metadata (place,
    camera, comments) of its source.

    Args:
        source: The file or its content.
        name: What the user calls it, for messages; its suffix must agree with the content.

    Raises:
        DataError: Not a PNG, JPEG or WEBP, damaged, animated, too large, or named as another format.
    """
    content = _content_of(source, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # judged by the stricter bound below
            with Image.open(io.BytesIO(content), formats=list(SUFFIXES_OF_FORMAT)) as image:
                _check_header(image, name)
                image.load()
                return _clean(image)
    except Image.UnidentifiedImageError as error:
        raise DataError(
            "unsupported_format",
            f"{name}, {_sniffed(content)}",
            _ALLOWED,
            "Save the picture as PNG and send it again",
        ) from error
    except Image.DecompressionBombError as error:
        raise _too_large(name, "far too many pixels") from error
    except _DECODER_ERRORS as error:
        raise DataError(
            "broken_image",
            f"{name}, a damaged or incomplete picture ({error})",
            f"{_ALLOWED} that can be decoded to the end",
            "Export the picture again from its source",
        ) from error


def square(image: Image.Image, size_px: int) -> Image.Image:
    """Cut the middle square out of a picture and scale it to `size_px` a side."""
    return ImageOps.fit(image, (size_px, size_px), method=Image.Resampling.LANCZOS)


def _content_of(source: Path | bytes, name: str) -> bytes:
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size > MAX_FILE_BYTES:
        raise _too_large(name, f"{size / 2**20:.0f} MiB")
    return source if isinstance(source, bytes) else source.read_bytes()


def _check_header(image: Image.Image, name: str) -> None:
    """Refuse by what the header says, before any pixel is decoded."""
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE_PX:
        raise _too_large(name, f"{width} x {height} pixels")
    # A JPEG with several frames is a phone's picture with its depth or brightness map; the first frame is the photo.
    if image.format in {"PNG", "WEBP"} and getattr(image, "n_frames", 1) > 1:
        raise DataError("animated_image", f"{name}, an animation", "still pictures", "Save one frame of it as PNG")
    _check_suffix(image.format, name)


def _check_suffix(found_format: str | None, name: str) -> None:
    real = "JPEG" if found_format in {None, "MPO"} else str(found_format)
    suffix = PurePosixPath(name).suffix.lower()
    if suffix and suffix not in SUFFIXES_OF_FORMAT[real]:
        right = SUFFIXES_OF_FORMAT[real][0]
        raise DataError(
            "wrong_suffix",
            f"{name}, which is a {real} inside",
            f"a name that ends in {' or '.join(SUFFIXES_OF_FORMAT[real])}",
            f"Rename it to {PurePosixPath(name).stem}{right}",
        )


def _clean(image: Image.Image) -> Image.Image:
    pixels = _rgb(ImageOps.exif_transpose(_in_srgb(image)))
    canvas = Image.new("RGB", pixels.size)
    canvas.paste(pixels)
    return canvas


def _in_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes) or image.mode not in {"RGB", "CMYK", "L"}:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.ImageCmsProfile(
            ImageCms.createProfile("sRGB")  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        )
        converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return image  # a damaged colour profile is no reason to refuse the picture
    if converted is None:
        return image
    converted.info = dict(image.info)
    return converted


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a sample: Pillow would clip instead of scaling
        return image.convert("I").point(lambda value: value * (1 / 257)).convert("L").convert("RGB")
    if image.has_transparency_data:
        canvas = Image.new("RGBA", image.size, (*_BACKGROUND, 255))
        return Image.alpha_composite(canvas, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _too_large(name: str, found: str) -> DataError:
    return DataError(
        "image_too_large",
        f"{name} with {found}",
        f"at most {MAX_PIXELS // 10**6} megapixels, {MAX_SIDE_PX} pixels a side and {MAX_FILE_BYTES // 2**20} MiB",
        "Scale the picture down and send it again",
    )


def _sniffed(content: bytes) -> str:
    """What the content seems to be, for people who trust the suffix."""
    head = content[:512].lstrip().lower()
    signs = (
        (b"gif8", "a GIF inside"),
        (b"<svg", "an SVG inside"),
        (b"<?xml", "an SVG or XML text inside"),
        (b"<!doctype html", "a web page inside"),
        (b"%pdf", "a PDF inside"),
        (b"bm", "a BMP inside"),
        (b"ii*\x00", "a TIFF inside"),
        (b"mm\x00*", "a TIFF inside"),
    )
    if not content:
        return "an empty file"
    if head[4:8] == b"ftyp":
        return "a HEIC, AVIF or video inside"
    return next((what for sign, what in signs if head.startswith(sign)), "which no decoder recognises")
