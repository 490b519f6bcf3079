"""`spf-portrait train`: teach a target from a caption set."""

import argparse
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any, get_args

from spf_portrait.cli.options import add_caption_set, add_common
from spf_portrait.cli.settings import described_methods, described_settings, preset_tables
from spf_portrait.contract.artifacts import EXIT_OK, EXIT_PREEMPTED
from spf_portrait.contract.preset_table import Preset
from spf_portrait.contract.training_spec import LossSwitches, TrainingSpec
from spf_portrait.running.chosen_options import chosen_options
from spf_portrait.running.library_settings import settle_libraries
from spf_portrait.running.progress import Report

# The torch stack takes seconds to import, so it is imported when the command runs.

_DESCRIPTION = """\
Teach a target from portraits that show it.

Stage 1 learns the target by ordinary fine-tuning; stage 2 holds everything else to what the original model says.
"""

_EPILOG = """\
what to watch, beside the bar and in loss.jsonl:
  target gained   how much nearer to portraits with the target its words bring the answer; from about 0 upwards
  rest kept       how far texts without the target keep the original answer; from 1 downwards
  Losses of single steps say little. When target gained falls again, the training has become too long.
  --set preview_every=50 draws the same pairs again and again into DIR/previews, from step 0 on.
  DIR/steps holds the adapter of every checkpoint: `spf-portrait grid --adapter DIR/steps` shows them side by side.

when it stops early:
  SIGTERM writes a checkpoint; after a crash the newest sound one is used. The same command with --resume goes on, to
  the same result as if nothing had happened. How often to look, save or draw may be changed then, and so may
  batch_size and accumulation if their product stays.

when memory is short, without changing the result:
  --set batch_size=2 --set accumulation=2, in place of batch_size=4; --set gradient_checkpointing=true
"""


def add_train(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "train",
        help="teach a target from a caption set",
        description=_DESCRIPTION,
        epilog=f"{_EPILOG}\nmethods, all but the first for comparison:\n{described_methods()}\n\n"
        f"presets:\n{preset_tables()}\n\nsettings with their defaults:\n{described_settings()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_caption_set(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="adapter, report and losses go here")
    parser.add_argument("--base", help="base model, see `spf-portrait bases` (default: pico)")
    parser.add_argument("--method", help="one of the methods below (default: spf)")
    parser.add_argument("--preset", help=f"{', '.join(get_args(Preset))} (default: quick)")
    parser.add_argument("--spec", type=Path, metavar="FILE", help="JSON file with options of the specification")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one option, may be repeated")
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=list(LossSwitches.model_fields),
        metavar="PART",
        help="switch off a part of the method, a row of the paper's ablation: " + ", ".join(LossSwitches.model_fields),
    )
    parser.add_argument("--resume", action="store_true", help="go on from the newest sound checkpoint, if there is one")
    parser.add_argument("--checkpoints", type=Path, metavar="DIR", help="default: checkpoints in --out")
    add_common(parser, _train)


def _train(options: argparse.Namespace, report: Report) -> int:
    settle_libraries()
    from spf_portrait.training.preparation import TrainingJob
    from spf_portrait.training.train import Preempted, train

    named = {"base": options.base, "method": options.method, "preset": options.preset}
    settings = [*options.set, *(f"losses.{part}=false" for part in options.without)]
    chosen = chosen_options(options.spec, settings, named)
    spec = TrainingSpec.from_order(chosen, options.models)
    checkpoints = options.checkpoints or options.out / "checkpoints"
    stop = threading.Event()

    def on_sigterm(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_sigterm)
    try:
        job = TrainingJob(options.data, options.out, checkpoints, spec, options.resume, options.models, options.target)
        report(train(job, report, stop.is_set))
    except Preempted:
        return EXIT_PREEMPTED
    return EXIT_OK
