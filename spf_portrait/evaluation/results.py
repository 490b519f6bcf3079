"""What was measured: an estimate, or why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from spf_portrait.metrics.catalogue import CATALOGUE
from spf_portrait.metrics.intervals import Interval, bootstrap_interval, wilson_interval


@dataclass(frozen=True)
class Estimate:
    """A figure.

    Attributes:
        value: Over all pictures.
        interval: 95 %; None where the pictures are too few to tell.
        count: Pictures or pairs that it is taken over.
        values: One for each picture or pair; empty for figures of a whole set.
    """

    value: float
    interval: Interval | None
    count: int
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Missing:
    """Why there is no figure, and how to come by one."""

    reason: str
    how_to_get: str
    licence: str


Result = Estimate | Missing


@dataclass(frozen=True)
class AxisPollution:
    """How often one axis changes.

    Attributes:
        pollution: Share of the tuned model's responses.
        floor: Share of the original model's; None if the axis could be compared in none of them.
    """

    pollution: Estimate
    floor: Estimate | None


@dataclass(frozen=True)
class Evaluation:
    """One adapter against the original model.

    Attributes:
        about: What was measured and how, ready for JSON.
        results: By name, every metric of the catalogue in its order.
        axes: Pollution by axis; empty where it cannot be measured.
    """

    about: dict[str, Any]
    results: dict[str, Result]
    axes: dict[str, AxisPollution] = field(default_factory=dict[str, AxisPollution])

    def as_dict(self, *, with_values: bool = False) -> dict[str, Any]:
        """Ready for JSON; with the values of single pictures if wanted."""
        described: dict[str, Any] = {}
        for metric in CATALOGUE:
            described[metric.name] = {
                "title": metric.title,
                **_as_dict(self.results[metric.name], with_values=with_values),
                "unit": metric.unit,
                "better": metric.better,
                "meaning": metric.meaning,
            }
        by_axis = {
            axis: {
                "pollution": _as_dict(found.pollution, with_values=False),
                "floor": None if found.floor is None else _as_dict(found.floor, with_values=False),
            }
            for axis, found in self.axes.items()
        }
        return {**self.about, "metrics": described, "pollution_by_axis": by_axis}


def mean_estimate(values: Sequence[float]) -> Estimate:
    """The mean of values of pictures, with a bootstrap interval."""
    return Estimate(sum(values) / len(values), bootstrap_interval(torch.tensor(values)), len(values), tuple(values))


def share_estimate(values: Sequence[float]) -> Estimate:
    """The share of ones among values of 0 and 1, with Wilson's interval."""
    return Estimate(
        sum(values) / len(values), wilson_interval(round(sum(values)), len(values)), len(values), tuple(values)
    )


def _as_dict(result: Result, *, with_values: bool) -> dict[str, Any]:
    if isinstance(result, Missing):
        return {
            "missing": {"reason": result.reason, "how_to_get": result.how_to_get, "licence": result.licence},
        }
    interval = None if result.interval is None else [round(end, 6) for end in result.interval]
    values = {"values": [round(value, 6) for value in result.values]} if with_values else {}
    return {"value": round(result.value, 6), "interval_95": interval, "count": result.count, **values}
