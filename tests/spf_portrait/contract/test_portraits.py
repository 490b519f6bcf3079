"""Pictures from strangers: what comes out is plain, what is dangerous stays out."""

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from spf_portrait.contract.errors import DataError
from spf_portrait.contract.portraits import open_portrait, square
from tests.spf_portrait.contract.samples import picture


def refused(content: bytes, name: str) -> DataError:
    with pytest.raises(DataError) as refusal:
        open_portrait(content, name)
    assert name in refusal.value.found
    return refusal.value


@pytest.mark.parametrize(("image_format", "name"), [("PNG", "a.png"), ("JPEG", "a.JPG"), ("WEBP", "a.webp")])
def test_opens_the_three_formats(image_format: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(picture(image_format))
    for source in (path, path.read_bytes()):
        image = open_portrait(source, name)
        assert (image.mode, image.size) == ("RGB", (24, 16))
        assert image.getpixel((5, 5)) == pytest.approx((255, 165, 0), abs=4)


def test_lays_transparency_on_white() -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(buffer, "PNG")
    assert open_portrait(buffer.getvalue(), "a.png").getpixel((0, 0)) == (255, 255, 255)


def test_scales_sixteen_bits_instead_of_clipping() -> None:
    buffer = io.BytesIO()
    Image.new("I;16", (4, 4), 0x8080).save(buffer, "PNG")
    assert open_portrait(buffer.getvalue(), "a.png").getpixel((0, 0)) == (128, 128, 128)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_converts_every_usual_mode(mode: str) -> None:
    buffer = io.BytesIO()
    Image.new(mode, (6, 3)).save(buffer, "JPEG" if mode == "CMYK" else "PNG")
    image = open_portrait(buffer.getvalue(), "a.jpg" if mode == "CMYK" else "a.png")
    assert (image.mode, image.size) == ("RGB", (6, 3))


def test_turns_upright_and_forgets_where_it_was_taken() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera turned
    exif[0x010E] = "home address"
    buffer = io.BytesIO()
    Image.new("RGB", (20, 10)).save(buffer, "JPEG", exif=exif, comment=b"home address")
    assert b"home address" in buffer.getvalue()
    image = open_portrait(buffer.getvalue(), "a.jpg")
    assert image.size == (10, 20)
    assert image.info == {}
    written = io.BytesIO()
    image.save(written, "PNG")
    assert b"home address" not in written.getvalue()


def test_converts_from_its_colour_profile() -> None:
    profile = ImageCms.ImageCmsProfile(
        ImageCms.createProfile("sRGB")  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    ).tobytes()
    text = PngImagePlugin.PngInfo()
    text.add_text("author", "somebody")
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (10, 200, 30)).save(buffer, "PNG", icc_profile=profile, pnginfo=text)
    image = open_portrait(buffer.getvalue(), "a.png")
    assert image.getpixel((0, 0)) == pytest.approx((10, 200, 30), abs=2)
    assert image.info == {}


def test_ignores_a_damaged_colour_profile() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (10, 200, 30)).save(buffer, "PNG", icc_profile=b"nonsense" * 20)
    assert open_portrait(buffer.getvalue(), "a.png").getpixel((0, 0)) == (10, 200, 30)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
def test_refuses_truncated_pictures_wherever_they_end(image_format: str) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 90).convert("RGB").save(buffer, image_format)
    content = buffer.getvalue()
    suffix = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}[image_format]
    for part in range(16):
        error = refused(content[: len(content) * part // 16], f"cut.{suffix}")
        assert error.code in {"broken_image", "unsupported_format"}


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b'<?xml version="1.0"?><svg/>', "SVG"),
        (b"<!DOCTYPE html><script>1</script>", "web page"),
        (b"%PDF-1.7", "PDF"),
        (b"\x00\x00\x00\x18ftypheic", "HEIC"),
        (b"hello", "no decoder"),
        (b"", "empty"),
        (picture("GIF", mode="L"), "GIF"),
        (picture("BMP"), "BMP"),
        (picture("TIFF"), "TIFF"),
    ],
)
def test_refuses_other_formats_by_content(content: bytes, seen: str) -> None:
    error = refused(content, "portrait.png")
    assert error.code == "unsupported_format"
    assert seen in error.found


def test_refuses_a_name_that_lies() -> None:
    error = refused(picture("JPEG"), "portrait.png")
    assert error.code == "wrong_suffix"
    assert "portrait.jpg" in error.hint


@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
def test_refuses_animations(image_format: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, image_format, save_all=True, append_images=frames[1:], lossless=True)
    assert refused(buffer.getvalue(), f"a.{image_format.lower()}").code == "animated_image"


def png_claiming(width: int, height: int) -> bytes:
    """A tiny PNG whose header claims to be large."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\x00" * 64)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("size", [(100_000, 100_000), (12_001, 8), (7_000, 7_000), (10_000, 10_000)])
def test_refuses_huge_headers_before_decoding(size: tuple[int, int]) -> None:
    assert refused(png_claiming(*size), "bomb.png").code == "image_too_large"


def test_refuses_huge_files_unread() -> None:
    assert refused(bytes(50 * 2**20 + 1), "big.png").code == "image_too_large"


@pytest.mark.parametrize("size", [(30, 10), (10, 30), (64, 64), (7, 5)])
def test_squares_around_the_middle(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, "black")
    image.paste("white", (size[0] // 2 - 1, size[1] // 2 - 1, size[0] // 2 + 2, size[1] // 2 + 2))
    result = square(image, 32)
    assert result.size == (32, 32)
    assert result.getpixel((16, 16)) > result.getpixel((1, 1))  # pyright: ignore[reportOptionalOperand, reportOperatorIssue]
