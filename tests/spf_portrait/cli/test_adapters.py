import json
from collections.abc import Callable
from pathlib import Path

import pytest

from spf_portrait.cli.adapters import chosen_adapters
from spf_portrait.cli.main import main
from spf_portrait.contract.artifacts import ADAPTER, EXIT_OK, EXIT_USAGE, SAMPLE
from spf_portrait.contract.errors import SpecError
from spf_portrait.training.preparation import TrainingJob
from spf_portrait.training.train import train


def test_none_and_one() -> None:
    assert chosen_adapters([], None).settings == {"strength": None}
    assert chosen_adapters([], None).file is None
    plain, told, own = (chosen_adapters(["a.safetensors"], strength) for strength in (None, 0.4, 0.0))
    assert plain.file == told.file == Path("a.safetensors")
    assert [one.settings["strength"] for one in (plain, told, own)] == [None, 0.4, 0.0]
    marked = chosen_adapters(["dir/a.safetensors:.6"], None)
    assert (marked.file, marked.settings, marked.files) == (Path("dir/a.safetensors"), {"strength": 0.6}, ())


def test_several_have_labels_and_strengths() -> None:
    chosen = chosen_adapters(["x/blonde hair.safetensors:0.6", "hat.safetensors", "hat.safetensors:2"], None)
    assert chosen.file is None
    assert chosen.files == (Path("x/blonde hair.safetensors"), Path("hat.safetensors"), Path("hat.safetensors"))
    assert chosen.settings["adapters"] == [
        {"adapter": "blonde_hair", "strength": 0.6},
        {"adapter": "hat", "strength": 1.0},
        {"adapter": "hat", "strength": 2.0},
    ]


def test_a_file_with_a_colon_in_its_name_is_that_file(tmp_path: Path) -> None:
    file = tmp_path / "odd:2"
    file.touch()
    assert chosen_adapters([str(file)], None).file == file
    assert chosen_adapters([f"{file}:1"], None).file == file


@pytest.mark.parametrize("named", [["a.safetensors:0.5"], ["a.safetensors", "b.safetensors"]])
def test_two_strengths_are_refused(named: list[str]) -> None:
    with pytest.raises(SpecError, match="FILE:STRENGTH"):
        chosen_adapters(named, 0.5)


def test_the_command_draws_with_two(make_job: Callable[..., TrainingJob], models_dir: Path, tmp_path: Path) -> None:
    job = make_job()
    train(job, lambda event: None)
    adapter, pair = job.out / ADAPTER, tmp_path / "pair"
    command = ["sample", "--base", "tiny", "--text", "a woman", "--target", "blonde hair", "--out", str(pair)]
    command += ["--set", "steps=1", "--set", "maps=false", "--models", str(models_dir)]
    assert main([*command, "--adapter", f"{adapter}:0.5", "--adapter", str(adapter)]) == EXIT_OK
    described = json.loads((pair / SAMPLE).read_text())
    assert [use["strength"] for use in described["adapters"]] == [0.5, 1.0]
    assert main([*command, "--adapter", str(adapter), "--strength", "0.25"]) == EXIT_OK
    assert json.loads((pair / SAMPLE).read_text())["strength"] == 0.25
    assert main([*command, *["--adapter", str(adapter)] * 5]) == EXIT_USAGE
