"""Zip archives of caption sets, from strangers.

Nothing that an archive says about itself is believed: sizes are counted while reading, the two headers of each member
must agree, and a member's name is only ever a label, never a path on disk.
"""

import shutil
import stat
import struct
import unicodedata
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, Final

from spf_portrait.contract.errors import DataError
from spf_portrait.contract.portraits import IMAGE_SUFFIXES, MAX_FILE_BYTES

CAPTION_SUFFIXES: Final = frozenset({".txt", ".caption", ".csv", ".jsonl"})
MAX_MEMBERS: Final = 5_000
MAX_TOTAL_BYTES: Final = 2 * 2**30
MAX_RATIO: Final = 100

_MAX_DIRECTORY_BYTES: Final = 2 * 2**20
_RATIO_COUNTS_FROM_BYTES: Final = 2**20
_CHUNK_BYTES: Final = 2**16
_METHODS: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED_FLAGS: Final = 0x1 | 0x40 | 0x2000
_DATA_DESCRIPTOR_FLAG: Final = 0x8
_UTF8_FLAG: Final = 0x800
_END_RECORD: Final = struct.Struct("<4s4H2LH")
_LOCAL_HEADER: Final = struct.Struct("<4s5H3L2H")
_ARCHIVE_SIGNS: Final = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"Rar!",
    b"7z\xbc\xaf",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
)
_ARCHIVE_SUFFIXES: Final = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".jar"})
_UNIMPORTANT_NAMES: Final = frozenset({"thumbs.db", "desktop.ini"})
_WINDOWS_DEVICES: Final = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
)


def extract_images_and_captions(zip_path: Path, out_dir: Path) -> dict[str, Path]:
    """Unpack the pictures and caption files of an archive.

    Args:
        zip_path: The archive.
        out_dir: An existing folder of the caller, usually a temporary one.

    Returns:
        Name inside the archive → file in `out_dir`, whose own name is a number.

    Raises:
        DataError: The archive is damaged, hostile, holds something else or no picture at all. Then nothing of it is
            left in `out_dir`.
    """
    name = zip_path.name
    _check_end_record(zip_path)
    target = out_dir / "members"
    target.mkdir()
    try:
        with zipfile.ZipFile(zip_path) as archive, zip_path.open("rb") as raw:
            members = _checked_members(archive, raw, name)
            return _unpack(archive, members, target, name)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, UnicodeDecodeError, EOFError) as error:
        shutil.rmtree(target)
        raise _damaged(name, str(error)) from error
    except BaseException:
        shutil.rmtree(target)
        raise


def is_unimportant(name: str) -> bool:
    """Whether a file is a by-product of an operating system or a read-me, to be passed over in silence."""
    parts = PurePosixPath(name).parts
    last = parts[-1].lower() if parts else ""
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return hidden or last in _UNIMPORTANT_NAMES or last.endswith(".md")


def is_ordinary_name(member: str) -> bool:
    """Whether a zip may hold a file of this name: inside the folder, on every system, without invisible characters."""
    parts = member.rstrip("/").split("/")
    odd = any(unicodedata.category(c) in {"Cc", "Cf", "Cs"} for c in member) or any(c in member for c in "\\:")
    leaves = member.startswith("/") or any(part in {"", ".", ".."} for part in parts)
    device = any(part.split(".")[0].rstrip().lower() in _WINDOWS_DEVICES for part in parts)
    return not (odd or leaves or device) and 1 <= len(member) <= 200


def _check_end_record(zip_path: Path) -> None:
    """Read the counts at the very end first: listing a directory of millions of members is an attack by itself."""
    size = zip_path.stat().st_size
    with zip_path.open("rb") as raw:
        raw.seek(max(0, size - _END_RECORD.size - 2**16))
        tail = raw.read()
    position = tail.rfind(b"PK\x05\x06")
    if position < 0 or len(tail) - position < _END_RECORD.size:
        raise _damaged(zip_path.name, "it has no zip directory")
    fields = _END_RECORD.unpack_from(tail, position)
    members, directory_bytes, directory_offset, comment_bytes = fields[4], fields[5], fields[6], fields[7]
    if tail.count(b"PK\x05\x06") > 1 or position + _END_RECORD.size + comment_bytes != len(tail):
        raise _hostile("ambiguous_archive", zip_path.name, "several zip directories, or data after the last one")
    if members > MAX_MEMBERS or directory_bytes > _MAX_DIRECTORY_BYTES:
        raise _too_big(zip_path.name, f"{members} files or more")
    if directory_offset + directory_bytes != size - len(tail) + position:
        raise _hostile("ambiguous_archive", zip_path.name, "data between its parts that no directory describes")


def _checked_members(archive: zipfile.ZipFile, raw: IO[bytes], name: str) -> list[zipfile.ZipInfo]:
    infos = archive.infolist()
    seen: set[str] = set()
    for info in infos:
        _check_name(info.orig_filename, name)
        _check_kind(info, name)
        key = unicodedata.normalize("NFC", info.orig_filename).casefold()
        if key in seen:
            raise _hostile("duplicate_member", name, f"two files called {info.orig_filename!r}")
        seen.add(key)
    _check_places(archive, raw, infos, name)
    wanted = [info for info in infos if not info.is_dir() and not is_unimportant(info.filename)]
    for info in wanted:
        _check_suffix(info.filename, name)
    if not any(PurePosixPath(info.filename).suffix.lower() in IMAGE_SUFFIXES for info in wanted):
        raise DataError(
            "empty_archive",
            f"no portrait in {name}",
            "a zip with PNG, JPEG or WEBP pictures and their captions",
            "Put the pictures into the zip, each with a .txt of the same name or all with one metadata.csv",
        )
    return wanted


def _check_name(member: str, name: str) -> None:
    if not is_ordinary_name(member):
        raise _hostile("unsafe_member_name", name, f"a file called {member[:80]!r}")


def _check_kind(info: zipfile.ZipInfo, name: str) -> None:
    label = repr(info.orig_filename)
    if info.flag_bits & _ENCRYPTED_FLAGS:
        raise _hostile("encrypted_member", name, f"the encrypted file {label}")
    if info.compress_type not in _METHODS:
        raise _hostile("unknown_compression", name, f"{label}, packed by method {info.compress_type}")
    if stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise _hostile("special_member", name, f"{label}, which is a link or a device")


def _check_suffix(member: str, name: str) -> None:
    suffix = PurePosixPath(member).suffix.lower()
    if suffix in _ARCHIVE_SUFFIXES:
        raise _nested(member, name)
    if suffix not in IMAGE_SUFFIXES | CAPTION_SUFFIXES:
        raise DataError(
            "unexpected_member",
            f"{member} in {name}",
            f"files that end in {', '.join(sorted(IMAGE_SUFFIXES | CAPTION_SUFFIXES))}",
            "Take the file out of the zip, or convert the picture to PNG",
        )


def _check_places(archive: zipfile.ZipFile, raw: IO[bytes], infos: list[zipfile.ZipInfo], name: str) -> None:
    """Members lie one after another, none within another, and both headers of each say the same."""
    ordered = sorted(infos, key=lambda info: info.header_offset)
    limits = [*(info.header_offset for info in ordered), archive.start_dir][1:]
    for info, limit in zip(ordered, limits, strict=True):
        raw.seek(info.header_offset)
        header = raw.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size:
            raise _damaged(name, "a member lies outside the file")
        fields = _LOCAL_HEADER.unpack(header)
        name_bytes = raw.read(fields[9])
        if not _headers_agree(info, fields, name_bytes):
            raise _hostile("ambiguous_archive", name, f"two different headers for {info.orig_filename!r}")
        end = info.header_offset + _LOCAL_HEADER.size + fields[9] + fields[10] + info.compress_size
        if end > limit:
            raise _hostile("overlapping_members", name, f"{info.orig_filename!r} sharing its data with another file")


def _headers_agree(info: zipfile.ZipInfo, fields: tuple[int, ...], name_bytes: bytes) -> bool:
    flags, method, packed, unpacked = fields[2], fields[3], fields[7], fields[8]
    encoding = "utf-8" if flags & _UTF8_FLAG else "cp437"
    same_name = name_bytes.decode(encoding, "replace") == info.orig_filename
    # With a data descriptor the sizes follow the data; 0xFFFFFFFF says that they are in a zip64 extra field.
    told_later = bool(flags & _DATA_DESCRIPTOR_FLAG) or 0xFFFFFFFF in (packed, unpacked)
    same_sizes = told_later or (packed, unpacked) == (info.compress_size, info.file_size)
    return same_name and same_sizes and method == info.compress_type


def _unpack(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], target: Path, name: str) -> dict[str, Path]:
    files: dict[str, Path] = {}
    left = MAX_TOTAL_BYTES
    for index, info in enumerate(members):
        path = target / f"{index:05d}{PurePosixPath(info.filename).suffix.lower()}"
        left -= _copy_member(archive, info, path, left, name)
        files[unicodedata.normalize("NFC", info.filename)] = path
    return files


def _copy_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, left: int, name: str) -> int:
    """Write one member and count its bytes.

    Raises:
        DataError: It grows beyond what is allowed, or is an archive itself.
    """
    written = 0
    with archive.open(info) as source, path.open("xb") as sink:
        while chunk := source.read(_CHUNK_BYTES):
            if written == 0 and _is_archive(chunk):
                raise _nested(info.filename, name)
            written += len(chunk)
            if written > _RATIO_COUNTS_FROM_BYTES and written > MAX_RATIO * info.compress_size:
                raise _hostile("compression_bomb", name, f"{info.filename!r}, which unpacks to over {MAX_RATIO} times")
            if written > min(left, MAX_FILE_BYTES):
                raise _too_big(name, f"{info.filename!r} beyond the allowed size")
            sink.write(chunk)
    return written


def _is_archive(head: bytes) -> bool:
    return head.startswith(_ARCHIVE_SIGNS) or head[257:262] == b"ustar"


def _nested(member: str, name: str) -> DataError:
    return DataError(
        "nested_archive",
        f"the archive {member} inside {name}",
        "pictures and caption files",
        "Unpack it, and pack the pictures themselves",
    )


def _too_big(name: str, found: str) -> DataError:
    limits = f"{MAX_MEMBERS} files, {MAX_FILE_BYTES // 2**20} MiB a file and {MAX_TOTAL_BYTES // 2**30} GiB in all"
    return DataError("archive_too_big", f"{found} in {name}", limits, "Send fewer or smaller portraits")


def _damaged(name: str, why: str) -> DataError:
    return DataError(
        "broken_archive",
        f"{name}, not a complete zip archive ({why})",
        "a zip archive",
        "Pack the files again",
    )


def _hostile(code: str, name: str, found: str) -> DataError:
    return DataError(
        code,
        f"{found} in {name}",
        "a plain, unencrypted zip of pictures and captions with ordinary names",
        "Pack the files again with the zip tool of your system",
    )
