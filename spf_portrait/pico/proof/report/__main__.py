"""`python -m spf_portrait.pico.proof.report`: docs/proof.md and docs/proof-tables.md from the recorded cells.

Nothing is trained. Pictures come from the folder that the proof keeps; without them the page has tables alone.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

# The torch stack takes seconds to import and must be told something before, so it is imported when there is work.
from spf_portrait.contract.errors import DataError, SpfError
from spf_portrait.pico.domain import Split
from spf_portrait.pico.proof.cell import Cell, cells_of
from spf_portrait.pico.proof.orders import BASE, WORK, spec_of
from spf_portrait.pico.proof.records import RESULTS, records_in
from spf_portrait.pico.proof.rows import Drawing, current, drawings
from spf_portrait.pico.proof.sets import targets_of
from spf_portrait.pico.proof.systems import systems_named
from spf_portrait.pico.proof.tables import tables
from spf_portrait.running.library_settings import settle_libraries

PAGE: Final = Path("docs/proof.md")
SHOWN: Final = ("naive", "lora", "spf-paper", "spf-standard")
"""Systems with a column of pictures."""
POINTS: Final = ("original", "sibling-oracle", "naive", "lora", "spf-paper", "spf", "spf-standard", "spf-thorough")
_TEXTS: Final = 24


def main() -> None:
    """Write the page and its pictures."""
    options = _parser().parse_args()
    settle_libraries()
    try:
        found = drawings(current(records_in(options.results), _TEXTS))
        if not found:
            raise DataError("no_records", f"no record in {options.results}", "one or more", "Run make proof first")
        _write(found, options)
    except SpfError as error:
        sys.exit(str(error))
    sys.stdout.write(f"{options.out}\n")


def _write(found: Sequence[Drawing], options: argparse.Namespace) -> None:
    from spf_portrait.pico.proof.report.page import page

    images = options.out.parent / "images"
    images.mkdir(parents=True, exist_ok=True)
    pictures = ["## Pictures", "", *_scatters(found, images), *_grids(images, options)]
    options.out.write_text(page(found, pictures), "utf-8")
    options.out.with_name(f"{options.out.stem}-tables.md").write_text(
        f"# The proof, table by table\n\n{tables(found)}", "utf-8"
    )


def _scatters(found: Sequence[Drawing], images: Path) -> list[str]:
    from spf_portrait.pico.proof.report.scatter import points, write_scatter

    shown: list[str] = []
    for bias in sorted({drawing.bias for drawing in found if drawing.bias is not None}):
        file = images / f"proof-gained-against-pollution-{bias}.svg"
        write_scatter(points([one for one in found if one.bias in (bias, None)], POINTS), file)
        shown += [f"![Target gained against pollution, bias {bias}](images/{file.name})", ""]
    return shown


def _grids(images: Path, options: argparse.Namespace) -> list[str]:
    from spf_portrait.pico.proof.bench import Bench
    from spf_portrait.pico.proof.report.picture_grids import drawn_cells, write_grid

    bench = Bench(options.work.expanduser(), BASE, options.models)
    drawn = drawn_cells(bench, _cells(), lambda event: None)
    if not drawn:
        return []
    responses, base_texts = images / "proof-responses.png", images / "proof-base-texts.png"
    write_grid(drawn, "With the target", lambda pictures: pictures.response, responses)
    write_grid(drawn, "The base text alone: nothing should change", lambda one: one.base_by_tuned, base_texts)
    return [
        f"![The same text and seed with the target, by every system](images/{responses.name})",
        "",
        f"![The same text and seed without the target, by every system](images/{base_texts.name})",
        "",
    ]


def _cells() -> list[Cell]:
    systems = systems_named(list(SHOWN))
    specs = {system.name: spec_of(system, seed=0) for system in systems}
    return cells_of(systems, targets_of(Split.DEVELOPMENT, Split.TEST), ["named"], specs, _TEXTS, BASE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m spf_portrait.pico.proof.report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help=f"records (default {RESULTS})")
    parser.add_argument("--out", type=Path, default=PAGE, metavar="FILE", help=f"the page (default {PAGE})")
    parser.add_argument("--work", type=Path, default=WORK, metavar="DIR", help=f"kept pictures (default {WORK})")
    parser.add_argument("--models", type=Path, metavar="DIR", help="base models (default: $SPF_MODELS_DIR or models)")
    return parser


if __name__ == "__main__":
    main()
