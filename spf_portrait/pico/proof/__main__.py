"""`python -m spf_portrait.pico.proof`: train every system on biased sets, measure it, and record the figures.

In every set the target always comes with one background and one garment, named in the captions or not. What a training
learns of them beside the target is pollution. Every finished cell is a small file under `proof/results`; the same
command goes on where it stopped. `python -m spf_portrait.pico.proof.tables` puts them side by side.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm

# The torch stack takes seconds to import and must be told something before, so it is imported when cells are worked on.
from spf_portrait.contract.errors import SpecError, SpfError
from spf_portrait.contract.events import Event, Progress
from spf_portrait.pico.domain import Split
from spf_portrait.pico.proof.budget import Budget
from spf_portrait.pico.proof.cell import Cell, cells_of
from spf_portrait.pico.proof.orders import BASE, WORK, spec_of
from spf_portrait.pico.proof.records import RESULTS, Record
from spf_portrait.pico.proof.sets import targets_of
from spf_portrait.pico.proof.systems import SYSTEMS, System, systems_named, variant
from spf_portrait.running.chosen_options import chosen_options
from spf_portrait.running.library_settings import settle_libraries

_KINDS: Final = ("named", "unnamed")
_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}")


def main() -> None:
    """Work on cells until all are recorded or the time is over."""
    options = _parser().parse_args()
    try:
        systems = _systems(options)
        specs = {system.name: spec_of(system, options.seed) for system in systems if system.options is not None}
        cells = cells_of(systems, _targets(options), options.bias, specs, options.texts, BASE)
        left = _worked_on(cells, options)
    except SpfError as error:
        sys.exit(str(error))
    sys.stdout.write(f"{len(cells) - left} of {len(cells)} cells are recorded in {options.results}\n")


def _worked_on(cells: list[Cell], options: argparse.Namespace) -> int:
    """Returns how many cells are left."""
    settle_libraries()
    from spf_portrait.pico.proof.bench import Bench
    from spf_portrait.pico.proof.run import run
    from spf_portrait.pico.proof.trial import Trial

    bench = Bench(options.work.expanduser(), BASE, options.models)
    with tqdm(total=len(cells), unit="cell", disable=None) as bar:
        trials = [Trial(bench, cell, _Teller(bar, cell.name).tell) for cell in cells]
        return run(trials, options.results, Budget(options.minutes), lambda record: _tell(bar, record))


def _systems(options: argparse.Namespace) -> tuple[System, ...]:
    """Those that are named, or one of them changed under a name of its own.

    Raises:
        SpecError: A trial without a name, or a name without a trial.
    """
    chosen = systems_named(options.systems)
    if options.label is None:
        if options.set:
            raise SpecError("no_label", "--set without --label", "a name of its own for a trial", "Add --label NAME")
        return chosen
    if len(options.systems) != 1 or chosen[0].options is None:
        raise SpecError(
            "not_one_system",
            f"--label {options.label} for {', '.join(options.systems) or 'all systems'}",
            "one system that trains, which --set changes",
            "Name it, such as --systems spf",
        )
    if not _LABEL.fullmatch(options.label) or any(options.label == system.name for system in SYSTEMS):
        raise SpecError(
            "bad_label",
            f"--label {options.label}",
            "up to 40 small letters, digits, points and hyphens, and no named system's name",
            "Choose another name",
        )
    return (variant(chosen[0], options.label, chosen_options(None, options.set, {})),)


def _targets(options: argparse.Namespace) -> list[str]:
    """Those that are named, or all of the split.

    Raises:
        SpecError: One of them does not belong to the split.
    """
    allowed = targets_of(Split(options.split))
    wrong = [target for target in options.targets if target not in allowed]
    if wrong:
        raise SpecError(
            "wrong_target",
            f"the target {wrong[0]!r}",
            ", ".join(allowed),
            f"Choose targets of the {options.split} split, or another --split",
        )
    return options.targets or allowed


class _Teller:
    """Shows in the bar what one cell is doing."""

    def __init__(self, bar: "tqdm[Any]", name: str) -> None:
        self._bar, self._name = bar, name

    def tell(self, event: Event) -> None:
        """One event of a training or a drawing."""
        if isinstance(event, Progress):
            self._bar.set_description(f"{self._name}, {event.phase} {event.step}/{event.total}")


def _tell(bar: "tqdm[Any]", record: Record) -> None:
    """A line for a finished cell."""
    bar.update()
    figures = ", ".join(f"{name} {found['value']}" for name, found in record["metrics"].items())
    seconds = sum(record["seconds"].values())
    bar.write(f"{record['target']}, {record['bias']}, {record['system']}, {seconds:.0f} s: {figures}", sys.stdout)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m spf_portrait.pico.proof",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [system.name for system in SYSTEMS]
    parser.add_argument("--systems", nargs="+", choices=names, default=[], metavar="NAME", help=", ".join(names))
    parser.add_argument("--split", choices=["development", "test"], default="development", help="of held-back targets")
    parser.add_argument("--targets", nargs="+", default=[], metavar="PHRASE", help="default: all of the split")
    parser.add_argument("--bias", nargs="+", choices=_KINDS, default=list(_KINDS), help="do captions say it? (both)")
    parser.add_argument("--seed", type=int, default=0, help="of the trainings (default 0)")
    parser.add_argument("--texts", type=int, default=24, help="held-out texts of a cell (default 24)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="an option that a trial changes"
    )
    parser.add_argument("--label", metavar="NAME", help="record the one system with --set under this name")
    parser.add_argument("--minutes", type=float, metavar="N", help="begin nothing that would not finish (no limit)")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help=f"records (default {RESULTS})")
    parser.add_argument("--work", type=Path, default=WORK, metavar="DIR", help=f"adapters, pictures (default {WORK})")
    parser.add_argument("--models", type=Path, metavar="DIR", help="base models (default: $SPF_MODELS_DIR or models)")
    return parser


if __name__ == "__main__":
    main()
