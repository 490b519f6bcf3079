"""What `check` finds in a caption set: all problems at once, and what may spoil a training."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from spf_portrait.checking.findings import Findings
from spf_portrait.checking.run import CheckJob, check
from spf_portrait.checking.table import table
from spf_portrait.cli.main import main
from spf_portrait.contract.artifacts import ADAPTER, EXIT_FAILED, EXIT_OK
from spf_portrait.contract.vocabulary import VOCABULARY
from tests.spf_portrait.cli.test_main import SHORT
from tests.spf_portrait.contract.samples import picture, write_files, zip_of

LARGE = picture(size=(40, 40))


def found(data: Path, models_dir: Path, target: str | None = None) -> Findings:
    return check(CheckJob(data, "tiny", target, models_dir), lambda event: None)


def plain_set(folder: Path, *captions: str) -> Path:
    files: dict[str, bytes | str] = {}
    for number, caption in enumerate(captions):
        files |= {f"{number}.png": picture(size=(40, 40 + number)), f"{number}.txt": caption}
    return write_files(folder, files)


def test_a_mask_without_a_place_is_a_problem_and_no_portrait(models_dir: Path, tmp_path: Path) -> None:
    data = plain_set(tmp_path, "a woman, a hat, [sunglasses]")
    write_files(data, {"masks/0/a hat.png": LARGE, "masks/0/a coat.png": LARGE})
    findings = found(data, models_dir)
    assert (findings.portraits, [problem.code for problem in findings.problems]) == (1, ["mask_without_place"])
    (data / "masks" / "0" / "a coat.png").unlink()
    assert found(data, models_dir).problems == ()


def test_a_good_set_has_no_problems(models_dir: Path, caption_folder: Path) -> None:
    findings = found(caption_folder, models_dir)
    assert (findings.portraits, findings.target, findings.problems) == (4, "blonde hair", ())
    assert findings.phrases[0].portraits == 2
    assert findings.base_texts["00.png"] == "a woman, a brown jacket"
    assert findings.sizes is not None
    assert (findings.sizes.trained_at_px, findings.sizes.most_cut_off) == (32, 0)


def test_every_problem_is_told_not_only_the_first(models_dir: Path, tmp_path: Path) -> None:
    folder = plain_set(tmp_path, "a man, [hat]", "a man", "a man, [hat, [", f"{'q' * 71}, a man, [hat]")
    (folder / "2.png").write_bytes(LARGE[:-30])
    (folder / "lonely.png").write_bytes(LARGE)
    findings = found(folder, models_dir)
    assert [(problem.file_name, problem.code) for problem in findings.problems] == [
        ("1.png", "no_target"),
        ("2.png", "unbalanced_brackets"),
        ("2.png", "broken_image"),
        ("lonely.png", "missing_caption"),
        ("3.png", "too_many_tokens"),
    ]
    assert "'man, hat' would not be read" in findings.problems[-1].found
    assert findings.portraits == 1
    shown = table(findings)
    assert "1 usable portrait, 4 with problems" in shown
    assert all(problem.found.split()[0] in shown for problem in findings.problems)


def test_a_target_for_all_is_found_inside_captions(models_dir: Path, tmp_path: Path) -> None:
    folder = plain_set(tmp_path, "a smiling woman, a scarf", "a man, smiling")
    assert len(found(folder, models_dir).problems) == 3, "two captions without a target, and so no portrait at all"
    findings = found(folder, models_dir, target="smiling")
    assert findings.problems == ()
    assert findings.base_texts == {"0.png": "a woman, a scarf", "1.png": "a man"}


def test_two_targets_are_a_problem_of_the_set(models_dir: Path, tmp_path: Path) -> None:
    findings = found(plain_set(tmp_path, "a man, [hat]", "a man, [scarf]"), models_dir)
    assert [(problem.file_name, problem.code) for problem in findings.problems] == [(None, "several_targets")]
    assert findings.target is None


@pytest.mark.parametrize(
    ("captions", "said"),
    [
        (["a man, a brick wall, [hat]", "a woman, a brick wall, [hat]"], "'a brick wall' stands in every caption"),
        ([*(f"person {n}, a wall, [hat]" for n in range(10)), "a man, [hat]"], "'a wall' stands in 10 of 11 captions"),
        (["a man, [hat]", "a woman, [hat]"], "2 portraits are few"),
        (["a man, [hat]"] * 3, "same base text"),
    ],
)
def test_what_may_spoil_a_training_is_hinted_at(
    captions: list[str], said: str, models_dir: Path, tmp_path: Path
) -> None:
    findings = found(plain_set(tmp_path, *captions), models_dir)
    assert findings.problems == ()
    assert any(said in hint for hint in findings.hints)
    assert " ".join(said.split()[:3]) in " ".join(table(findings).split())


def test_enough_varied_portraits_get_no_hint(models_dir: Path, tmp_path: Path) -> None:
    captions = [f"person {number}, a {'scarf' if number % 2 else 'coat'}, [hat]" for number in range(8)]
    assert found(plain_set(tmp_path, *captions), models_dir).hints == ()


def test_small_cut_and_same_pictures_are_named(models_dir: Path, tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {f"{name}.txt": f"person {name}, [hat]" for name in ("a", "b", "small", "wide")}
    files |= {"a.png": LARGE, "b.png": LARGE, "small.png": picture(size=(20, 20)), "wide.png": picture(size=(90, 40))}
    findings = found(write_files(tmp_path, files), models_dir)
    assert "a.png is the same picture as b.png." in findings.hints
    assert any(hint.startswith("small.png is smaller than the 32 px") for hint in findings.hints)
    assert any(hint.startswith("wide.png is cut") for hint in findings.hints)
    assert findings.sizes is not None
    assert (findings.sizes.smallest_side_px, findings.sizes.enlarged) == (20, 1)
    assert findings.sizes.most_cut_off == pytest.approx(5 / 9, abs=0.001)


def test_words_that_the_base_has_never_seen_are_named(models_dir: Path, caption_folder: Path, tmp_path: Path) -> None:
    closed = tmp_path / "models" / "tiny"
    shutil.copytree(models_dir / "tiny", closed)
    (closed / VOCABULARY).write_text("a woman man brown jacket blue hat blonde hair", "utf-8")
    assert any("curtain, background" in hint for hint in found(caption_folder, closed.parent).hints)


def test_the_command_prints_json_or_a_table_and_says_by_its_exit_code_if_a_training_can_start(
    models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = plain_set(tmp_path / "set", "a man, sunglasses", "a woman in a hat, sunglasses")
    members = {path.name: path.read_bytes() for path in folder.iterdir()}
    command = ["check", str(zip_of(tmp_path / "set.zip", members)), "--base", "tiny", "--models", str(models_dir)]
    assert main([*command, "--json"]) == EXIT_FAILED
    assert {problem["code"] for problem in json_of(capsys)["problems"]} == {"no_target", "caption_set_size"}
    assert main([*command, "--target", "sunglasses"]) == EXIT_OK
    shown = capsys.readouterr().out
    assert "2 usable portraits, target 'sunglasses'" in shown
    assert "Nothing stops a training." in shown


def test_what_check_passes_trains(models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = plain_set(tmp_path / "set", "a smiling man", "a smiling woman, a hat", "a boy, smiling")
    where = [str(folder), "--target", "smiling", "--models", str(models_dir)]
    assert main(["check", *where, "--base", "tiny"]) == EXIT_OK
    assert main(["train", *where, *SHORT, "--out", str(tmp_path / "run")]) == EXIT_OK
    assert (tmp_path / "run" / ADAPTER).is_file()
    assert json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))["target"] == "smiling"


def json_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return json.loads(capsys.readouterr().out)
