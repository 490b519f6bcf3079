import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from spf_portrait.cli.main import main
from spf_portrait.contract.artifacts import ADAPTER, EXIT_FAILED, EXIT_OK, EXIT_PREEMPTED, EXIT_USAGE, REPORT
from spf_portrait.contract.events import CheckpointSaved, Failed, Finished, Notice, Progress, parse_event
from spf_portrait.contract.preset_table import AMOUNTS
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.contract.vocabulary import VOCABULARY

FEW_STEPS = ["--set", "stage1_steps=2", "--set", "stage2_steps=2", "--set", "batch_size=2"]
SHORT = ["--base", "tiny", *FEW_STEPS, "--set", "preservation.pictures=2"]


def test_train_then_sample_then_evaluate(
    models_dir: Path, caption_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models, run, pair = ["--models", str(models_dir)], tmp_path / "run", tmp_path / "pair"
    assert main(["train", str(caption_folder), "--out", str(run), *SHORT, *models, "--events"]) == EXIT_OK
    events = [parse_event(line) for line in capsys.readouterr().out.splitlines()]
    assert isinstance(events[0], Progress)
    assert isinstance(events[-1], Finished)
    texts = ["--text", "a woman", "--target", "blonde hair", "--set", "steps=2"]
    arguments = ["sample", "--base", "tiny", "--adapter", str(run / ADAPTER), *texts, "--out", str(pair), *models]
    assert main(arguments) == EXIT_OK
    assert str(pair / "response.png") in capsys.readouterr().out
    assert main(["evaluate", str(pair)]) == EXIT_OK
    assert json.loads(capsys.readouterr().out)["mean"]["change"] >= 0


def test_a_row_of_the_ablation_is_one_flag(models_dir: Path, caption_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    arguments = ["train", str(caption_folder), "--out", str(run), *SHORT, "--models", str(models_dir)]
    assert main([*arguments, "--without", "control_map", "--without", "enhancement"]) == EXIT_OK
    spec = json.loads((run / REPORT).read_text("utf-8"))["spec"]
    assert spec["losses"] == {"text_consistent": True, "fine_grained": True, "enhancement": False, "control_map": False}
    with pytest.raises(SystemExit):
        main([*arguments, "--without", "denoise"])


def test_words_that_the_base_has_never_seen_are_named_and_nothing_stops(
    models_dir: Path, caption_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = tmp_path / "models" / "tiny"
    shutil.copytree(models_dir / "tiny", closed)
    (closed / VOCABULARY).write_text("a woman man brown jacket blue hat", "utf-8")
    models, run = ["--models", str(closed.parent)], tmp_path / "run"
    assert main(["train", str(caption_folder), "--out", str(run), *SHORT, *models]) == EXIT_OK
    told = capsys.readouterr().err
    assert "has never seen: curtain, background. It knows 7 words" in told
    assert "The target 'blonde hair' has words" in told
    texts = ["--text", "a laptop", "--target", "blonde hair", "--set", "steps=2", "--set", "maps=false"]
    sample = ["sample", "--base", "tiny", *texts, *models, "--events"]
    assert main([*sample, "--out", str(tmp_path / "original")]) == EXIT_OK
    assert notices(capsys) == ["laptop, blonde, hair"]
    assert main([*sample, "--out", str(tmp_path / "taught"), "--adapter", str(run / ADAPTER)]) == EXIT_OK
    assert notices(capsys) == ["laptop"], "the adapter was taught the others"


def notices(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The words that each notice among the events names."""
    events = [parse_event(line) for line in capsys.readouterr().out.splitlines()]
    messages = [event.message for event in events if isinstance(event, Notice)]
    return [message.partition("never seen: ")[2].partition(". ")[0] for message in messages]


def test_options_come_from_file_settings_and_flags_in_that_order(
    models_dir: Path, caption_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "spec.json").write_text(json.dumps({"rank": 3, "seed": 4, "losses": {"enhancement": False}}))
    arguments = ["train", str(caption_folder), "--out", str(tmp_path / "run"), *SHORT, "--models", str(models_dir)]
    main([*arguments, "--spec", str(tmp_path / "spec.json"), "--set", "seed=5", "--set", "losses.control_map=false"])
    spec = json.loads((tmp_path / "run" / "report.json").read_text())["spec"]
    assert (spec["rank"], spec["seed"], spec["stage1_steps"]) == (3, 5, 2)
    assert spec["losses"]["enhancement"] is spec["losses"]["control_map"] is False
    assert spec["losses"]["fine_grained"] is True


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "/no/such/data", "--out", "{out}", "--base", "tiny"], EXIT_FAILED, "/no/such/data"),
        (["train", "{data}", "--out", "{out}", "--base", "nowhere"], EXIT_FAILED, "nowhere"),
        (["train", "{data}", "--out", "{out}", "--set", "no_such_option=1"], EXIT_USAGE, "no_such_option"),
        (["train", "{data}", "--out", "{out}", "--set", "rank"], EXIT_USAGE, "KEY=VALUE"),
        (["train", "{data}", "--out", "{out}", "--preset", "hasty"], EXIT_USAGE, "hasty"),
        (["train", "{data}", "--out", "{out}", "--spec", "/no/spec.json"], EXIT_USAGE, "/no/spec.json"),
        (["sample", "--text", "a woman", "--out", "{out}"], EXIT_USAGE, "target"),
    ],
)
def test_mistakes_get_a_sentence_and_an_event(
    arguments: list[str],
    code: int,
    message: str,
    models_dir: Path,
    caption_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    filled = [part.format(out=tmp_path / "out", data=caption_folder) for part in arguments]
    assert main([*filled, "--models", str(models_dir), "--events"]) == code
    written = capsys.readouterr()
    event = parse_event(written.out.splitlines()[-1])
    assert isinstance(event, Failed)
    assert message in event.error["message"]
    assert message in written.err
    assert not (tmp_path / "out").exists()


def test_bases_and_doctor(models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bases", "--models", str(models_dir)]) == EXIT_OK
    assert set(json.loads(capsys.readouterr().out)) == {"tiny", "tiny-epsilon"}
    assert main(["doctor", "--models", str(models_dir)]) == EXIT_OK
    assert "torch" in json.loads(capsys.readouterr().out)["libraries"]
    assert main(["doctor", "--models", str(tmp_path)]) == EXIT_FAILED
    assert str(tmp_path) in json.loads(capsys.readouterr().out)["problems"][0]


def test_a_folder_without_published_weights_is_told_before_anything_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order = ["evaluate", "--adapter", str(tmp_path / "none.safetensors"), "--metrics", str(tmp_path)]
    assert main(order) == EXIT_FAILED
    assert "none of the folders clip, hpsv2, face_parsing, lpips" in capsys.readouterr().err


def test_help_answers_without_the_torch_stack() -> None:
    probe = (
        "import sys\nfrom spf_portrait.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: print('torch' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout
    assert shown.endswith("False\n")
    assert all(command in shown for command in ("train", "sample", "evaluate", "bases", "doctor", "[blonde hair]"))


def flattened(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from flattened(cast("dict[str, Any]", value), f"{prefix}{name}.")
        else:
            yield prefix + name, value


def test_help_of_train_names_every_setting_with_default_and_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for name, value in flattened(TrainingSpec().model_dump()):
        assert f" {name}={value if isinstance(value, str) else json.dumps(value)} " in shown
    assert "1 to 64" in shown
    assert "fp32 | bf16" in shown
    assert all(f"with {family} quick standard thorough" in shown for family in AMOUNTS)


def test_bars_show_the_latest_validation_beside_the_losses(
    models_dir: Path, caption_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [*SHORT, "--set", "validate_every=2", "--set", "preview_every=4", "--set", "preview_count=1"]
    models = ["--models", str(models_dir)]
    assert main(["train", str(caption_folder), "--out", str(tmp_path / "run"), *settings, *models]) == EXIT_OK
    told = capsys.readouterr().err
    assert "step 0: target gained" in told
    assert "step 4: target gained" in told
    assert "gained=" in told
    assert "kept=" in told
    assert f"step 4: previews in {tmp_path / 'run' / 'previews' / 'step-000004'}" in told


def test_sigterm_leaves_a_checkpoint_that_resumes(models_dir: Path, caption_folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "spf_portrait", "train", str(caption_folder), "--out", str(tmp_path / "run")]
    command += ["--base", "tiny", "--models", str(models_dir), "--set", "stage1_steps=20000", "--events"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as training:
        assert training.stdout is not None
        for line in training.stdout:
            event = parse_event(line)
            if isinstance(event, Progress) and event.phase == "stage1" and event.step > 0:
                break
        training.send_signal(signal.SIGTERM)
        rest = [parse_event(line) for line in training.stdout]
    assert training.returncode == EXIT_PREEMPTED
    saved = [event for event in rest if isinstance(event, CheckpointSaved)]
    assert saved
    assert Path(saved[-1].path, "manifest.json").is_file()


def test_an_error_that_nobody_foresaw_is_the_last_event(
    models_dir: Path, caption_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoints = tmp_path / "checkpoints"
    checkpoints.symlink_to("/dev/null")
    arguments = ["train", str(caption_folder), "--out", str(tmp_path / "run"), *SHORT, "--set", "checkpoint_every=1"]
    arguments += ["--checkpoints", str(checkpoints), "--models", str(models_dir), "--events"]
    with pytest.raises(OSError, match=r"exists|directory"):
        main(arguments)
    last = parse_event(capsys.readouterr().out.splitlines()[-1])
    assert isinstance(last, Failed)
    assert (last.error["code"], last.permanent) == ("unforeseen_error", False)
