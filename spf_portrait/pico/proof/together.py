"""`python -m spf_portrait.pico.proof.together`: two adapters that were trained apart, drawn with at once.

Both are given the same strength, and each is drawn with alone on the same texts, too. The floor is the original model,
asked for the same. What is not trained yet is trained first; the result is a file under `proof/together`.
"""

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm

# The torch stack takes seconds to import and must be told something before, so it is imported when there is work.
from spf_portrait.contract.errors import SpfError
from spf_portrait.contract.events import Event, Progress
from spf_portrait.pico.proof.cell import Cell
from spf_portrait.pico.proof.orders import BASE, WORK, spec_of
from spf_portrait.pico.proof.records import as_lines, write_record
from spf_portrait.pico.proof.sets import file_name, targets_of
from spf_portrait.pico.proof.systems import SYSTEMS, System, systems_named
from spf_portrait.running.library_settings import settle_libraries

RESULTS: Final = Path("proof/together")
"""In the repository, where the records are kept."""


def main() -> None:
    """Record one pair of targets, and print it."""
    options = _parser().parse_args()
    try:
        cells = _cells(options)
        record = _recorded(cells, options)
    except SpfError as error:
        sys.exit(str(error))
    sys.stdout.write(as_lines(record) + "\n")


def _cells(options: argparse.Namespace) -> tuple[Cell, Cell]:
    (system,) = systems_named([options.system])
    spec = spec_of(system, options.seed)
    first, second = sorted(options.targets)
    return (
        Cell(system, first, options.texts, BASE, options.bias, spec),
        Cell(system, second, options.texts, BASE, options.bias, spec),
    )


def _recorded(cells: tuple[Cell, Cell], options: argparse.Namespace) -> dict[str, Any]:
    settle_libraries()
    from spf_portrait.pico.proof.bench import Bench
    from spf_portrait.pico.proof.two_adapters import TwoAdapters

    with tqdm(desc="two adapters", bar_format="{desc} {elapsed}", disable=None) as bar:

        def tell(event: Event) -> None:
            if isinstance(event, Progress):
                bar.set_description(f"{event.phase} {event.step}/{event.total}")

        record = TwoAdapters(Bench(options.work.expanduser(), BASE, options.models), cells, tell).record()
    targets = "+".join(file_name(cell.target) for cell in cells)
    write_record(options.results / f"{targets}-{options.system}-{options.bias}-s{options.seed}.json", record)
    return record


def _trains(system: System) -> bool:
    return system.options is not None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m spf_portrait.pico.proof.together",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [system.name for system in SYSTEMS if _trains(system)]
    parser.add_argument(
        "targets", nargs=2, choices=targets_of(), metavar="TARGET", help="such as 'blonde hair' sunglasses"
    )
    parser.add_argument("--system", choices=names, default="spf-standard", metavar="NAME", help="of the trainings")
    parser.add_argument("--bias", choices=["named", "unnamed"], default="named", help="do captions say it? (named)")
    parser.add_argument("--seed", type=int, default=0, help="of the trainings (default 0)")
    parser.add_argument("--texts", type=int, default=24, help="texts of every figure (default 24)")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help=f"records (default {RESULTS})")
    parser.add_argument("--work", type=Path, default=WORK, metavar="DIR", help=f"adapters, pictures (default {WORK})")
    parser.add_argument("--models", type=Path, metavar="DIR", help="base models (default: $SPF_MODELS_DIR or models)")
    return parser


if __name__ == "__main__":
    main()
