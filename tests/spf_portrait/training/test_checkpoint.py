import json
from pathlib import Path
from typing import Any

import pytest
import torch

from spf_portrait.contract.errors import TrainingError
from spf_portrait.training.checkpoint import Origin, load_latest, newest_sound_step, refuse_existing, save_checkpoint

ORIGIN = Origin("spec", "data")


def save(folder: Path, step: int, keep: int = 2) -> Path:
    return save_checkpoint(folder, step, ORIGIN, {"a": torch.full((3,), float(step))}, {"cursor": step}, keep)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_newest_is_read_back(tmp_path: Path) -> None:
    for step in (5, 10):
        save(tmp_path, step)
    found = load_latest(tmp_path, ORIGIN)
    assert found is not None
    assert found.step == found.facts["cursor"] == 10
    assert torch.equal(found.tensors["a"], torch.full((3,), 10.0))


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_the_newest_are_kept_and_nothing_unfinished(tmp_path: Path, keep: int) -> None:
    for step in (1, 2, 3, 4):
        (tmp_path / f"step-{step:06d}.tmp").mkdir(parents=True)
        save(tmp_path, step, keep)
    assert names(tmp_path) == [f"step-{step:06d}" for step in range(5 - keep, 5)]


def test_a_damaged_one_from_later_takes_no_sound_ones_place(tmp_path: Path) -> None:
    """A training that passed over damaged checkpoints goes on from an older one and writes at other steps."""
    save(tmp_path, 5)
    (save(tmp_path, 10) / "facts.json").unlink()
    save(tmp_path, 7, keep=1)
    assert names(tmp_path) == ["step-000007"]
    assert newest_sound_step(tmp_path) == 7


def test_older_ones_go_only_when_the_new_one_is_complete(tmp_path: Path) -> None:
    save(tmp_path, 1, keep=1)
    unwritable: Any = {"cursor": object()}
    with pytest.raises(TypeError):
        save_checkpoint(tmp_path, 2, ORIGIN, {"a": torch.zeros(1)}, unwritable, 1)
    assert newest_sound_step(tmp_path) == 1


@pytest.mark.parametrize("file", ["state.safetensors", "facts.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_a_damaged_one_is_passed_over(tmp_path: Path, file: str, damage: str) -> None:
    save(tmp_path, 1)
    victim = save(tmp_path, 2) / file
    content = bytearray(victim.read_bytes())
    if damage == "remove":
        victim.unlink()
    elif damage == "truncate":
        victim.write_bytes(content[: len(content) // 2])
    else:
        content[-2] ^= 1  # in the tensor's or the fact's value: only the hash can tell
        victim.write_bytes(content)
    found = load_latest(tmp_path, ORIGIN)
    assert found is not None
    assert found.step == newest_sound_step(tmp_path) == 1


@pytest.mark.parametrize(("said", "damaged"), [('"step": 10', '"step": 11'), ('"spec_sha256"', '"spec_sha257"')])
def test_a_manifest_that_says_something_else_is_passed_over(tmp_path: Path, said: str, damaged: str) -> None:
    save(tmp_path, 5)
    manifest = save(tmp_path, 10) / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8").replace(said, damaged), "utf-8")
    found = load_latest(tmp_path, ORIGIN)
    assert found is not None
    assert found.step == 5


def test_a_manifest_whose_origin_was_damaged_is_no_other_training(tmp_path: Path) -> None:
    manifest = save(tmp_path, 10) / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"spec"', '"spfc"'), "utf-8")
    assert load_latest(tmp_path, ORIGIN) is None


def test_a_checkpoint_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    manifest = save(tmp_path, 10) / "manifest.json"
    said = json.loads(manifest.read_text("utf-8"))
    del said["sha256"]
    manifest.write_text(json.dumps(said), "utf-8")
    assert newest_sound_step(tmp_path) == 10


def test_an_interrupted_write_is_ignored(tmp_path: Path) -> None:
    save(tmp_path, 1)
    (tmp_path / "step-000002.tmp").mkdir()
    found = load_latest(tmp_path, ORIGIN)
    assert found is not None
    assert found.step == 1
    assert save(tmp_path, 2).is_dir()


@pytest.mark.parametrize("other", [Origin("other", "data"), Origin("spec", "other")])
def test_a_foreign_one_is_refused(tmp_path: Path, other: Origin) -> None:
    save(tmp_path, 1)
    with pytest.raises(TrainingError, match="another"):
        load_latest(tmp_path, other)


def test_a_new_training_keeps_out_of_an_old_ones_folder(tmp_path: Path) -> None:
    assert load_latest(tmp_path / "none", ORIGIN) is newest_sound_step(tmp_path / "none") is None
    refuse_existing(tmp_path)
    save(tmp_path, 1)
    with pytest.raises(TrainingError, match="--resume"):
        refuse_existing(tmp_path)
