"""Pairs drawn one after the other by one process, against pairs drawn by a process of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from spf_portrait.contract.artifacts import ADAPTER, EXIT_FAILED, SAMPLE
from spf_portrait.contract.drawing_order import DrawingOrder, parse_order
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.contract.errors import ModelError, SpecError
from spf_portrait.contract.events import Failed, Finished, Progress, parse_event
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.drawing.sample import SampleJob, sample
from spf_portrait.drawing.serve import serve
from spf_portrait.models.base_model import load_base
from spf_portrait.models.kept_base import KeptBase
from spf_portrait.training.preparation import TrainingJob
from spf_portrait.training.train import train
from tests.spf_portrait.conftest import TINY

SILENT_S = 30.0


def spec(**options: Any) -> ComparisonSpec:
    defaults = {"base": "tiny", "base_text": "a woman, a brown jacket", "target": "blonde hair", "steps": 3}
    return ComparisonSpec.from_mapping({**defaults, **options})


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read_end(*orders: bytes) -> int:
    """A pipe that holds these lines and then ends."""
    source, target = os.pipe()
    with os.fdopen(target, "wb") as writer:
        writer.writelines(orders)
    return source


@pytest.fixture(scope="module")
def adapters(models_dir: Path, caption_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two adapters of different methods, ranks and modules."""
    folder, found = tmp_path_factory.mktemp("adapters"), dict[str, Path]()
    for method, rank in (("spf", 2), ("lora", 3)):
        options: dict[str, Any] = {**TINY, "method": method, "rank": rank, "learning_rate": 0.05}
        job = TrainingJob(
            caption_folder,
            folder / method,
            folder / f"{method}-checkpoints",
            TrainingSpec.from_order(options, models_dir),
            models_dir=models_dir,
        )
        train(job, lambda event: None)
        found[method] = job.out / ADAPTER
    return found


def test_a_warm_pair_equals_a_cold_one_byte_for_byte(
    models_dir: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    wanted = [
        (spec(seed=1), adapters["spf"]),
        (spec(seed=1, maps=False), None),
        (spec(seed=2, strength=0.5, base="tiny-epsilon"), adapters["lora"]),
        (spec(seed=1, base_text="a man", target="a hat"), adapters["lora"]),
        (spec(seed=1), adapters["spf"]),
        (spec(seed=1), None),
    ]
    orders = [
        DrawingOrder(spec=one, adapter=adapter, out=tmp_path / f"warm-{number}")
        for number, (one, adapter) in enumerate(wanted)
    ]
    events: list[Any] = []
    serve(read_end(*(order.to_line() for order in orders)), events.append, SILENT_S, models_dir)
    assert [event.files["sample.json"] for event in events if isinstance(event, Finished)] == [
        str(order.out / SAMPLE) for order in orders
    ]
    for number, (one, adapter) in enumerate(wanted):
        cold = tmp_path / f"cold-{number}"
        sample(SampleJob(one, adapter, cold, models_dir), lambda event: None)
        assert content(tmp_path / f"warm-{number}") == content(cold), f"order {number}"
    pictures = [content(tmp_path / f"warm-{number}")["response.png"] for number in range(len(wanted))]
    assert pictures[0] == pictures[4]
    assert len(set(pictures)) == 4, "with an adapter or another one, or without, the response differs"


def test_a_warm_pair_with_two_adapters_equals_a_cold_one_and_leaves_the_next_alone(
    models_dir: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    files = (adapters["spf"], adapters["lora"])
    both = spec(adapters=[{"adapter": "spf", "strength": 0.5}, {"adapter": "lora"}])
    orders = [
        DrawingOrder(spec=both, adapters=files, out=tmp_path / "both"),
        DrawingOrder(spec=spec(), adapter=files[1], out=tmp_path / "one"),
        DrawingOrder(spec=both, adapters=files[::-1], out=tmp_path / "swapped"),
    ]
    serve(read_end(*(order.to_line() for order in orders)), lambda event: None, SILENT_S, models_dir)
    sample(SampleJob(both, None, tmp_path / "cold-both", models_dir, files), lambda event: None)
    sample(SampleJob(spec(), files[1], tmp_path / "cold-one", models_dir), lambda event: None)
    assert content(tmp_path / "both") == content(tmp_path / "cold-both")
    assert content(tmp_path / "one") == content(tmp_path / "cold-one")
    responses = {content(tmp_path / name)["response.png"] for name in ("both", "one", "swapped")}
    assert len(responses) == 3, "each adapter has the strength that stands beside it"


def test_an_adapter_leaves_no_trace_on_the_base(models_dir: Path, adapters: dict[str, Path], tmp_path: Path) -> None:
    kept, fresh = KeptBase(), load_base("tiny", models_dir)
    for adapter in adapters.values():
        sample(SampleJob(spec(), adapter, tmp_path / "pair", models_dir), lambda event: None, kept)
    unet = kept("tiny", models_dir).network
    assert repr(unet) == repr(fresh.network)
    assert not hasattr(unet, "peft_config")
    for (name, found), (_, original) in zip(unet.state_dict().items(), fresh.network.state_dict().items(), strict=True):
        assert torch.equal(found, original), name
    assert not any(parameter.requires_grad for parameter in unet.parameters())
    assert not any(module.training for module in unet.modules())


def test_a_failed_drawing_takes_its_adapter_off_too(
    models_dir: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    kept = KeptBase()
    too_long = spec(base_text=", ".join(f"{letter * 20} hat" for letter in "abcdefgh"))
    with pytest.raises(Exception, match="tokens"):
        sample(SampleJob(too_long, adapters["spf"], tmp_path / "pair", models_dir), lambda event: None, kept)
    assert repr(kept("tiny", models_dir).network) == repr(load_base("tiny", models_dir).network)


def test_a_base_is_kept_until_its_files_change(models_dir: Path, tmp_path: Path) -> None:
    mine, kept = tmp_path / "models", KeptBase()
    shutil.copytree(models_dir / "tiny", mine / "tiny")
    first = kept("tiny", mine)
    assert kept("tiny", mine) is first
    os.utime(mine / "tiny" / "unet" / "config.json")
    second = kept("tiny", mine)
    assert second is not first
    shutil.rmtree(mine / "tiny")
    with pytest.raises(ModelError):
        kept("tiny", mine)


def test_it_ends_when_nobody_orders(models_dir: Path) -> None:
    source, target = os.pipe()
    serve(source, lambda event: None, 0.01, models_dir)
    os.write(target, b'{"half": ')
    serve(source, lambda event: None, 0.01, models_dir)
    os.close(target)


@pytest.mark.parametrize(("limit", "value"), [("_MOST_ORDERS", 2), ("_MOST_GROWTH", 0.5)])
def test_an_old_process_ends_after_an_order(
    limit: str, value: float, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"spf_portrait.drawing.serve.{limit}", value)
    orders = [DrawingOrder(spec=spec(steps=1, maps=False), out=tmp_path / str(number)) for number in range(3)]
    serve(read_end(*(order.to_line() for order in orders)), lambda event: None, SILENT_S, models_dir)
    assert len(list(tmp_path.iterdir())) == (2 if limit == "_MOST_ORDERS" else 1)


@pytest.mark.parametrize(
    "line", [b"", b"draw!", b"{}", b'{"spec": {"base_text": "a", "target": "b", "x": 1}, "out": "."}']
)
def test_other_lines_are_refused(line: bytes) -> None:
    with pytest.raises(SpecError) as refusal:
        parse_order(line)
    assert refusal.value.code == "unreadable_order"


def test_the_command_draws_logs_and_says_why_it_ends(models_dir: Path, tmp_path: Path) -> None:
    order = DrawingOrder(spec=spec(steps=1), out=tmp_path / "pair", log=tmp_path / "logs" / "one.log")
    gone = order.model_copy(update={"adapter": tmp_path / "gone.safetensors", "log": tmp_path / "logs" / "two.log"})
    command = [sys.executable, "-m", "spf_portrait", "serve", "--models", str(models_dir)]

    done = subprocess.run(
        command, input=order.to_line() + gone.to_line() + order.to_line(), capture_output=True, check=False
    )
    events = [parse_event(line) for line in done.stdout.splitlines()]
    assert done.returncode == EXIT_FAILED
    assert isinstance(events[0], Progress)
    assert [event.kind for event in events if not isinstance(event, Progress)] == ["finished", "failed"]
    assert isinstance(events[-1], Failed)
    assert "gone.safetensors" in events[-1].error["message"]
    assert (tmp_path / "logs" / "one.log").is_file()
    assert "gone.safetensors" in (tmp_path / "logs" / "two.log").read_text("utf-8")
