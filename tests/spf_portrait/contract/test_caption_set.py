"""Every form in which a caption set may come, and everything that may be wrong with it."""

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from spf_portrait.contract.caption_files import read_items
from spf_portrait.contract.caption_set import (
    CaptionItem,
    CaptionSet,
    LoadedCaptionSet,
    load_caption_set,
    write_imagefolder,
)
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.phrases import Caption
from spf_portrait.contract.portraits import open_portrait
from tests.spf_portrait.contract.samples import picture, write_files, zip_of

PNG = picture()
BASE = ("a man", "a red hat")
TEXT = "a man with a red hat, [sunglasses]"


def json_lines(*rows: dict[str, object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


FORMATS: dict[str, dict[str, bytes | str]] = {
    "imagefolder_jsonl_text": {
        "a.png": PNG,
        "b.png": PNG,
        "metadata.jsonl": json_lines({"file_name": "a.png", "text": TEXT}, {"file_name": "b.png", "text": TEXT}),
    },
    "imagefolder_jsonl_phrases": {
        "a.png": PNG,
        "b.png": PNG,
        "metadata.jsonl": json_lines(
            {"file_name": "a.png", "base": list(BASE), "target": "sunglasses", "age": 40},
            {"file_name": "b.png", "base": "a man; a red hat", "target": "sunglasses"},
        ),
    },
    "imagefolder_csv_in_a_split": {
        "train/a.png": PNG,
        "train/b.png": PNG,
        "train/metadata.csv": f'file_name,text\na.png,"{TEXT}"\nb.png,"{TEXT}"\n',
    },
    "csv_with_phrases": {
        "images/a.png": PNG,
        "images/b.png": PNG,
        "captions.csv": "image,base,target\n"
        "images/a.png,a man; a red hat,sunglasses\n"
        "images/b.png,a man;a red hat,sunglasses\n",
    },
    "csv_of_a_spreadsheet": {
        "a.png": PNG,
        "b.png": PNG,
        "captions.csv": f"\ufefffile_name;text\r\na.png;{TEXT}\r\nb.png;{TEXT}\r\n",
    },
    "csv_whose_folders_were_lost": {
        "a.png": PNG,
        "b.png": PNG,
        "captions.csv": f'file_name,caption\nimages/a.png,"{TEXT}"\nimages/b.png,"{TEXT}"\n',
    },
    "kohya_folder": {
        "3_man/a.png": PNG,
        "3_man/a.txt": TEXT,
        "3_man/b.png": PNG,
        "3_man/b.caption": f"\ufeff{TEXT}\r\n",
        "notes.md": "nothing",
    },
    "table_and_text_files_mixed": {
        "a.png": PNG,
        "b.png": PNG,
        "b.txt": TEXT,
        "metadata.jsonl": json_lines({"file_name": "a.png", "text": TEXT}),
    },
}


def check(loaded: LoadedCaptionSet) -> None:
    assert loaded.target == "sunglasses"
    assert [Path(item.file_name).stem for item in loaded.items] == ["a", "b"]
    assert all(item.caption == Caption(base=BASE, target="sunglasses") for item in loaded.items)
    for item, image in zip(loaded.items, loaded.images, strict=True):
        assert image.is_absolute()
        assert open_portrait(image, item.file_name).size == (24, 16)


@pytest.mark.parametrize("form", FORMATS)
def test_reads_folders(form: str, tmp_path: Path) -> None:
    check(load_caption_set(write_files(tmp_path, FORMATS[form])))


@pytest.mark.parametrize("form", FORMATS)
def test_reads_zips(form: str, tmp_path: Path) -> None:
    members = {name: text.encode() if isinstance(text, str) else text for name, text in FORMATS[form].items()}
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    check(load_caption_set(zip_of(tmp_path / "set.zip", members), unpack_into=unpacked))


@pytest.mark.parametrize("table", ["captions.csv", "metadata.jsonl"])
def test_reads_a_table_beside_its_pictures(table: str, tmp_path: Path) -> None:
    form = FORMATS["csv_of_a_spreadsheet" if table.endswith("csv") else "imagefolder_jsonl_text"]
    write_files(tmp_path, {**form, "other.csv": "unrelated"} if table.endswith("csv") else form)
    check(load_caption_set(tmp_path / table))


def test_takes_the_target_of_the_caller_for_plain_captions(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.png": PNG, "a.txt": "a man, sunglasses, a red hat"})
    assert load_caption_set(tmp_path, target="sunglasses").items[0].caption == Caption(base=BASE, target="sunglasses")


def failing(files: dict[str, bytes | str], folder: Path) -> DataError:
    with pytest.raises(DataError) as refusal:
        load_caption_set(write_files(folder, files))
    return refusal.value


@pytest.mark.parametrize(
    ("files", "code", "named"),
    [
        ({}, "not_a_caption_set", "no portrait"),
        ({"a.txt": TEXT}, "not_a_caption_set", "no portrait"),
        ({"a.png": PNG}, "missing_caption", "a.png"),
        ({"a.gif": b"GIF8"}, "missing_caption", "a.gif"),
        ({"a.png": PNG, "a.txt": "a man, sunglasses"}, "no_target", "a.txt"),
        ({"a.png": PNG, "a.txt": "[sunglasses]"}, "empty_base", "a.txt"),
        ({"a.png": PNG, "a.txt": b"\xff\xfe\x00"}, "unreadable_captions", "a.txt"),
        ({"a.png": PNG, "a.txt": ""}, "no_target", "a.png"),
        ({"a.png": PNG, "metadata.jsonl": "{"}, "unreadable_captions", "metadata.jsonl line 1"),
        ({"a.png": PNG, "metadata.jsonl": "\n[1]"}, "unreadable_captions", "metadata.jsonl line 2"),
        ({"a.png": PNG, "metadata.jsonl": '{"file_name": NaN}'}, "unreadable_captions", "line 1"),
        ({"a.png": PNG, "metadata.jsonl": "[" * 60_000}, "unreadable_captions", "line 1"),
        ({"a.png": PNG, "metadata.jsonl": " " * 70_000}, "unreadable_captions", "metadata.jsonl"),
        ({"a.png": PNG, "metadata.jsonl": "{}\n" * 10_001}, "unreadable_captions", "10001 lines"),
        ({"a.png": PNG, "metadata.jsonl": '{"text": "x"}'}, "missing_column", "file_name"),
        ({"a.png": PNG, "metadata.csv": "name,text\na.png,x\n"}, "missing_column", "name, text"),
        ({"a.png": PNG, "metadata.csv": 'file_name,text\na.png,"x\n'}, "unreadable_captions", "metadata.csv"),
        ({"a.png": PNG, "metadata.csv": f'file_name,text\nb.png,"{TEXT}"\n'}, "missing_caption", "a.png"),
        (
            {"a.png": PNG, "metadata.csv": f'file_name,text\na.png,"{TEXT}"\na.png,"{TEXT}"\n'},
            "two_captions",
            "metadata.csv line 3",
        ),
        ({"a.png": PNG, "metadata.csv": "file_name,base,target\na.png,a man,\n"}, "no_target", "line 2"),
        ({"a.png": PNG, "metadata.csv": "file_name,base,target\na.png,,hat\n"}, "no_target", "line 2"),
        (
            {"a.png": PNG, "a.txt": "a man, [hat]", "b.png": PNG, "b.txt": "a man, [scarf]"},
            "several_targets",
            "hat, scarf",
        ),
    ],
)
def test_refuses_and_names_the_file(files: dict[str, bytes | str], code: str, named: str, tmp_path: Path) -> None:
    error = failing(files, tmp_path)
    assert error.code == code
    assert named in error.found


def test_counts_further_problems(tmp_path: Path) -> None:
    error = failing({f"{number}.png": PNG for number in range(3)}, tmp_path)
    assert "2 more files" in error.found


def test_reports_each_portrait_by_itself(tmp_path: Path) -> None:
    folder = write_files(
        tmp_path,
        {
            "a.png": PNG,
            "b.png": PNG,
            "c.png": PNG,
            "metadata.jsonl": json_lines(
                {"file_name": "a.png", "text": TEXT},
                {"file_name": "b.png", "text": "a man"},
                {"file_name": "gone.png", "text": TEXT},
            ),
        },
    )
    items = read_items({path.name: path for path in folder.iterdir()})
    assert [(item.file_name, item.caption is not None) for item in items] == [
        ("a.png", True),
        ("b.png", False),
        ("c.png", False),
        ("gone.png", False),
    ]
    assert [[error.code for error in item.errors] for item in items] == [
        [],
        ["no_target"],
        ["missing_caption"],
        ["missing_image"],
    ]
    assert items[-1].path is None


@pytest.mark.parametrize(
    ("files", "phrases"),
    [
        ({"a.txt": "a man in a red hat, sunglasses"}, ("a man", "a red hat", "sunglasses")),
        ({"a.txt": "a [man], [sunglasses]"}, ("a", "man", "sunglasses")),
        ({"a.txt": "a man; a red hat, [sunglasses"}, ("a man", "a red hat", "sunglasses")),
        ({"a.txt": f"a man, {'very ' * 20}tall, a man"}, ("a man",)),
        ({"a.txt": ", ".join(f"phrase {n}" for n in range(20))}, tuple(f"phrase {n}" for n in range(12))),
        ({"a.txt": b"\xff"}, ()),
        ({}, ()),
        ({"metadata.csv": 'file_name,text\na.png,"a man, a red hat"\n'}, BASE),
        ({"metadata.csv": "file_name,base,target\na.png,a man; a red hat,\n"}, BASE),
        ({"metadata.jsonl": json_lines({"file_name": "a.png", "base": ["hair in a bun"]})}, ("hair in a bun",)),
        (
            {"metadata.jsonl": json_lines({"file_name": "a.png", "base": ["a man", "hat"], "target": "Hat"})},
            ("a man", "hat", "Hat"),
        ),
    ],
)
def test_keeps_what_is_written_where_it_is_no_caption_yet(
    files: dict[str, bytes | str], phrases: tuple[str, ...], tmp_path: Path
) -> None:
    folder = write_files(tmp_path, {"a.png": PNG, **files})
    (item,) = read_items({path.name: path for path in folder.iterdir()})
    assert item.caption is None
    assert item.errors
    assert item.phrases == phrases


def test_a_table_cannot_reach_other_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(PNG)
    folder = write_files(
        tmp_path / "set",
        {
            "a.png": PNG,
            "metadata.jsonl": json_lines(
                {"file_name": "a.png", "text": TEXT},
                {"file_name": "../secret.png", "text": TEXT},
                {"file_name": str(secret), "text": TEXT},
            ),
        },
    )
    with pytest.raises(DataError) as refusal:
        load_caption_set(folder)
    assert refusal.value.code == "missing_image"


@pytest.mark.parametrize("name", ["nothing", "set.tar", "model.ckpt"])
def test_refuses_other_paths(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name != "nothing":
        path.write_bytes(b"x")
    with pytest.raises(DataError) as refusal:
        load_caption_set(path)
    assert refusal.value.code == "not_a_caption_set"
    assert name in refusal.value.found


def test_refuses_sets_that_are_too_large() -> None:
    caption = Caption(base=BASE, target="sunglasses")
    with pytest.raises(DataError) as refusal:
        CaptionSet(items=tuple(CaptionItem(file_name=f"{number}.png", caption=caption) for number in range(2_001)))
    assert refusal.value.code == "caption_set_size"


def test_pairing_takes_as_much_work_for_every_row(tmp_path: Path) -> None:
    def calls(count: int) -> int:
        """Calls of functions while a table of so many rows is paired, by names without their folders."""
        folder = tmp_path / str(count)
        rows = "".join(f'{{"file_name": "{number}.png", "text": "a woman, [hat]"}}\n' for number in range(count))
        write_files(folder, {"captions.jsonl": rows})
        files = {"captions.jsonl": folder / "captions.jsonl"}
        files |= {f"set/{number}.png": folder for number in range(count)}
        counted = 0

        def count_call(_frame: object, event: str, _argument: object) -> None:
            nonlocal counted
            counted += event == "call"

        sys.setprofile(count_call)
        try:
            assert all(item.caption for item in read_items(files))
        finally:
            sys.setprofile(None)
        return counted

    assert calls(400) < 3 * calls(200)


def some_items(*names: str) -> list[CaptionItem]:
    return [CaptionItem(file_name=name, caption=Caption(base=BASE, target="sunglasses")) for name in names]


@pytest.mark.parametrize("exists", [False, True])
def test_writes_what_it_reads(exists: bool, tmp_path: Path) -> None:
    out_dir = tmp_path / "deep" / "set"
    if exists:
        out_dir.mkdir(parents=True)
    images = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    write_imagefolder(some_items("a.png", "sub/b.png"), images, out_dir)
    loaded = load_caption_set(out_dir)
    assert [item.model_dump() for item in loaded.items] == [
        item.model_dump() for item in some_items("a.png", "sub/b.png")
    ]
    assert open_portrait(loaded.images[1], "b.png").getpixel((0, 0)) == (0, 0, 255)
    assert sorted(path.name for path in out_dir.parent.iterdir()) == ["set"]


@pytest.mark.parametrize("name", ["../a.png", "/tmp/a.png", "a.nonsense"])
def test_writes_nothing_or_all(name: str, tmp_path: Path) -> None:
    images = [Image.new("RGB", (8, 8)) for _ in range(2)]
    with pytest.raises((DataError, ValueError)):
        write_imagefolder(some_items("ok.png", name), images, tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def test_overwrites_nothing(tmp_path: Path) -> None:
    write_files(tmp_path, {"precious.txt": "x"})
    with pytest.raises(DataError) as refusal:
        write_imagefolder(some_items("a.png"), [Image.new("RGB", (8, 8))], tmp_path)
    assert refusal.value.code == "folder_not_empty"
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]
