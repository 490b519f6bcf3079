"""Pollution axis by axis: a mean over axes hides the one that leaks."""

from collections.abc import Sequence

from spf_portrait.contract.errors import DataError, ModelError
from spf_portrait.evaluation.observations import Observations
from spf_portrait.evaluation.results import AxisPollution, Estimate, share_estimate
from spf_portrait.metrics.attributes import Comparison


def pollution_by_axis(observed: Observations) -> dict[str, AxisPollution]:
    """Every axis that was compared in a case at least; none where nothing knows the truth or the target."""
    try:
        tuned, floor = axis_shares(observed.comparisons), axis_shares(observed.floor_comparisons)
    except (ModelError, DataError):
        return {}
    return {axis: AxisPollution(share, floor.get(axis)) for axis, share in tuned.items()}


def axis_shares(comparisons: Sequence[Comparison]) -> dict[str, Estimate]:
    """For each axis the share of cases that differ in it, among those that it was compared in."""
    differs: dict[str, list[float]] = {}
    for comparison in comparisons:
        for axis in comparison.compared:
            differs.setdefault(axis, []).append(float(axis in comparison.differing))
    return {axis: share_estimate(values) for axis, values in differs.items()}
