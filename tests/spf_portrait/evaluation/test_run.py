import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from spf_portrait.adapter import CROSS_ATTENTION, adapter_deltas, attach_adapter
from spf_portrait.adapter.kohya_names import kohya_names
from spf_portrait.cli.main import main
from spf_portrait.contract.artifacts import ADAPTER, EXIT_FAILED, EXIT_OK, EXIT_USAGE
from spf_portrait.contract.drawing_spec import EvaluationSpec
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.events import Finished, parse_event
from spf_portrait.evaluation.results import Estimate, Evaluation
from spf_portrait.evaluation.run import EvaluationJob, evaluate_adapter
from spf_portrait.export.tensors import kohya_tensors
from spf_portrait.metrics.catalogue import CATALOGUE
from spf_portrait.models.base_model import load_base
from spf_portrait.running.untyped import safetensors_torch
from spf_portrait.training.preparation import TrainingJob
from spf_portrait.training.train import train


def write_adapter(file: Path, base: str, models_dir: Path | None, metadata: dict[str, str]) -> Path:
    """An adapter that was never trained but changes something."""
    unet = load_base(base, models_dir).network
    attach_adapter(unet, 2, CROSS_ATTENTION)
    deltas = adapter_deltas(unet)
    with torch.no_grad():
        for _, up in deltas.values():
            up.normal_(std=0.05, generator=torch.Generator().manual_seed(1))
    safetensors_torch.save_file(kohya_tensors(deltas, kohya_names(unet)), file, {"format": "pt", **metadata})
    return file


@pytest.fixture(scope="module")
def pico_adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("adapter") / "taught.safetensors"
    return write_adapter(file, "pico", None, {"spf.target": "sunglasses"})


@pytest.fixture
def tiny_job(make_job: Callable[..., TrainingJob], models_dir: Path, tmp_path: Path) -> Callable[..., EvaluationJob]:
    training = make_job()
    train(training, lambda event: None)
    texts = tmp_path / "texts.txt"
    texts.write_text("a woman, a brown jacket\na man\na woman\n", "utf-8")

    def make(texts: Path | None = texts, out: Path | None = None, **options: Any) -> EvaluationJob:
        spec = EvaluationSpec.from_mapping({"base": "tiny", "steps": 2, **options})
        return EvaluationJob(spec, training.out / ADAPTER, texts, out, models_dir)

    return make


def value(evaluation: Evaluation, name: str) -> float:
    result = evaluation.results[name]
    assert isinstance(result, Estimate)
    return result.value


def test_any_base_with_texts_of_ones_own(tiny_job: Callable[..., EvaluationJob], tmp_path: Path) -> None:
    evaluation = evaluate_adapter(tiny_job(out=tmp_path / "measured"), lambda event: None)
    assert evaluation.about["target"] == "blonde hair", "from the adapter's header"
    assert evaluation.about["base_texts"] == ["a woman, a brown jacket", "a man", "a woman"]
    assert evaluation.about["seeds"] == [0, 1, 2]
    written = json.loads((tmp_path / "measured" / "evaluation.json").read_text("utf-8"))
    assert len(written["metrics"]["change"]["values"]) == 3
    assert "missing" in written["metrics"]["attribute_accuracy"]
    sheet = Image.open(tmp_path / "measured" / "evaluation.png")
    assert sheet.info["Comment"] == "AI-generated"
    assert sheet.width == 3 * 36


def test_texts_of_the_order_have_seeds_of_their_own(tiny_job: Callable[..., EvaluationJob]) -> None:
    texts = [{"base_text": "a man", "seed": 2}, {"base_text": "a woman", "seed": 9}]
    spec = EvaluationSpec.from_mapping({"base": "tiny", "steps": 2, "texts": texts})
    ordered = evaluate_adapter(replace(tiny_job(texts=None), spec=spec), lambda event: None)
    assert (ordered.about["base_texts"], ordered.about["seeds"]) == (["a man", "a woman"], [2, 9])
    assert "texts" not in ordered.about


def test_progress_goes_on_while_measuring(tiny_job: Callable[..., EvaluationJob]) -> None:
    events: list[Any] = []
    evaluate_adapter(tiny_job(), events.append)
    last = {event.phase: (event.step, event.total) for event in events}
    assert last["sampling"] == (24, 24)
    assert last["measuring"] == (len(CATALOGUE), len(CATALOGUE))


def test_a_hold_is_measured_in_place_of_the_response(tiny_job: Callable[..., EvaluationJob], tmp_path: Path) -> None:
    events: list[Any] = []
    free = evaluate_adapter(tiny_job(), lambda event: None)
    held = evaluate_adapter(tiny_job(out=tmp_path, hold={"held_below": 0.9, "free_above": 1}), events.append)
    assert held.about["hold"] == {"held_below": 0.9, "free_above": 1.0, "firmness": 1.0}
    assert value(held, "change") < value(free, "change")
    assert value(held, "base_change") == value(free, "base_change")
    assert ("sampling", 36) in {(event.phase, event.total) for event in events}
    with Image.open(tmp_path / "evaluation.png") as sheet:
        assert sheet.height > 5 * 32
    loose = evaluate_adapter(tiny_job(hold={"firmness": 0}), lambda event: None)
    assert value(loose, "change") == pytest.approx(value(free, "change"), abs=1e-3)


def test_strength_zero_is_the_original_model(tiny_job: Callable[..., EvaluationJob]) -> None:
    off = evaluate_adapter(tiny_job(strength=0), lambda event: None)
    assert value(off, "base_change") == 0
    assert value(off, "base_psnr") == pytest.approx(100)
    assert value(off, "change") > 0


def test_a_base_without_captions_of_its_own_needs_texts(tiny_job: Callable[..., EvaluationJob]) -> None:
    with pytest.raises(DataError, match="--texts"):
        evaluate_adapter(tiny_job(texts=None), lambda event: None)


def test_an_adapter_that_does_not_say_its_target_needs_one(models_dir: Path, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "nameless.safetensors", "tiny", models_dir, {})
    job = EvaluationJob(EvaluationSpec(base="tiny"), adapter, models_dir=models_dir)
    with pytest.raises(DataError, match="--target"):
        evaluate_adapter(job, lambda event: None)


def test_pico_is_measured_with_its_own_captions(
    pico_adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", "--adapter", str(pico_adapter), "--count", "2", "--steps", "2", "--out", str(tmp_path)]
    assert main([*arguments, "--seed-from", "7", "--json"]) == EXIT_OK
    printed = capsys.readouterr()
    content = json.loads(printed.out)
    assert content["seeds"] == [7, 8]
    assert not any("glasses" in text for text in content["base_texts"])
    for name in ("attribute_accuracy", "pollution", "excess_pollution", "outside_change", "control_map_auc"):
        low, high = content["metrics"][name]["interval_95"]
        assert low - 1e-6 <= content["metrics"][name]["value"] <= high + 1e-6
    assert "attribute accuracy" in printed.err
    assert (tmp_path / "evaluation.json").is_file()


def test_the_table_alone(
    tiny_job: Callable[..., EvaluationJob], models_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = tiny_job()
    arguments = ["evaluate", "--base", "tiny", "--adapter", str(job.adapter), "--texts", str(job.texts), "--count", "1"]
    assert main([*arguments, "--steps", "1", "--models", str(models_dir), "--table"]) == EXIT_OK
    printed = capsys.readouterr()
    assert "base PSNR" in printed.out
    assert "{" not in printed.out
    assert "base PSNR" not in printed.err


def test_an_order_from_a_file_with_a_hold_tells_its_progress(
    tiny_job: Callable[..., EvaluationJob], models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order, out = tmp_path / "order.json", tmp_path / "out"
    spec = EvaluationSpec.from_mapping({"base": "tiny", "steps": 1, "texts": [{"base_text": "a man", "seed": 4}]})
    order.write_text(spec.model_dump_json(), "utf-8")
    arguments = ["evaluate", "--adapter", str(tiny_job().adapter), "--spec", str(order), "--models", str(models_dir)]
    assert main([*arguments, "--hold", "0.5", "--held-below", "0.1", "--out", str(out), "--events"]) == EXIT_OK
    events = [parse_event(line) for line in capsys.readouterr().out.splitlines()]
    assert [event.kind for event in events[:-1]] == ["progress"] * (len(events) - 1)
    assert isinstance(events[-1], Finished)
    written = json.loads(Path(events[-1].files["evaluation"]).read_text("utf-8"))
    assert written["hold"] == {"held_below": 0.1, "free_above": 0.5, "firmness": 0.5}
    assert written["seeds"] == [4]
    assert written["metrics"]["change"]["title"] == "change"
    assert Path(events[-1].files["pictures"]).is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], EXIT_USAGE, "PAIR_DIR"),
        (["pair", "--adapter", "a.safetensors"], EXIT_USAGE, "PAIR_DIR and --adapter"),
        (["pair", "--seed-from", "0"], EXIT_USAGE, "--seed-from"),
        (["pair", "--hold"], EXIT_USAGE, "--hold"),
        (["--adapter", "a.safetensors", "--hold", "2"], EXIT_USAGE, "hold.firmness = 2"),
        (["--adapter", "a.safetensors", "--mask", "m.png"], EXIT_USAGE, "--mask"),
        (["--adapter", "a.safetensors", "--count", "0"], EXIT_USAGE, "count"),
        (["--adapter", "gone.safetensors"], EXIT_FAILED, "gone.safetensors"),
    ],
)
def test_mistakes_get_a_sentence(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *arguments]) == code
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""
