"""Grids on the tiny model: what is drawn, what is kept, what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image

from spf_portrait.cli.adapters import telling_labels
from spf_portrait.cli.main import main
from spf_portrait.contract.artifacts import (
    ADAPTER,
    EXIT_FAILED,
    EXIT_OK,
    EXIT_PREEMPTED,
    EXIT_USAGE,
    GRID,
    GRID_SHEET,
    REFERENCE,
    RESPONSE,
    grid_picture_name,
)
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.contract.errors import DataError, SpecError
from spf_portrait.contract.events import Notice, Progress
from spf_portrait.contract.grid import MAX_PICTURES, GridSpec
from spf_portrait.drawing import grid
from spf_portrait.drawing.grid import GridJob, draw_grid
from spf_portrait.drawing.grid_sheet import Block, grid_sheet
from spf_portrait.drawing.pictures import read_settings
from spf_portrait.drawing.sample import SampleJob, sample
from spf_portrait.models.base_model import load_base
from tests.spf_portrait.tiny_adapters import write_adapter

PROMPTS = ("a woman, a brown jacket", "a man")
SEEDS = (0, 7)


def spec(**options: Any) -> GridSpec:
    defaults: dict[str, Any] = {
        "base": "tiny",
        "prompts": PROMPTS,
        "target": "blonde hair",
        "seeds": SEEDS,
        "adapters": [{"adapter": "one"}, {"adapter": "two", "strength": 0.5}],
        "steps": 2,
    }
    return GridSpec.from_mapping({**defaults, **options})


@pytest.fixture(scope="module")
def adapters(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two steps of one training."""
    network, folder = load_base("tiny", models_dir).network, tmp_path_factory.mktemp("run") / "steps"
    one, two = (write_adapter(network, folder / f"step-{step:06d}" / ADAPTER, step) for step in (50, 100))
    return one, two


@pytest.fixture
def job(models_dir: Path, adapters: tuple[Path, Path], tmp_path: Path) -> GridJob:
    return GridJob(spec(), adapters, tmp_path / "grid", models_dir)


def pixels(file: Path) -> numpy.ndarray[Any, Any]:
    return numpy.asarray(Image.open(file)).astype(int)


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / "pictures").iterdir()}


def drawn_steps(events: list[Any]) -> int:
    return max(event.total for event in events if isinstance(event, Progress) and event.phase == "sampling")


def test_a_grid_holds_the_pictures_that_pairs_hold(job: GridJob, tmp_path: Path) -> None:
    draw_grid(job, lambda event: None)
    names = {
        grid_picture_name(prompt, seed, column)
        for prompt in range(2)
        for seed in SEEDS
        for column in ("reference", "one", "two-0.5")
    }
    assert {path.relative_to(job.out).as_posix() for path in job.out.glob("pictures/*")} == names
    options = {"base": "tiny", "base_text": PROMPTS[1], "target": "blonde hair", "seed": 7, "steps": 2, "maps": False}
    for adapter, strength, column in ((job.adapters[0], 1.0, "one"), (job.adapters[1], 0.5, "two-0.5")):
        pair = SampleJob(
            ComparisonSpec.from_mapping(options | {"strength": strength}), adapter, tmp_path / column, job.models_dir
        )
        sample(pair, lambda event: None)
        for file, name in ((RESPONSE, column), (REFERENCE, "reference")):
            off = pixels(job.out / grid_picture_name(1, 7, name)) - pixels(tmp_path / column / file)
            assert abs(off).max() <= 1, "batches may round otherwise"


def test_every_file_says_what_it_is_and_how_to_draw_it_again(job: GridJob) -> None:
    draw_grid(job, lambda event: None)
    for file in (job.out / GRID_SHEET, *job.out.glob("pictures/*")):
        assert Image.open(file).info["Comment"] == "AI-generated"
    response = read_settings(job.out / grid_picture_name(0, 7, "two-0.5"))
    assert response is not None
    assert (response["prompt"], response["seed"]) == ("a woman, a brown jacket, blonde hair", 7)
    assert (response["strength"], response["steps"], response["guidance_scale"]) == (0.5, 2, 4.0)
    described = json.loads((job.out / GRID).read_text())
    assert response["adapter_sha256"] == described["adapters_sha256"][1]
    assert response["base_fingerprint"] == described["base_fingerprint"]
    assert described["columns"] == ["reference", "one", "two-0.5"]
    assert len(described["pictures"]) == 12
    reference = read_settings(job.out / grid_picture_name(0, 7, "reference"))
    assert reference is not None
    assert (reference["prompt"], reference["adapter_sha256"]) == ("a woman, a brown jacket", None)


def test_a_second_run_keeps_what_is_there_and_draws_the_rest(job: GridJob) -> None:
    draw_grid(job, lambda event: None)
    before = contents(job.out)
    drawn = {path.name: pixels(path) for path in (job.out / "pictures").iterdir()}
    lost = [job.out / grid_picture_name(0, 0, "one"), job.out / grid_picture_name(1, 7, "reference")]
    lost[0].unlink()
    lost[1].write_bytes(b"half a picture")
    events: list[Any] = []
    draw_grid(job, events.append)
    assert drawn_steps(events) == 2 * job.spec.steps
    assert "10 of 12 pictures are there already" in next(e.message for e in events if isinstance(e, Notice))
    after = contents(job.out)
    assert after.keys() == before.keys()
    again = {path.name for path in lost}
    assert {name for name in after if name not in again and after[name] != before[name]} == set()
    for path in lost:
        assert abs(pixels(path) - drawn[path.name]).max() <= 1, "batches may round otherwise"


def test_other_settings_are_drawn_anew_and_only_theirs(job: GridJob) -> None:
    draw_grid(job, lambda event: None)
    one, _ = job.adapters
    other = spec(adapters=[{"adapter": "one", "strength": 1.0}, {"adapter": "two", "strength": 0.25}])
    events: list[Any] = []
    draw_grid(GridJob(other, (one, one), job.out, job.models_dir), events.append)
    assert drawn_steps(events) == 4 * job.spec.steps, "the column of another strength"
    draw_grid(GridJob(spec(adapters=[{"adapter": "one"}]), (job.adapters[1],), job.out, job.models_dir), events.append)
    assert drawn_steps(events[-3:]) == 4 * job.spec.steps, "the column of another file under that name"
    draw_grid(GridJob(spec(steps=3, prompts=["a man"]), job.adapters, job.out, job.models_dir), events.append)
    assert drawn_steps(events[-3:]) == 6 * 3


def test_a_stopped_run_leaves_whole_pictures_and_goes_on(
    adapters: tuple[Path, Path], models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["grid", "--base", "tiny", "--models", str(models_dir), "--adapter", str(adapters[0].parents[1])]
    command += ["--prompt", "a woman", "--prompt", "a man", "--target", "blonde hair", "--seeds", "0,1", "--steps", "1"]
    out, batches, draw_texts = tmp_path / "grid", list[int](), grid.draw_texts

    def stopped_in_the_second_batch(*arguments: Any) -> Any:
        batches.append(1)
        if len(batches) == 2:
            raise KeyboardInterrupt
        return draw_texts(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(grid, "draw_texts", stopped_in_the_second_batch)
        assert main([*command, "--out", str(out)]) == EXIT_PREEMPTED
    left = contents(out)
    assert len(left) == 4
    assert not (out / GRID_SHEET).exists()
    assert main([*command, "--out", str(out)]) == EXIT_OK
    assert {name: content for name, content in contents(out).items() if name in left} == left
    described = json.loads((out / GRID).read_text())
    assert described["columns"] == ["reference", "step-000050", "step-000100"]
    assert len(contents(out)) == len(described["pictures"]) == 12


def test_a_held_grid_holds_the_responses_of_held_pairs(job: GridJob, tmp_path: Path) -> None:
    hold = {"held_below": 0.3, "free_above": 0.7, "firmness": 0.8}
    draw_grid(job, lambda event: None)
    plain = contents(job.out)
    held, events = GridJob(spec(hold=hold), job.adapters, job.out, job.models_dir), list[Any]()
    draw_grid(held, events.append)
    assert drawn_steps(events) == 2 * 8 * held.spec.steps, "the reference's column is the same without a hold"
    for column in ("reference", "one", "two-0.5"):
        name = Path(grid_picture_name(1, 7, column)).name
        assert (contents(job.out)[name] == plain[name]) == (column == "reference")
    options = {"base": "tiny", "base_text": PROMPTS[1], "target": "blonde hair", "seed": 7, "steps": 2, "hold": hold}
    pair = SampleJob(ComparisonSpec.from_mapping(options), job.adapters[0], tmp_path / "pair", job.models_dir)
    sample(pair, lambda event: None)
    off = pixels(job.out / grid_picture_name(1, 7, "one")) - pixels(tmp_path / "pair" / RESPONSE)
    assert abs(off).max() <= 1, "batches may round otherwise"
    settings = read_settings(job.out / grid_picture_name(1, 7, "one"))
    assert settings is not None
    assert settings["hold"] == json.loads((job.out / GRID).read_text())["hold"] == hold
    draw_grid(held, events.append)
    assert drawn_steps(events[-2:]) == 0, "all is there now"


def test_prompts_come_from_a_file(adapters: tuple[Path, Path], models_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("a woman\n\n  a man, a blue hat \n", "utf-8")
    command = ["grid", "--base", "tiny", "--models", str(models_dir), "--adapter", f"{adapters[0]}:0.5"]
    command += ["--prompts", str(tmp_path / "prompts.txt"), "--target", "blonde hair", "--steps", "1"]
    assert main([*command, "--out", str(tmp_path / "grid")]) == EXIT_OK
    described = json.loads((tmp_path / "grid" / GRID).read_text())
    assert described["prompts"] == ["a woman", "a man, a blue hat"]
    assert described["adapters"] == [{"adapter": "step-000050", "strength": 0.5}]


@pytest.mark.parametrize(
    ("changed", "code", "message"),
    [
        (["--seeds", "0,x"], EXIT_USAGE, "--seeds 0,x"),
        (["--seeds", "1,1"], EXIT_USAGE, "1 twice among the seeds"),
        (["--seeds", ",".join(map(str, range(33)))], EXIT_USAGE, "at most 32 items"),
        (["--adapter", "{adapter}"], EXIT_USAGE, "'step-000050' twice among the columns"),
        (["--adapter", "{out}"], EXIT_USAGE, "step-*/adapter.safetensors"),
        (["--adapter", "{out}/gone.safetensors"], EXIT_FAILED, "gone.safetensors"),
        (["--prompt", "a hat, blonde hair"], EXIT_FAILED, "among the base phrases"),
        (["--guidance", "0"], EXIT_USAGE, "guidance_scale = 0.0"),
        (["--hold", "1.5"], EXIT_USAGE, "hold.firmness = 1.5"),
        (["--held-below", "0.75"], EXIT_USAGE, "hold.free_above = 0.5; allowed: more than held_below, which is 0.75"),
    ],
)
def test_mistakes_are_said_before_anything_is_drawn(
    changed: list[str],
    code: int,
    message: str,
    adapters: tuple[Path, Path],
    models_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["grid", "--base", "tiny", "--models", str(models_dir), "--adapter", str(adapters[0])]
    command += ["--prompt", "a woman", "--target", "blonde hair", "--steps", "1", "--out", str(tmp_path / "grid")]
    command += [part.format(adapter=adapters[0], out=tmp_path) for part in changed]
    assert main(command) == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "grid").exists()


def test_too_many_pictures_are_refused_with_the_sum() -> None:
    many = {"prompts": [f"a woman, hat {number}" for number in range(16)], "seeds": range(32)}
    with pytest.raises(SpecError) as refused:
        spec(**many)
    assert "16 prompts × 32 seeds × 3 columns" in refused.value.found
    assert "1536 pictures" in refused.value.found
    assert str(MAX_PICTURES) in refused.value.allowed
    assert spec(prompts=many["prompts"], seeds=range(10)).pictures == 480


def test_an_adapter_called_reference_does_not_hide_the_original_model() -> None:
    with pytest.raises(SpecError, match="'reference' twice among the columns"):
        spec(adapters=[{"adapter": "Reference"}])


def test_a_long_prompt_stops_the_grid_before_it_draws(job: GridJob) -> None:
    long = ", ".join(f"{letter * 20} hat" for letter in "abcdefgh")
    with pytest.raises(DataError, match="tokens"):
        draw_grid(GridJob(spec(prompts=("a man", long)), job.adapters, job.out, job.models_dir), lambda event: None)
    assert not job.out.exists()


@pytest.mark.parametrize(
    ("files", "labels"),
    [
        (["x/hair.safetensors"], ["hair"]),
        (["run/adapter.safetensors"], ["run"]),
        (["x/blonde hair.safetensors", "y/hat.safetensors"], ["blonde_hair", "hat"]),
        (["run/steps/step-1/adapter.safetensors", "run/steps/step-2/adapter.safetensors"], ["step-1", "step-2"]),
        (["a/steps/step-1/adapter.safetensors", "b/steps/step-1/adapter.safetensors"], ["a", "b"]),
        (["a/hair.safetensors", "a/hair.safetensors"], ["hair", "hair"]),
        (["a/b/hair.safetensors", "b/hair.safetensors", "hat.safetensors"], ["a_b_hair", "b_hair", "hat"]),
    ],
)
def test_columns_have_names_that_tell_them_apart(files: list[str], labels: list[str]) -> None:
    assert telling_labels([Path(file) for file in files]) == labels


def test_the_sheet_has_room_for_its_labels() -> None:
    red, blue = (Image.new("RGB", (128, 128), colour) for colour in ("red", "blue"))
    short, long = (
        grid_sheet(f"{words} end", ["one", f"{words}end"], [Block(words, [("seed 0", [red, blue])] * 2)])
        for words in ("few ", "very many words that do not fit into one line of such a narrow sheet " * 2)
    )
    assert short.width == long.width
    assert long.height > short.height + 60
    counted = {colour: count for count, colour in short.getcolors(1 << 20) or []}
    assert counted[(255, 0, 0)] == counted[(0, 0, 255)] == 2 * 128 * 128, "no label lies on a picture"


def test_very_many_rows_are_drawn_small() -> None:
    picture = Image.new("RGB", (256, 256), "red")
    few, many = (grid_sheet("", ["one"], [Block("", [("seed", [picture])] * rows)]) for rows in (2, 120))
    assert few.width > many.width
    assert many.height < 120 * 150
