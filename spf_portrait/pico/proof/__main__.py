"""`python -m spf_portrait.pico.proof --out DIR`: train every system on biased sets, measure, and put side by side.

In every set the target always comes with one background and one garment, named in the captions or not. What a training
learns of them beside the target is pollution. Finished trials are kept, so the same command goes on after a stop.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from spf_portrait.contract.errors import SpfError
from spf_portrait.contract.events import Event
from spf_portrait.pico.proof.sets import BiasedSet, development_targets
from spf_portrait.pico.proof.systems import SYSTEMS, System, systems_named
from spf_portrait.pico.proof.table import table
from spf_portrait.pico.proof.trial import Bench, Figures, Target, figures
from spf_portrait.running.chosen_options import chosen_options
from spf_portrait.running.library_settings import settle_libraries

Proof = dict[str, list[tuple[System, dict[str, Figures]]]]
"""Heading of a table → its rows: every system with its figures by target."""


def main() -> None:
    """Run all trials, print the tables, and write them."""
    arguments = _parser().parse_args()
    settle_libraries()
    bench = Bench(
        arguments.out, "pico", arguments.texts, chosen_options(None, arguments.set, {}), _silent, arguments.models
    )
    try:
        proof = _run(bench, arguments.targets, systems_named(arguments.systems), arguments.bias)
    except SpfError as error:
        sys.exit(str(error))
    text = "\n".join(table(rows, heading) for heading, rows in proof.items())
    (arguments.out / "proof.md").write_text(text, "utf-8")
    (arguments.out / "proof.json").write_text(json.dumps(_as_dict(proof), indent=2) + "\n", "utf-8")
    print(text)


def _run(bench: Bench, phrases: Sequence[str], systems: Sequence[System], kinds: Sequence[str]) -> Proof:
    bench.folder.mkdir(parents=True, exist_ok=True)
    targets = {phrase: Target(bench, phrase) for phrase in phrases}
    bar = tqdm(total=len(kinds) * len(systems) * len(targets), unit="trial")
    proof: Proof = {}
    for kind in kinds:
        heading, named = f"Bias {kind} in the captions", kind == "named"
        proof[heading] = []
        for system in systems:
            by_target: dict[str, Figures] = {}
            for phrase, target in targets.items():
                bar.set_description(f"{phrase}, {heading.lower()}, {system.title}")
                by_target[phrase] = figures(bench, target, system, BiasedSet(phrase, named))
                bar.update()
            proof[heading].append((system, by_target))
    bar.close()
    return proof


def _as_dict(proof: Proof) -> dict[str, Any]:
    return {heading: {system.name: by_target for system, by_target in rows} for heading, rows in proof.items()}


def _silent(event: Event) -> None:
    """The bar counts trials; a training's own steps would flicker beside it."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m spf_portrait.pico.proof", description=__doc__)
    names = [system.name for system in SYSTEMS]
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="sets, adapters, figures and tables")
    parser.add_argument(
        "--targets",
        nargs="+",
        choices=development_targets(),
        default=["sunglasses", "blonde hair"],
        metavar="PHRASE",
        help="held-back attributes of the development split: " + ", ".join(development_targets()),
    )
    parser.add_argument("--systems", nargs="*", choices=names, default=[], metavar="NAME", help=", ".join(names))
    kinds = ["named", "unnamed"]
    parser.add_argument("--bias", nargs="+", choices=kinds, default=kinds, help="do captions say it? (default: both)")
    parser.add_argument("--texts", type=int, default=16, help="held-out texts, four pictures each (default 16)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="an option of all trainings")
    parser.add_argument("--models", type=Path, metavar="DIR", help="base models (default: $SPF_MODELS_DIR or models)")
    return parser


if __name__ == "__main__":
    main()
