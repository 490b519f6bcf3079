"""`spf-portrait evaluate`: measure an adapter, or pairs that `sample` drew."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from spf_portrait.cli.hold import add_hold, chosen_hold
from spf_portrait.contract.artifacts import EVALUATION, EVALUATION_SHEET, EXIT_OK
from spf_portrait.contract.drawing_spec import EvaluationSpec
from spf_portrait.contract.errors import SpecError
from spf_portrait.contract.events import Finished
from spf_portrait.running.chosen_options import chosen_options
from spf_portrait.running.library_settings import settle_libraries
from spf_portrait.running.progress import Report

# The torch stack takes seconds to import, so it is imported when the command runs.

_DESCRIPTION = """\
Measure an adapter against the original model, or compare the pictures of pairs that `sample` drew.

With --adapter, four pictures are drawn for each held-out text from one noise: by the original and by the tuned model,
without and with the target. What a metric needs and does not find is said, with how to get it.
"""
_EPILOG = """\
On a terminal the results are a table. When standard output goes elsewhere they are JSON there, and the table goes to
standard error. --json and --table choose one of the two by name.

pico has captions of its own for this; other base models need --texts. 32 texts in 25 steps take pico some minutes on
two CPU cores. Pictures depend on text and seed alone, so a smaller --count measures the first of them.
"""
_SPEC_OPTIONS = {
    "base": "base",
    "target": "target",
    "count": "count",
    "seed_from": "seed_from",
    "steps": "steps",
    "guidance": "guidance_scale",
    "strength": "strength",
}
"""Option → field of the specification."""
_HOLD_OPTIONS = ("hold", "held_below", "free_above")
_OF_AN_ADAPTER = (
    *_SPEC_OPTIONS,
    *_HOLD_OPTIONS,
    "spec",
    "texts",
    "out",
    "metrics",
    "models",
    "json",
    "table",
    "events",
)


def add_evaluate(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "evaluate",
        help="measure an adapter or pairs",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_pairs(parser)
    _add_adapter(parser.add_argument_group("an adapter"))
    add_hold(parser)
    parser.set_defaults(run=_evaluate)


def _add_pairs(parser: argparse.ArgumentParser) -> None:
    pairs = parser.add_argument_group("pairs (always JSON)")
    pairs.add_argument("pairs", type=Path, nargs="*", metavar="PAIR_DIR", help="folders that `sample` wrote")
    pairs.add_argument("--mask", type=Path, metavar="FILE", help="picture, bright where the target may change things")


def _add_adapter(group: Any) -> None:
    group.add_argument("--adapter", type=Path, metavar="FILE", help="what `train` wrote")
    group.add_argument("--base", help="base model (default: pico)")
    group.add_argument("--target", metavar="PHRASE", help="default: the phrase in the adapter's header")
    group.add_argument("--texts", type=Path, metavar="FILE", help="base texts, one a line, that do not name the target")
    group.add_argument("--count", type=int, help="number of texts (default: 32, or all lines of --texts)")
    group.add_argument("--seed-from", type=int, metavar="N", help="seeds N, N+1, … (default: 0)")
    group.add_argument("--steps", type=int, help="denoising steps (default: 25)")
    group.add_argument("--guidance", type=float, help="guidance scale (default: 4)")
    group.add_argument("--strength", type=float, help="factor on the adapter's weights (default: 1)")
    group.add_argument("--spec", type=Path, metavar="FILE", help="JSON file with options of the specification")
    group.add_argument("--out", type=Path, metavar="DIR", help="evaluation.json and evaluation.png go here")
    group.add_argument(
        "--metrics", type=Path, metavar="DIR", help="published weights of further metrics (default: $SPF_METRICS_DIR)"
    )
    group.add_argument("--models", type=Path, metavar="DIR", help="base models (default: $SPF_MODELS_DIR or models)")
    shown = group.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="JSON on standard output, the table on standard error")
    shown.add_argument("--table", action="store_true", help="the table on standard output, no JSON")
    shown.add_argument("--events", action="store_true", help="JSON lines of progress on standard output, no results")


def _evaluate(options: argparse.Namespace, report: Report) -> int:
    _check(options)
    if options.adapter is None:
        return _evaluate_pairs(options)
    return _evaluate_adapter(options, report)


def _evaluate_pairs(options: argparse.Namespace) -> int:
    from spf_portrait.evaluation.pairs import evaluate_pairs

    _write_json(evaluate_pairs(options.pairs, options.mask))
    return EXIT_OK


def _evaluate_adapter(options: argparse.Namespace, report: Report) -> int:
    named = {field: getattr(options, option) for option, field in _SPEC_OPTIONS.items()}
    held = [f"hold.{field}={value}" for field, value in chosen_hold(options).items()]
    spec = EvaluationSpec.from_mapping(chosen_options(options.spec, held, named))
    settle_libraries()
    from spf_portrait.evaluation.run import EvaluationJob, evaluate_adapter
    from spf_portrait.evaluation.table import table
    from spf_portrait.pico.domain_of_base import domain_of_base

    job = EvaluationJob(spec, options.adapter, options.texts, options.out, options.models)
    evaluation = evaluate_adapter(job, report, domain_of_base, _further_metrics(options.metrics))
    if options.events:
        report(Finished(files=_written(options.out)))
        return EXIT_OK
    report(Finished(files={}))  # closes the bar; standard output is for the results alone
    if options.table or (sys.stdout.isatty() and not options.json):
        sys.stdout.write(table(evaluation))
    else:
        sys.stderr.write(table(evaluation))
        _write_json(evaluation.as_dict())
    return EXIT_OK


def _further_metrics(named: Path | None) -> dict[str, Any]:
    """Those of published weights, if a folder is named.

    Raises:
        ModelError: It has none.
    """
    from spf_portrait.evaluation.published import METRICS_VARIABLE, published_metrics
    from spf_portrait.models.base_model import default_device

    folder = named or os.environ.get(METRICS_VARIABLE)
    return published_metrics(Path(folder), default_device()) if folder else {}


def _check(options: argparse.Namespace) -> None:
    """Either pairs or an adapter, each with its own options.

    Raises:
        SpecError: Neither or both, or an option of the other one.
    """
    if bool(options.pairs) == (options.adapter is not None):
        found = "PAIR_DIR and --adapter" if options.pairs else "neither PAIR_DIR nor --adapter"
        raise SpecError("nothing_to_evaluate", found, "one of the two", "Give folders of pairs, or an adapter")
    others = ("mask",) if options.adapter else _OF_AN_ADAPTER
    given = vars(options)
    wrong = [f"--{name.replace('_', '-')}" for name in others if given[name] is not None and given[name] is not False]
    if wrong:
        other = "pairs" if options.adapter else "an adapter"
        raise SpecError("misplaced_option", ", ".join(wrong), f"only for {other}", "Take it out")


def _written(out: Path | None) -> dict[str, str]:
    return {} if out is None else {"evaluation": str(out / EVALUATION), "pictures": str(out / EVALUATION_SHEET)}


def _write_json(content: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
