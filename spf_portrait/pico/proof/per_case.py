"""The figures of single texts: a mean that surprises can be looked into without drawing anything again."""

from collections.abc import Mapping
from typing import Any, Final

from spf_portrait.evaluation.observations import Observations
from spf_portrait.evaluation.results import Estimate, Result
from spf_portrait.metrics.attributes import Comparison

VALUES: Final = {
    "shown": "attribute_accuracy",
    "base_shown": "base_shown",
    "reference_shows": "base_shown_original",
    "outside_change": "outside_change",
    "base_change": "base_change",
    "base_pollution": "base_pollution",
    "identity": "identity",
    "clip_i": "clip_i",
    "seg_cons": "seg_cons",
    "clip_t_target": "clip_t_target",
}
"""Name in a case → metric, of those with one value for each text."""
_SAID_ONCE: Final = ("text", "visible", "floor", "followed_original")


def per_case(observed: Observations, results: Mapping[str, Result]) -> list[dict[str, Any]]:
    """One mapping for each text, ready for JSON: whether the target's place is visible, all values that there are, and
    under `pollution` and `floor` every axis that was compared, with 1 where it differs and else 0.
    """
    texts = [
        {"seed": case.seed, "text": case.caption.base_text, "visible": visible}
        for case, visible in zip(observed.cases, observed.visible, strict=True)
    ]
    values = {name: results.get(metric) for name, metric in VALUES.items()}
    there = {name: result.values for name, result in values.items() if isinstance(result, Estimate)}
    followed = observed.followed(observed.readings.response)
    followed_original = observed.followed(observed.readings.reference)
    return [
        {
            **text,
            **{name: of_cases[index] for name, of_cases in there.items()},
            "followed": followed[index],
            "followed_original": followed_original[index],
            "pollution": _axes(observed.comparisons[index]),
            "floor": _axes(observed.floor_comparisons[index]),
        }
        for index, text in enumerate(texts)
    ]


def held_per_case(observed: Observations, results: Mapping[str, Result]) -> list[dict[str, Any]]:
    """The same for another drawing of the responses, without what does not depend on it."""
    return [
        {name: value for name, value in case.items() if name not in _SAID_ONCE} for case in per_case(observed, results)
    ]


def _axes(comparison: Comparison) -> dict[str, int]:
    return {axis: int(axis in comparison.differing) for axis in comparison.compared}
