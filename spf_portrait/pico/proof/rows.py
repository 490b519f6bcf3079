"""From records to rows that can be put side by side: which of them count, and means over targets and trainings."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from spf_portrait.pico.proof.records import Record
from spf_portrait.pico.proof.systems import SYSTEMS


@dataclass(frozen=True)
class RowName:
    """Of a row: a system, drawn as it is or with the rest held."""

    system: str
    held: bool = False

    @property
    def title(self) -> str:
        """In tables; a trial has no other title than its name."""
        titles = {system.name: system.title for system in SYSTEMS}
        return titles.get(self.system, self.system) + (", held" if self.held else "")


@dataclass(frozen=True)
class Drawing:
    """One way of drawing one cell, measured.

    Attributes:
        row: Where it belongs.
        target: Phrase.
        bias: Of the training's set; None for what does not train.
        metrics: Name → value, 95 % interval and count.
        cases: Figures of single texts.
    """

    row: RowName
    target: str
    bias: str | None
    metrics: Mapping[str, Any]
    cases: Sequence[Mapping[str, Any]]


def current(records: Sequence[Record], texts: int) -> list[Record]:
    """Of cells that were measured more than once the newest, all on so many texts and on one base model.

    Args:
        records: The oldest first; the newest says which base model it is.
        texts: Of a cell: what was measured on other texts cannot be put beside.
    """
    of_texts = [record for record in records if record["texts"] == texts]
    newest = {
        (record["target"], record["system"], record["bias"], record["seed"]): record
        for record in of_texts
        if record["base_sha256"] == of_texts[-1]["base_sha256"]
    }
    return list(newest.values())


def drawings(records: Iterable[Record]) -> list[Drawing]:
    """Every record, and as a row of its own what was drawn with the rest held."""
    found: list[Drawing] = []
    for record in records:
        about = (record["target"], record["bias"])
        cases = record["cases"]
        found.append(Drawing(RowName(record["system"]), *about, record["metrics"], cases))
        if "held" in record:
            held = record["held"]
            merged = [{**ours, **theirs} for ours, theirs in zip(cases, held["cases"], strict=True)]
            found.append(Drawing(RowName(record["system"], held=True), *about, held["metrics"], merged))
    return found


def row_names(found: Iterable[Drawing]) -> list[RowName]:
    """In the order of tables: named systems as they are listed, then trials by name, each with its held row behind."""
    order = {system.name: index for index, system in enumerate(SYSTEMS)}
    names = {drawing.row for drawing in found}
    return sorted(names, key=lambda row: (order.get(row.system, len(order)), row.system, row.held))


def mean_over_targets(found: Collection[Drawing], metric: str) -> float | None:
    """The mean over targets of the mean over trainings; None unless all have the metric."""
    by_target: dict[str, list[float]] = {}
    for drawing in found:
        if metric not in drawing.metrics:
            return None
        by_target.setdefault(drawing.target, []).append(drawing.metrics[metric]["value"])
    return fmean(fmean(values) for values in by_target.values()) if by_target else None


def ratio(ours: Collection[Drawing], theirs: Collection[Drawing], metric: str) -> float | None:
    """Ours over theirs on the targets that both have; None where theirs is not above zero."""
    common = {drawing.target for drawing in ours} & {drawing.target for drawing in theirs}
    first, second = (
        mean_over_targets([drawing for drawing in side if drawing.target in common], metric) for side in (ours, theirs)
    )
    return None if first is None or second is None or second <= 0 else first / second


def axis_shares(found: Iterable[Drawing], key: str) -> dict[str, float]:
    """Axis → share of the texts that differ in it, of those where it was compared.

    Args:
        found: Of one row.
        key: "pollution", or "floor" for the original model.
    """
    differs: dict[str, list[int]] = {}
    for drawing in found:
        for case in drawing.cases:
            for axis, one in case[key].items():
                differs.setdefault(axis, []).append(one)
    return {axis: fmean(values) for axis, values in differs.items()}
