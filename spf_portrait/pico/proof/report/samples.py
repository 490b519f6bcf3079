"""Figures of single texts, put together over targets: means and differences with 95 % intervals.

Texts are resampled within each target, so that a target with more trainings weighs no more than another, and an
interval says how far another choice of texts would move the mean. How far another seed of the training would move it,
only several seeds can tell.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from spf_portrait.metrics.intervals import Interval, middle_of, resampled_indices
from spf_portrait.pico.proof.rows import Drawing

Case = Mapping[str, Any]


@dataclass(frozen=True)
class Sample:
    """A mean with its interval.

    Attributes:
        mean: Over targets, of means over texts.
        interval: 95 %.
        targets: How many there are.
    """

    mean: float
    interval: Interval
    targets: int


def _mean_of(axes: Mapping[str, int]) -> float:
    return sum(axes.values()) / len(axes) if axes else 0.0


def _excess(case: Case) -> float:
    return _mean_of(case["pollution"]) - _mean_of(case["floor"])


def _gained(case: Case) -> float | None:
    """Against the original model's picture of the base text; None where the text names nothing."""
    ours, theirs = case.get("followed"), case.get("followed_original")
    return None if ours is None or theirs is None else ours - theirs


def _plain(name: str) -> Callable[[Case], float | None]:
    return lambda case: case.get(name)


VALUES: Final[Mapping[str, Callable[[Case], float | None]]] = {
    "shown": lambda case: case["shown"] if case["visible"] else None,
    "excess_pollution": _excess,
    "text_followed": _gained,
    **{
        name: _plain(name)
        for name in (
            "outside_change",
            "base_shown",
            "base_change",
            "base_pollution",
            "identity",
            "clip_i",
            "seg_cons",
            "clip_t_target",
        )
    },
}
"""Name → a text's figure; None where it does not count, as "shown" where a hat hides the place."""


def sample(drawings: Collection[Drawing], name: str) -> Sample | None:
    """Of one row; None where a text has no such figure."""
    return _sampled({target: [_tensor(cases, name)] for target, cases in _by_target(drawings).items()})


def difference(ours: Collection[Drawing], theirs: Collection[Drawing], name: str) -> Sample | None:
    """ours − theirs, text by text, on the targets that both have; None without any."""
    first, second = _by_target(ours), _by_target(theirs)
    pairs = {
        target: [_tensor(first[target], name), _tensor(second[target], name)] for target in first if target in second
    }
    return _sampled(pairs)


def _by_target(drawings: Collection[Drawing]) -> dict[str, list[list[Case]]]:
    """Target → the cases of its trainings."""
    found: dict[str, list[list[Case]]] = {}
    for drawing in drawings:
        found.setdefault(drawing.target, []).append(list(drawing.cases))
    return found


def _tensor(trainings: list[list[Case]], name: str) -> Tensor | None:
    """Means over trainings of one target, [texts], without the texts that do not count; None if none does."""
    values = [[VALUES[name](case) for case in cases] for cases in trainings]
    counted = [[one for one in texts if one is not None] for texts in values]
    if not counted[0] or len({len(texts) for texts in counted}) > 1:
        return None
    return torch.tensor(counted, dtype=torch.float64).mean(dim=0)


def _sampled(targets: Mapping[str, list[Tensor | None]]) -> Sample | None:
    """One tensor a target, or two to be subtracted."""
    values = list[Tensor]()
    for first, *others in targets.values():
        if first is None or any(other is None or len(other) != len(first) for other in others):
            return None
        values.append(first - sum(other for other in others if other is not None))
    if not values:
        return None
    resampled = torch.stack([one[resampled_indices(len(one))].mean(dim=1) for one in values]).mean(dim=0)
    return Sample(float(torch.stack([one.mean() for one in values]).mean()), middle_of(resampled), len(values))
