"""Options that several commands of the command line share."""

import argparse
from collections.abc import Callable
from pathlib import Path

from spf_portrait.running.progress import Report


def add_caption_set(parser: argparse.ArgumentParser) -> None:
    """Add where the portraits with their captions are, and the target for captions that mark none."""
    parser.add_argument("data", type=Path, metavar="DATA", help="caption set: folder, .csv, .jsonl or .zip")
    parser.add_argument("--target", metavar="PHRASE", help="what to teach, if no square brackets mark it in captions")


def add_common(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace, Report], int]) -> None:
    """Add them; `run` is what the command does, and gives its exit code."""
    parser.add_argument("--models", type=Path, metavar="DIR", help="base models (default: $SPF_MODELS_DIR or models)")
    parser.add_argument("--events", action="store_true", help="JSON lines on standard output instead of bars")
    parser.set_defaults(run=run)
