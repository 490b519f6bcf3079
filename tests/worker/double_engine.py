"""A small engine for tests of the worker: speaks the contract's events, trains nothing.

Usage: double_engine.py MODE train DATA --spec FILE --out DIR --checkpoints DIR --resume --events
       double_engine.py MODE serve --idle SECONDS
       double_engine.py MODE evaluate --adapter FILE --spec FILE --out DIR --events

Modes: quick, slow (0.15 s a step), refuse (reports an error), crash (dies in the middle), hang (falls silent),
deaf (slow, ignores SIGTERM), chatty (mixes other text into its output), picky (complains about the second portrait),
full (finds no room for its checkpoint). As the real one it decodes every portrait first.
The adapter it writes lists the steps that led to it, those before a resume included; the pair it draws names the
process that drew it. A pair of UNLUCKY_SEED lets it crash, refuse or hang; leaving ends it at the second pair.
The figures it makes up repeat what it was given; slow takes its time over them.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import select
import signal
import sys
import time
from pathlib import Path

from spf_portrait.contract.artifacts import (
    ADAPTER,
    EVALUATION,
    EVALUATION_SHEET,
    EXIT_FAILED,
    EXIT_PREEMPTED,
    REFERENCE,
    RESPONSE,
    SAMPLE,
    attention_map_name,
)
from spf_portrait.contract.drawing_order import DrawingOrder, parse_order
from spf_portrait.contract.errors import DataError, TrainingError
from spf_portrait.contract.events import (
    CheckpointSaved,
    Event,
    Failed,
    Finished,
    PreviewsDrawn,
    Progress,
    Validated,
    to_line,
)
from spf_portrait.contract.portraits import open_portrait
from spf_portrait.running.crash import crash_report

UNLUCKY_SEED = 13


def say(event: Event) -> None:
    """Tell the supervisor."""
    sys.stdout.write(to_line(event) + "\n")
    sys.stdout.flush()


def train(mode: str, options: argparse.Namespace) -> int:
    """Count steps, save them, and leave at SIGTERM."""
    spec = json.loads(Path(options.spec).read_text("utf-8"))
    total = int(spec["stage1_steps"])
    checkpoint = Path(options.checkpoints) / "steps.json"
    steps: list[int] = json.loads(checkpoint.read_text("utf-8")) if checkpoint.exists() else []
    rows = (Path(options.data) / "metadata.jsonl").read_text("utf-8").splitlines()
    stop_asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: None if mode == "deaf" else stop_asked.append(number))
    say(Progress(phase="loading", step=0, total=1))
    if mode == "chatty":
        sys.stdout.write("a library prints something\n{broken json\n")
    failure = reason_to_fail(mode, Path(options.data), [json.loads(row)["file_name"] for row in rows])
    if failure:
        say(failure)
        return EXIT_FAILED
    if not steps:
        say(Validated(step=0, target_gained=0.25, rest_kept=1))
        preview = Path(options.out) / "00.png"
        preview.write_bytes(b"\x89PNG preview")
        say(PreviewsDrawn(step=0, files={str(preview): "a woman, blonde hair"}))
    for step in range(len(steps), total):
        time.sleep(0.15 if mode in {"slow", "deaf"} else 0.0)
        if mode == "crash" and step == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if mode == "hang" and step == 3:
            time.sleep(600)
        steps.append(step)
        say(Progress(phase="stage1", step=step + 1, total=total, losses={"denoise": 1 / (step + 1)}, eta_s=1.0))
        save(checkpoint, steps)
        if stop_asked:
            return EXIT_PREEMPTED
    adapter = Path(options.out) / ADAPTER
    adapter.write_text(json.dumps({"steps": steps, "portraits": len(rows)}), "utf-8")
    say(Finished(files={"adapter": str(adapter)}))
    return 0


def reason_to_fail(mode: str, data: Path, names: list[str]) -> Failed | None:
    """What keeps a training from its first step."""
    if mode == "refuse":
        return Failed(error=TrainingError("loss_not_finite", "a loss of nan", "finite losses", "Lower it").as_dict())
    if mode == "full":
        return crash_report(OSError(errno.ENOSPC, "No space left on device"))
    try:
        for name in names:
            open_portrait(data / name, name)
        if mode == "picky":
            raise DataError("too_many_tokens", f"90 tokens of {names[1]}", "77", f"Shorten {names[1]}")
    except DataError as error:
        return Failed(error=error.as_dict())
    return None


def save(checkpoint: Path, steps: list[int]) -> None:
    """Write a checkpoint whole or not at all."""
    partial = checkpoint.with_suffix(".tmp")
    partial.write_text(json.dumps(steps), "utf-8")
    partial.rename(checkpoint)
    say(CheckpointSaved(step=len(steps), path=str(checkpoint)))


def serve(mode: str, idle_s: float) -> int:
    """Draw what is ordered."""
    drawn = 0
    while select.select([sys.stdin], [], [], idle_s)[0] and (line := sys.stdin.buffer.readline()):
        if mode == "leaving" and drawn:
            return 0
        code = draw(mode, parse_order(line))
        if code:
            return code
        drawn += 1
    return 0


def draw(mode: str, order: DrawingOrder) -> int:
    """Write files as a drawing would."""
    say(Progress(phase="sampling", step=0, total=2))
    if order.spec.seed == UNLUCKY_SEED:
        if mode == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        if mode == "refuse":
            say(Failed(error=DataError("too_many_tokens", "90 tokens", "77", "Shorten it").as_dict()))
            return EXIT_FAILED
        time.sleep(600)
    for name in (REFERENCE, RESPONSE, attention_map_name("response", 0, 0)):
        (order.out / name).parent.mkdir(parents=True, exist_ok=True)
        (order.out / name).write_bytes(b"\x89PNG" + name.encode())
    adapter = order.adapter.read_text("utf-8") if order.adapter else None
    uses = zip(order.adapters, order.spec.adapters, strict=True)
    adapters = [[file.read_text("utf-8"), use.strength] for file, use in uses]
    hold = None if order.spec.hold is None else order.spec.hold.model_dump()
    record = {"seed": order.spec.seed, "adapter": adapter, "adapters": adapters, "hold": hold, "pid": os.getpid()}
    (order.out / SAMPLE).write_text(json.dumps(record), "utf-8")
    say(Finished(files={"sample": str(order.out / SAMPLE)}))
    return 0


def evaluate(mode: str, options: argparse.Namespace) -> int:
    """Write figures as an evaluation would."""
    spec = json.loads(Path(options.spec).read_text("utf-8"))
    total = 200 if mode == "slow" else 2
    for step in range(total):
        say(Progress(phase="sampling", step=step, total=total))
        time.sleep(0.05)
    if mode == "refuse":
        say(Failed(error=DataError("too_many_tokens", "90 tokens", "77", "Shorten it").as_dict()))
        return EXIT_FAILED
    say(Progress(phase="measuring", step=1, total=1))
    told = {"title": "change", "unit": "", "better": "lower", "meaning": "how much", "values": [0.5, 0.25]}
    missing = {"reason": "weights missing", "how_to_get": "Get them", "licence": "MIT"}
    metrics = {
        "change": {**told, "value": 0.375, "interval_95": [0.25, 0.5], "count": 2},
        "lpips": {**told, "missing": missing},
    }
    adapter = Path(options.adapter).read_text("utf-8")
    figures = {**spec, "count": 2, "adapter": adapter, "metrics": metrics, "pollution_by_axis": {}}
    (Path(options.out) / EVALUATION).write_text(json.dumps(figures), "utf-8")
    (Path(options.out) / EVALUATION_SHEET).write_bytes(b"\x89PNG")
    say(Finished(files={"evaluation": str(Path(options.out) / EVALUATION)}))
    return 0


def main() -> int:
    """Read the command line as the worker writes it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("mode")
    parser.add_argument("verb", choices=("train", "serve", "evaluate"))
    parser.add_argument("data", nargs="?")
    for name in ("--spec", "--out", "--checkpoints", "--adapter"):
        parser.add_argument(name)
    for name in ("--resume", "--events"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--idle", type=float)
    options = parser.parse_args()
    if options.verb == "serve":
        return serve(options.mode, options.idle)
    return (train if options.verb == "train" else evaluate)(options.mode, options)


if __name__ == "__main__":
    sys.exit(main())
