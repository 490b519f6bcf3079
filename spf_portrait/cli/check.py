"""`spf-portrait check`: look a caption set through before training."""

import argparse
import json
import sys
from typing import Any

from spf_portrait.cli.options import add_caption_set, add_common
from spf_portrait.contract.artifacts import EXIT_FAILED, EXIT_OK
from spf_portrait.contract.events import Finished
from spf_portrait.running.library_settings import settle_libraries
from spf_portrait.running.progress import Report

_DESCRIPTION = """\
Look a caption set through: every problem of every portrait at once, how captions are read, how many tokens they have
and which words would be cut off, phrases that always come with the target, pictures that are too small or there twice,
and words that the base model has never seen. Nothing is trained and nothing is written.
"""
_EPILOG = """\
exit codes: 0 a training can start; 1 something stops it.
"""


def add_check(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "check",
        help="look a caption set through",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_caption_set(parser)
    parser.add_argument("--base", default="pico", help="base model that it is meant for (default: pico)")
    parser.add_argument("--json", action="store_true", help="JSON, with the base text of every portrait")
    add_common(parser, _check)


def _check(options: argparse.Namespace, report: Report) -> int:
    settle_libraries()
    from spf_portrait.checking.run import CheckJob, check
    from spf_portrait.checking.table import table

    findings = check(CheckJob(options.data, options.base, options.target, options.models), report)
    report(Finished(files={}))  # closes the bar
    if options.json:
        sys.stdout.write(json.dumps(findings.as_dict(), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(table(findings))
    return EXIT_FAILED if findings.problems else EXIT_OK
