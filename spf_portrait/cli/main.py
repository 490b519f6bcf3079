"""`spf-portrait`: check, train, sample, grid, serve, evaluate, bases, doctor."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spf_portrait.cli.adapters import chosen_adapters
from spf_portrait.cli.check import add_check
from spf_portrait.cli.evaluate import add_evaluate
from spf_portrait.cli.grid import add_grid
from spf_portrait.cli.hold import add_hold, chosen_hold
from spf_portrait.cli.options import add_common
from spf_portrait.cli.train import add_train
from spf_portrait.contract.artifacts import EXIT_FAILED, EXIT_OK, EXIT_USAGE
from spf_portrait.contract.bases import known_bases
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.contract.errors import SpecError, SpfError
from spf_portrait.contract.events import Failed
from spf_portrait.running.chosen_options import chosen_options
from spf_portrait.running.crash import crash_report
from spf_portrait.running.library_settings import settle_libraries
from spf_portrait.running.progress import Report

# The torch stack takes seconds to import, so each command imports what it runs, and --help answers at once.

_DESCRIPTION = """\
Teach a text-to-image model one portrait attribute without changing anything else it does.

SPF-Portrait (arXiv 2504.00396) fine-tunes a small adapter along two paths: the original model draws what the base text
says, the tuned model draws base text and target, and everything the target does not concern is held together.
"""

_EPILOG = """\
examples:
  spf-portrait check portraits/
  spf-portrait train portraits/ --out run/
  spf-portrait train portraits/ --out run/ --set stage2_steps=500 --set losses.control_map=false
  spf-portrait sample --adapter run/adapter.safetensors --text "a woman, a hat" --target "blonde hair" --out pair/
  spf-portrait sample --adapter hair.safetensors:0.8 --adapter glasses.safetensors ...
  spf-portrait sample --adapter from-another-tool.safetensors --hold ...
  spf-portrait grid --adapter run/adapter.safetensors --prompt "a woman" --target "blonde hair" --seeds 0,1 --out grid/
  spf-portrait evaluate --adapter run/adapter.safetensors --out measured/
  spf-portrait evaluate pair/

portraits/ is a folder with metadata.jsonl, metadata.csv or a .txt beside each picture; a .csv, .jsonl or .zip does too.

A caption marks its target with square brackets: a woman in a brown jacket, with a curtain background, [blonde hair]
Where captions mark nothing, --target names it once for all.

exit codes: 0 done; 1 failed, the message says what to do; 2 wrong options; 75 stopped by SIGTERM after a checkpoint.
"""

_SAMPLE_OPTIONS = (
    "one option, such as steps=50; maps=false for the pictures alone; layer_maps=true for attention layer by layer; "
    "reconstruction=true for the base text by the tuned model"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    report = _reporter(getattr(options, "events", False))
    try:
        return options.run(options, report)
    except SpfError as error:
        report(Failed(error=error.as_dict()))
        sys.stderr.write(f"{error}\n")
        return EXIT_USAGE if isinstance(error, SpecError) else EXIT_FAILED
    except Exception as error:
        report(crash_report(error))
        raise


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("spf-portrait", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=layout)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_check(commands)
    add_train(commands)
    _add_sample(commands)
    add_grid(commands)
    _add_serve(commands)
    add_evaluate(commands)
    _add_bases(commands)
    _add_doctor(commands)
    return parser


def _add_sample(commands: Any) -> None:
    parser = commands.add_parser("sample", help="draw a pair from one seed", description="Draw reference and response.")
    parser.add_argument(
        "--adapter",
        action="append",
        default=[],
        metavar="FILE[:STRENGTH]",
        help="up to four at once; without one both paths use the original model",
    )
    parser.add_argument("--strength", type=float, help="of a single adapter, 0 to 2; 0 is exactly off (default: 1)")
    parser.add_argument("--text", metavar="BASE", help="what the portrait shows besides the target")
    parser.add_argument("--target", help="the phrase that was taught")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="pictures, maps and sample.json go here")
    parser.add_argument("--base", help="base model (default: pico)")
    parser.add_argument("--seed", type=int, help="the same seed gives the same pair (default: 0)")
    parser.add_argument("--spec", type=Path, metavar="FILE", help="JSON file with options of the specification")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=_SAMPLE_OPTIONS)
    add_hold(parser)
    add_common(parser, _sample)


def _add_serve(commands: Any) -> None:
    parser = commands.add_parser(
        "serve",
        help="draw pairs ordered on standard input",
        description="For programs: draw one pair after the other, each ordered in a line of JSON on standard input.",
    )
    parser.add_argument("--idle", type=float, default=180.0, metavar="SECONDS", help="longest wait for an order")
    parser.add_argument("--models", type=Path, metavar="DIR", help="base models (default: $SPF_MODELS_DIR or models)")
    parser.set_defaults(run=_serve, events=True)


def _add_bases(commands: Any) -> None:
    parser = commands.add_parser("bases", help="list base models", description="List the base models; prints JSON.")
    parser.add_argument("--models", type=Path, metavar="DIR", help="default: $SPF_MODELS_DIR or models")
    parser.set_defaults(run=_bases)


def _add_doctor(commands: Any) -> None:
    parser = commands.add_parser("doctor", help="say what this machine has", description="Examine; prints JSON.")
    parser.add_argument("--models", type=Path, metavar="DIR", help="default: $SPF_MODELS_DIR or models")
    parser.set_defaults(run=_doctor)


def _sample(options: argparse.Namespace, report: Report) -> int:
    settle_libraries()
    from spf_portrait.drawing.sample import SampleJob, sample

    chosen = chosen_adapters(options.adapter, options.strength)
    named = {"base": options.base, "base_text": options.text, "target": options.target, "seed": options.seed}
    held = [f"hold.{field}={value}" for field, value in chosen_hold(options).items()]
    settings = [*options.set, *held]
    spec = ComparisonSpec.from_mapping(chosen_options(options.spec, settings, named | chosen.settings))
    report(sample(SampleJob(spec, chosen.file, options.out, options.models, chosen.files), report))
    return EXIT_OK


def _serve(options: argparse.Namespace, report: Report) -> int:
    settle_libraries()
    from spf_portrait.drawing.serve import serve

    serve(sys.stdin.fileno(), report, options.idle, options.models)
    return EXIT_OK


def _bases(options: argparse.Namespace, report: Report) -> int:
    return _print({key: info.model_dump(mode="json") for key, info in known_bases(options.models).items()})


def _doctor(options: argparse.Namespace, report: Report) -> int:
    from spf_portrait.running.doctor import examine

    found = examine(options.models)
    _print(found)
    return EXIT_FAILED if found["problems"] else EXIT_OK


def _print(content: dict[str, Any]) -> int:
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return EXIT_OK


def _reporter(events: bool) -> Report:
    from spf_portrait.running.reporters import Bars, json_lines

    return json_lines if events else Bars()
