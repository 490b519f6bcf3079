"""Archives that attack, and ordinary ones that must pass."""

import io
import struct
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spf_portrait.contract import archive
from spf_portrait.contract.archive import extract_images_and_captions
from spf_portrait.contract.errors import DataError
from tests.spf_portrait.contract.samples import picture, zip_of

PNG = picture()
CAPTION = b"a man, [sunglasses]"


@pytest.fixture
def out_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def refused(path: Path, out_dir: Path) -> DataError:
    """Expect a refusal that names the archive and leaves nothing behind."""
    with pytest.raises(DataError) as refusal:
        extract_images_and_captions(path, out_dir)
    assert path.name in refusal.value.found
    assert list(out_dir.iterdir()) == []
    return refusal.value


def test_unpacks_pictures_and_captions(tmp_path: Path, out_dir: Path) -> None:
    members = {
        "set/a.png": PNG,
        "set/a.txt": CAPTION,
        "set/b.JPG": picture("JPEG"),
        "metadata.jsonl": b"{}\n",
        "README.md": b"read me",
        ".DS_Store": b"x",
        "__MACOSX/set/._a.png": b"x",
        "set/Thumbs.db": b"x",
    }
    files = extract_images_and_captions(zip_of(tmp_path / "a.zip", members), out_dir)
    assert set(files) == {"set/a.png", "set/a.txt", "set/b.JPG", "metadata.jsonl"}
    assert files["set/a.png"].read_bytes() == PNG
    assert all(path.is_relative_to(out_dir) and path.stem.isdecimal() for path in files.values())


def test_accepts_folders_and_streamed_archives(tmp_path: Path, out_dir: Path) -> None:
    """Archives that were written to a pipe give sizes after the data only."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, offset: int, whence: int = 0) -> int:
            raise io.UnsupportedOperation

        def tell(self) -> int:
            raise io.UnsupportedOperation

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as streamed:
        streamed.mkdir("set")
        streamed.writestr("set/a.png", PNG)
    path = tmp_path / "a.zip"
    path.write_bytes(pipe.getvalue())
    assert list(extract_images_and_captions(path, out_dir)) == ["set/a.png"]


def test_accepts_a_comment_and_composed_names(tmp_path: Path, out_dir: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive_file:
        archive_file.writestr("e\u0301.png", PNG)
        archive_file.comment = b"holiday pictures"
    assert list(extract_images_and_captions(path, out_dir)) == ["\u00e9.png"]


@pytest.mark.parametrize(
    "members", [{}, {"a.txt": CAPTION}, {"README.md": b"x"}, {"__MACOSX/a.png": PNG}], ids=["none", "text", "md", "mac"]
)
def test_refuses_archives_without_portraits(members: dict[str, bytes], tmp_path: Path, out_dir: Path) -> None:
    assert refused(zip_of(tmp_path / "a.zip", members), out_dir).code == "empty_archive"


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all" * 9, PNG])
def test_refuses_what_is_no_archive(content: bytes, tmp_path: Path, out_dir: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    assert refused(path, out_dir).code == "broken_archive"


def test_refuses_cut_off_archives(tmp_path: Path, out_dir: Path) -> None:
    whole = zip_of(tmp_path / "whole.zip", {"a.png": PNG, "b.png": PNG}).read_bytes()
    for part in range(16):
        path = tmp_path / "cut.zip"
        path.write_bytes(whole[: len(whole) * part // 16])
        assert refused(path, out_dir).code == "broken_archive"


@pytest.mark.parametrize(
    "name",
    [
        "../a.png",
        "x/../../a.png",
        "/etc/a.png",
        "x//a.png",
        "./a.png",
        "C:a.png",
        "..\\a.png",
        "a\u202egnp.png",
        "a\x07.png",
        "CON.png",
        "x/lpt1.png",
        "n" * 197 + ".png",
    ],
)
def test_refuses_names_that_lead_elsewhere(name: str, tmp_path: Path, out_dir: Path) -> None:
    assert refused(zip_of(tmp_path / "a.zip", {name: PNG}), out_dir).code == "unsafe_member_name"


def test_refuses_a_hidden_zero_in_a_name(tmp_path: Path, out_dir: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"a.pngX.sh.png": PNG})
    path.write_bytes(path.read_bytes().replace(b"a.pngX.sh.png", b"a.png\x00.sh.png"))
    assert refused(path, out_dir).code == "unsafe_member_name"


@pytest.mark.parametrize("mode", [0o120777, 0o020666, 0o060666, 0o010666, 0o140777])
def test_refuses_links_and_devices(mode: int, tmp_path: Path, out_dir: Path) -> None:
    info = zipfile.ZipInfo("a.png")
    info.external_attr = mode << 16
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive_file:
        archive_file.writestr(info, b"/etc/passwd")
    assert refused(path, out_dir).code == "special_member"


@pytest.mark.parametrize("names", [("a.png", "a.png"), ("A.png", "a.PNG"), ("\u00e9.png", "e\u0301.png")])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_refuses_names_that_collide(names: tuple[str, str], tmp_path: Path, out_dir: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive_file:
        for name in names:
            archive_file.writestr(name, PNG)
    assert refused(path, out_dir).code == "duplicate_member"


def changed(path: Path, change: Callable[[bytearray], None]) -> Path:
    """Alter the bytes of an archive."""
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)
    return path


def directory_at(content: bytes | bytearray) -> int:
    return content.index(b"PK\x01\x02")


def test_refuses_encrypted_members(tmp_path: Path, out_dir: Path) -> None:
    def encrypt(content: bytearray) -> None:
        content[6] |= 1
        content[directory_at(content) + 8] |= 1

    assert refused(changed(zip_of(tmp_path / "a.zip", {"a.png": PNG}), encrypt), out_dir).code == "encrypted_member"


def test_refuses_other_compression(tmp_path: Path, out_dir: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"a.png": PNG}, zipfile.ZIP_LZMA)
    assert refused(path, out_dir).code == "unknown_compression"


def test_refuses_headers_that_disagree(tmp_path: Path, out_dir: Path) -> None:
    def rename(content: bytearray) -> None:
        content[30:35] = b"b.png"

    assert refused(changed(zip_of(tmp_path / "a.zip", {"a.png": PNG}), rename), out_dir).code == "ambiguous_archive"


@pytest.mark.parametrize("side", ["front", "back", "second_directory"])
def test_refuses_data_that_no_directory_describes(side: str, tmp_path: Path, out_dir: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"a.png": PNG})
    content = path.read_bytes()
    path.write_bytes(
        {"front": b"#!/bin/sh\n" + content, "back": content + b"more", "second_directory": content + content}[side]
    )
    assert refused(path, out_dir).code == "ambiguous_archive"


def overlapping(path: Path, count: int) -> Path:
    """Many directory entries for one and the same member, as in a bomb without recursion."""
    content = zip_of(path, {"a.png": PNG}).read_bytes()
    start = directory_at(content)
    entry = content[start : content.index(b"PK\x05\x06")]
    entries = b"".join(entry.replace(b"a.png", b"%c.png" % (ord("a") + index)) for index in range(count))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(entries), start, 0)
    path.write_bytes(content[:start] + entries + end)
    return path


def test_refuses_members_at_one_place(tmp_path: Path, out_dir: Path) -> None:
    error = refused(overlapping(tmp_path / "a.zip", 5), out_dir)
    assert error.code in {"overlapping_members", "ambiguous_archive"}


def test_refuses_a_member_within_another(tmp_path: Path, out_dir: Path) -> None:
    """The first member is stored and its data hold the second one with its header."""
    inner = zip_of(tmp_path / "inner.zip", {"b.png": PNG}).read_bytes()
    inner_member = inner[: directory_at(inner)]
    outer = zip_of(tmp_path / "a.zip", {"a.png": inner_member}, zipfile.ZIP_STORED).read_bytes()
    start = directory_at(outer)
    first = outer[start : outer.index(b"PK\x05\x06")]
    second = bytearray(inner[directory_at(inner) : inner.index(b"PK\x05\x06")])
    second[42:46] = struct.pack("<L", outer.index(inner_member))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, len(first) + len(second), start, 0)
    path = tmp_path / "a.zip"
    path.write_bytes(outer[:start] + first + bytes(second) + end)
    assert refused(path, out_dir).code == "overlapping_members"


def test_refuses_compression_bombs(tmp_path: Path, out_dir: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"ok.png": PNG, "bomb.png": bytes(20 * 2**20)})
    assert refused(path, out_dir).code == "compression_bomb"


def test_refuses_a_bomb_that_lies_about_its_size(tmp_path: Path, out_dir: Path) -> None:
    def shrink(content: bytearray) -> None:
        struct.pack_into("<L", content, 22, 100)
        struct.pack_into("<L", content, directory_at(content) + 24, 100)

    path = changed(zip_of(tmp_path / "a.zip", {"bomb.png": bytes(20 * 2**20)}), shrink)
    assert refused(path, out_dir).code == "broken_archive"


@pytest.mark.parametrize("limit", ["MAX_FILE_BYTES", "MAX_TOTAL_BYTES"])
def test_counts_bytes_while_unpacking(
    limit: str, tmp_path: Path, out_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, limit, len(PNG) + 10)
    path = zip_of(tmp_path / "a.zip", {"a.png": PNG, "b.png": PNG + bytes(20)})
    assert refused(path, out_dir).code == "archive_too_big"


def test_refuses_thousands_of_members_before_listing_them(tmp_path: Path, out_dir: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {f"{number}.png": b"" for number in range(5_001)})
    assert refused(path, out_dir).code == "archive_too_big"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("inner.zip", b"whatever"),
        ("inner.tar.gz", b"whatever"),
        ("inner.png", b"PK\x03\x04" + bytes(40)),
        ("inner.txt", b"\x1f\x8b" + bytes(40)),
        ("inner.jpg", bytes(257) + b"ustar" + bytes(40)),
    ],
)
def test_refuses_archives_in_archives(name: str, content: bytes, tmp_path: Path, out_dir: Path) -> None:
    error = refused(zip_of(tmp_path / "a.zip", {"a.png": PNG, name: content}), out_dir)
    assert error.code == "nested_archive"
    assert name in error.found


@pytest.mark.parametrize("name", ["model.ckpt", "model.pt", "run.sh", "a.svg", "a.gif", "page.html", "noending"])
def test_refuses_files_that_do_not_belong(name: str, tmp_path: Path, out_dir: Path) -> None:
    error = refused(zip_of(tmp_path / "a.zip", {"a.png": PNG, name: b"x"}), out_dir)
    assert error.code == "unexpected_member"
    assert name in error.found


def test_refuses_damaged_content(tmp_path: Path, out_dir: Path) -> None:
    def spoil(content: bytearray) -> None:
        content[40] ^= 0xFF

    assert refused(changed(zip_of(tmp_path / "a.zip", {"a.png": PNG}), spoil), out_dir).code == "broken_archive"


@given(flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=4))
def test_any_damage_is_refused_or_harmless(flips: list[tuple[float, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = zip_of(Path(folder) / "a.zip", {"a.png": PNG, "a.txt": CAPTION})
        content = bytearray(path.read_bytes())
        for place, bits in flips:
            content[int(place * len(content))] ^= bits
        path.write_bytes(content)
        out_dir = Path(folder) / "out"
        out_dir.mkdir()
        try:
            files = extract_images_and_captions(path, out_dir)
        except DataError:
            assert list(out_dir.iterdir()) == []
            return
        assert all(file.is_relative_to(out_dir) for file in files.values())
