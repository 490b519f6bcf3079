"""`spf-portrait grid`: prompts × seeds × adapters on one sheet."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spf_portrait.cli.adapters import parted, telling_labels
from spf_portrait.cli.hold import add_hold, chosen_hold
from spf_portrait.cli.options import add_common
from spf_portrait.contract.artifacts import ADAPTER, EXIT_OK, EXIT_PREEMPTED
from spf_portrait.contract.errors import SpecError
from spf_portrait.contract.events import Notice
from spf_portrait.contract.grid import MAX_COLUMNS, MAX_PICTURES, MAX_PROMPTS, MAX_SEEDS, GridSpec
from spf_portrait.running.library_settings import settle_libraries
from spf_portrait.running.progress import Report

# The torch stack takes seconds to import, so it is imported when the command runs.

_DESCRIPTION = f"""\
Draw every prompt with every seed: by the original model from the base text alone (the column "reference"), and by each
adapter from the base text and the target. All pictures of a row start from the same noise, so what differs between them
is what the target and the adapter do.

At most {MAX_PROMPTS} prompts, {MAX_SEEDS} seeds, {MAX_COLUMNS} adapters, and {MAX_PICTURES} pictures in all.
"""

_EPILOG = f"""\
what is written to DIR:
  grid.png     all pictures on one sheet, rows and columns labelled
  grid.json    what was drawn with what
  pictures/    every picture by itself, as p00-s3-reference.png: number of the prompt, seed, column. Its metadata say
               that it is AI-generated, and hold the settings that it was drawn with

adapters:
  A file that a training exported, or a folder of them: run/steps stands for every run/steps/step-*/{ADAPTER}.
  The checkpoints that a training resumes from hold its state, not adapters; they are not read.
  A :STRENGTH behind a folder holds for all in it. The same file with several strengths makes several columns.

when it is stopped:
  Ctrl-C loses at most the pictures that are being drawn; the exit code is 75. The same command goes on: pictures that
  are there with the same settings are kept, others of the same name are drawn again. So adding prompts, seeds or
  adapters draws what they add.

examples:
  spf-portrait grid --adapter run/adapter.safetensors --prompt "a woman, a hat" --prompt "a man" \\
    --target "blonde hair" --seeds 0,1,2 --out grid/
  spf-portrait grid --adapter run/steps --prompts prompts.txt --target "blonde hair" --out grid/
  spf-portrait grid --adapter hair.safetensors:0.5 --adapter hair.safetensors ...
  spf-portrait grid --adapter from-another-tool.safetensors --hold 0.8 --held-below 0.3 --free-above 0.7 ...
"""


def add_grid(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "grid",
        help="draw prompts x seeds x adapters on one sheet",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    adapter = "file, or folder of a training's exported steps; may be repeated; strength 0 to 2 (default: 1)"
    parser.add_argument("--adapter", action="append", required=True, metavar="FILE[:STRENGTH]", help=adapter)
    prompts = parser.add_mutually_exclusive_group(required=True)
    prompts.add_argument("--prompt", action="append", metavar="BASE", help="base text; may be repeated")
    prompts.add_argument("--prompts", type=Path, metavar="FILE", help="base texts, one a line")
    parser.add_argument("--target", required=True, help="the phrase that was taught")
    parser.add_argument("--seeds", default="0", help="with commas between them, such as 0,1,2 (default: 0)")
    parser.add_argument("--steps", type=int, help="denoising steps (default: 25)")
    parser.add_argument("--guidance", type=float, help="guidance scale (default: 4)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="pictures, sheet and grid.json go here")
    parser.add_argument("--base", help="base model (default: pico)")
    add_hold(parser)
    add_common(parser, _grid)


def _grid(options: argparse.Namespace, report: Report) -> int:
    adapters = _exported(options.adapter)
    spec = GridSpec.from_mapping(_chosen(options, adapters))
    settle_libraries()
    from spf_portrait.drawing.grid import GridJob, draw_grid

    try:
        report(draw_grid(GridJob(spec, tuple(file for file, _ in adapters), options.out, options.models), report))
    except KeyboardInterrupt:
        report(Notice(message="Stopped. What is drawn stays; the same command goes on."))
        return EXIT_PREEMPTED
    return EXIT_OK


def _chosen(options: argparse.Namespace, adapters: Sequence[tuple[Path, float]]) -> dict[str, Any]:
    labels = telling_labels([file for file, _ in adapters])
    uses = [{"adapter": label, "strength": strength} for label, (_, strength) in zip(labels, adapters, strict=True)]
    chosen = {
        "base": options.base,
        "prompts": options.prompt or _lines(options.prompts),
        "target": options.target,
        "seeds": _seeds(options.seeds),
        "adapters": uses,
        "steps": options.steps,
        "guidance_scale": options.guidance,
        "hold": chosen_hold(options) or None,
    }
    return {name: value for name, value in chosen.items() if value is not None}


def _exported(named: Sequence[str]) -> list[tuple[Path, float]]:
    """Files with their strengths, those of a folder in the order of their steps.

    Raises:
        SpecError: There is no adapter in a folder.
    """
    found: list[tuple[Path, float]] = []
    for place, strength in map(parted, named):
        files = sorted(place.glob(f"step-*/{ADAPTER}")) if place.is_dir() else [place]
        if not files:
            raise SpecError(
                "no_exported_steps",
                f"the folder {place} without any step-*/{ADAPTER}",
                "an adapter file, or the folder steps of a training that exported adapters on its way",
                "Name the adapter files themselves",
            )
        found += [(file, 1.0 if strength is None else strength) for file in files]
    return found


def _lines(file: Path) -> list[str]:
    """Those that are not empty."""
    try:
        return [line.strip() for line in file.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise SpecError(
            "unreadable_prompts", f"{file} ({error})", "a text file in UTF-8", "Check the path given as --prompts"
        ) from error


def _seeds(named: str) -> list[int]:
    try:
        return [int(seed) for seed in named.split(",")]
    except ValueError as error:
        raise SpecError(
            "bad_seeds", f"--seeds {named}", "whole numbers with commas between them", "Write them as 0,1,2"
        ) from error
