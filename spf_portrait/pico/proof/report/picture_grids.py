"""Pictures to look at beside the tables: the same texts and seeds by every system, with and without the target.

They come from the bench, which keeps what the proof has drawn; what was not trained there is a grey tile.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from PIL import Image
from torch import Tensor

from spf_portrait.contract.artifacts import ADAPTER, REPORT
from spf_portrait.drawing.four_pictures import FourPictures, as_images
from spf_portrait.drawing.grid_sheet import Block, grid_sheet
from spf_portrait.pico.proof.asked import Asked
from spf_portrait.pico.proof.bench import Bench
from spf_portrait.pico.proof.cell import Cell
from spf_portrait.pico.proof.pictures import pictures_of
from spf_portrait.pico.proof.systems import SYSTEMS
from spf_portrait.running.progress import Report

SEEDS: Final = range(3)
"""Of the texts that are shown: the first ones, so that nobody has chosen."""
_NOT_TRAINED: Final = "#dddddd"
Part = Callable[[FourPictures], Tensor]
"""Which pictures of a cell."""
Drawn = Sequence[tuple[Cell, FourPictures]]


def drawn_cells(bench: Bench, cells: Sequence[Cell], report: Report) -> Drawn:
    """The pictures of those cells that are trained on this bench.

    Args:
        bench: Keeps the pictures.
        cells: Of one kind of bias.
        report: Is told the progress where something has to be drawn after all.
    """
    trained = [(cell, file) for cell in cells if (file := _adapter(bench, cell)) is not None]
    return [(cell, pictures_of(bench, Asked(cell, bench.base_path), file, report)) for cell, file in trained]


def write_grid(drawn: Drawn, title: str, part: Part, file: Path) -> None:
    """A column for the original model and for each system, a block for each target, a row for each of the first seeds.

    Args:
        drawn: One cell or more.
        title: Stands above everything.
        part: What is shown of the systems; of the original model it is always the base text.
        file: PNG.
    """
    there = {cell.system.name for cell, _ in drawn}
    titles = {system.name: system.title for system in SYSTEMS if system.name in there}
    blocks: list[Block] = []
    for target in dict.fromkeys(cell.target for cell, _ in drawn):
        of_target = {cell.system.name: pictures for cell, pictures in drawn if cell.target == target}
        original = as_images(next(iter(of_target.values())).reference)
        columns = [original, *(_tiles(of_target.get(name), part, original) for name in titles)]
        blocks.append(Block(target, [(f"seed {seed}", [column[seed] for column in columns]) for seed in SEEDS]))
    file.parent.mkdir(parents=True, exist_ok=True)
    grid_sheet(title, ["original, base text", *titles.values()], blocks).save(file, optimize=True)


def _tiles(pictures: FourPictures | None, part: Part, original: Sequence[Image.Image]) -> list[Image.Image]:
    if pictures is None:
        return [Image.new("RGB", one.size, _NOT_TRAINED) for one in original]
    return as_images(part(pictures))


def _adapter(bench: Bench, cell: Cell) -> Path | None:
    """Its file; None if the cell is not trained on this bench."""
    identity = cell.training(bench.base_sha256)
    if identity is None or not (bench.training(identity) / REPORT).exists():
        return None
    return bench.training(identity) / ADAPTER
