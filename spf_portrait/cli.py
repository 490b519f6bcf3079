"""`spf-portrait`: train, sample, serve, evaluate, bases, doctor."""

import argparse
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, cast

from spf_portrait.cli_evaluate import add_evaluate
from spf_portrait.contract.artifacts import EXIT_FAILED, EXIT_OK, EXIT_PREEMPTED, EXIT_USAGE
from spf_portrait.contract.bases import known_bases
from spf_portrait.contract.errors import SpecError, SpfError
from spf_portrait.contract.events import Failed
from spf_portrait.contract.jobs import PRESETS, ComparisonSpec, TrainingSpec
from spf_portrait.library_settings import settle_libraries
from spf_portrait.progress import Report

# The torch stack takes seconds to import, so each command imports what it runs, and --help answers at once.

_DESCRIPTION = """\
Teach a text-to-image model one portrait attribute without changing anything else it does.

SPF-Portrait (arXiv 2504.00396) fine-tunes a small adapter along two paths: the original model draws what the base text
says, the tuned model draws base text and target, and everything the target does not concern is held together.
"""

_EPILOG = """\
examples:
  spf-portrait train portraits/ --out run/
  spf-portrait train portraits/ --out run/ --set stage2_steps=500 --set losses.control_map=false
  spf-portrait sample --adapter run/adapter.safetensors --text "a woman, a hat" --target "blonde hair" --out pair/
  spf-portrait evaluate --adapter run/adapter.safetensors --out measured/
  spf-portrait evaluate pair/

portraits/ is a folder with metadata.jsonl, metadata.csv or a .txt beside each picture; a .csv, .jsonl or .zip does too.

A caption marks its target with square brackets: a woman in a brown jacket, with a curtain background, [blonde hair]

exit codes: 0 done; 1 failed, the message says what to do; 2 wrong options; 75 stopped by SIGTERM after a checkpoint.
"""


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


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("spf-portrait", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=layout)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands)
    _add_sample(commands)
    _add_serve(commands)
    add_evaluate(commands)
    _add_bases(commands)
    _add_doctor(commands)
    return parser


def _add_train(commands: Any) -> None:
    parser = commands.add_parser("train", help="teach a target from a caption set", description="Train an adapter.")
    parser.add_argument("data", type=Path, metavar="DATA", help="caption set: folder, .csv, .jsonl or .zip")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="adapter, report and losses go here")
    parser.add_argument("--base", help="base model, see `spf-portrait bases` (default: pico)")
    parser.add_argument("--method", help="spf, or lora for plain LoRA (default: spf)")
    parser.add_argument("--preset", help=f"{', '.join(PRESETS)} (default: quick)")
    parser.add_argument("--spec", type=Path, metavar="FILE", help="JSON file with options of the specification")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one option, may be repeated")
    parser.add_argument("--resume", action="store_true", help="go on from the newest sound checkpoint, if there is one")
    parser.add_argument("--checkpoints", type=Path, metavar="DIR", help="default: checkpoints in --out")
    _add_common(parser, _train)


def _add_sample(commands: Any) -> None:
    parser = commands.add_parser("sample", help="draw a pair from one seed", description="Draw reference and response.")
    parser.add_argument("--adapter", type=Path, metavar="FILE", help="without it both paths use the original model")
    parser.add_argument("--text", metavar="BASE", help="what the portrait shows besides the target")
    parser.add_argument("--target", help="the phrase that was taught")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="pictures, maps and sample.json go here")
    parser.add_argument("--base", help="base model (default: pico)")
    parser.add_argument("--seed", type=int, help="the same seed gives the same pair (default: 0)")
    parser.add_argument("--spec", type=Path, metavar="FILE", help="JSON file with options of the specification")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one option, such as steps=50")
    _add_common(parser, _sample)


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


def _add_common(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace, Report], int]) -> None:
    parser.add_argument("--models", type=Path, metavar="DIR", help="base models (default: $SPF_MODELS_DIR or models)")
    parser.add_argument("--events", action="store_true", help="JSON lines on standard output instead of bars")
    parser.set_defaults(run=run)


def _train(options: argparse.Namespace, report: Report) -> int:
    settle_libraries()
    from spf_portrait.preparation import TrainingJob
    from spf_portrait.train import Preempted, train

    named = {"base": options.base, "method": options.method, "preset": options.preset}
    chosen = _options(options.spec, options.set, named)
    spec = TrainingSpec.from_preset(chosen.pop("preset", "quick"), **chosen)
    checkpoints = options.checkpoints or options.out / "checkpoints"
    stop = threading.Event()

    def on_sigterm(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_sigterm)
    try:
        job = TrainingJob(options.data, options.out, checkpoints, spec, options.resume, options.models)
        report(train(job, report, stop.is_set))
    except Preempted:
        return EXIT_PREEMPTED
    return EXIT_OK


def _sample(options: argparse.Namespace, report: Report) -> int:
    settle_libraries()
    from spf_portrait.sample import SampleJob, sample

    named = {"base": options.base, "base_text": options.text, "target": options.target, "seed": options.seed}
    spec = ComparisonSpec.from_mapping(_options(options.spec, options.set, named))
    report(sample(SampleJob(spec, options.adapter, options.out, options.models), report))
    return EXIT_OK


def _serve(options: argparse.Namespace, report: Report) -> int:
    settle_libraries()
    from spf_portrait.serve import serve

    serve(sys.stdin.fileno(), report, options.idle, options.models)
    return EXIT_OK


def _bases(options: argparse.Namespace, report: Report) -> int:
    return _print({key: info.model_dump(mode="json") for key, info in known_bases(options.models).items()})


def _doctor(options: argparse.Namespace, report: Report) -> int:
    from spf_portrait.doctor import examine

    found = examine(options.models)
    _print(found)
    return EXIT_FAILED if found["problems"] else EXIT_OK


def _options(file: Path | None, settings: Sequence[str], named: dict[str, Any]) -> dict[str, Any]:
    """Options from the file, overridden by --set, overridden by named ones."""
    chosen = {} if file is None else _read_spec(file)
    for setting in settings:
        _set(chosen, setting)
    return chosen | {name: value for name, value in named.items() if value is not None}


def _read_spec(file: Path) -> dict[str, Any]:
    try:
        content: Any = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SpecError(
            "unreadable_spec", f"{file} ({error})", "a JSON object", "Check the path given as --spec"
        ) from error
    if not isinstance(content, dict):
        raise SpecError(
            "unreadable_spec", f"{file}, which is no object", "a JSON object", "Put the options into braces"
        )
    return cast("dict[str, Any]", content)


def _set(chosen: dict[str, Any], setting: str) -> None:
    """Apply KEY=VALUE; a dot in the key leads into a part, such as losses.control_map."""
    key, equals, value = setting.partition("=")
    if not equals:
        raise SpecError(
            "bad_setting", f"--set {setting}", "KEY=VALUE, such as rank=16", "Write the option with its value"
        )
    *parts, last = key.split(".")
    for part in parts:
        chosen = chosen.setdefault(part, {})
    try:
        chosen[last] = json.loads(value)
    except ValueError:
        chosen[last] = value


def _print(content: dict[str, Any]) -> int:
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return EXIT_OK


def _reporter(events: bool) -> Report:
    from spf_portrait.reporters import Bars, json_lines

    return json_lines if events else Bars()
