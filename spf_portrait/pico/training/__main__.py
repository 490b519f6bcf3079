"""`python -m spf_portrait.pico.training`: make the bundled model and its judge from nothing.

Can be killed at any time: the same command goes on where it was. On a CPU the same seed gives the same weights, bit by
bit, for the same number of threads.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Final

import torch

from spf_portrait.pico.training.recipe import STEPS, Part
from spf_portrait.pico.training.resumable import OutOfTime
from spf_portrait.pico.training.workshop import Workshop

_EXIT_OUT_OF_TIME: Final = 75
"""EX_TEMPFAIL: run it again."""


def main() -> None:
    """Make what is not made yet, then put it together."""
    arguments = _checked(_parser())
    torch.set_num_threads(arguments.threads)
    deadline_s = time.monotonic() + 60 * arguments.minutes
    workshop = Workshop(arguments.work, arguments.seed, torch.device(_device(arguments.device)), deadline_s)
    try:
        if arguments.only:
            part = Part(arguments.only)
            workshop.make(part, arguments.steps or STEPS[part])
        else:
            _make_all(workshop, arguments.out)
    except OutOfTime as stopped:
        print(f"Out of time. {stopped}. The same command goes on from there.", file=sys.stderr)
        sys.exit(_EXIT_OUT_OF_TIME)


def _make_all(workshop: Workshop, out: Path) -> None:
    for part, steps in STEPS.items():
        if not workshop.is_made(part):
            workshop.make(part, steps)
    workshop.assemble(out)
    print(f"The model is in {out}. Measure it with: python -m spf_portrait.pico.measuring {out}")


def _checked(parser: argparse.ArgumentParser) -> argparse.Namespace:
    arguments = parser.parse_args()
    if arguments.steps is not None and not arguments.only:
        parser.error("--steps belongs to one part: name it with --only")
    if min(arguments.threads, arguments.minutes, 1 if arguments.steps is None else arguments.steps) <= 0:
        parser.error("--steps, --minutes and --threads must be above 0")
    return arguments


def _device(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    return "cuda" if torch.cuda.is_available() else "cpu"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m spf_portrait.pico.training", description=__doc__)
    parser.add_argument(
        "--only", choices=[part.value for part in Part], help="make one part, or train it further (default: all)"
    )
    parser.add_argument("--steps", type=int, help="with --only: steps of its whole training (default: the recipe's)")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many minutes")
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: a GPU if there is one"
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path.home() / ".cache/spf-portrait/pico",
        help="checkpoints and finished parts (default ~/.cache/spf-portrait/pico)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("models/pico"), help="the model's folder (default models/pico)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and noise (default 0)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads (default: all cores)")
    return parser


if __name__ == "__main__":
    main()
