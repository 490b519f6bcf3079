"""From pictures to results: every metric of the catalogue, or why it could not be measured."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from torch import Tensor

from spf_portrait.contract.errors import DataError, ModelError, SpecError
from spf_portrait.contract.phrases import Caption
from spf_portrait.evaluation.known_domain import Pictures
from spf_portrait.evaluation.observations import Observations
from spf_portrait.evaluation.results import Estimate, Missing, Result, mean_estimate, share_estimate
from spf_portrait.metrics.attributes import Reading
from spf_portrait.metrics.catalogue import CATALOGUE, REQUIREMENTS, Metric
from spf_portrait.metrics.intervals import Interval
from spf_portrait.metrics.kid import kid, kid_interval
from spf_portrait.metrics.map_quality import MapQuality
from spf_portrait.metrics.pixel_change import mean_change, outside_change, psnr
from spf_portrait.metrics.segmentation import seg_cons
from spf_portrait.metrics.similarity import cosine_similarity

PlugIn = Callable[[Pictures, Pictures, Sequence[Caption]], Sequence[float]]
"""(references, responses, captions) → one value for each pair: a metric whose weights this project lacks."""
_THOUSAND: Final = 1000


def measure(
    observed: Observations,
    plug_ins: Mapping[str, PlugIn],
    leave_out: Collection[str] = (),
    on_metric: Callable[[int], None] = lambda done: None,
) -> dict[str, Result]:
    """Every metric of the catalogue by name. What is missing is recorded and never replaced by a number.

    Args:
        observed: What was drawn.
        plug_ins: Metrics that the caller measures, by name.
        leave_out: Names of metrics that nobody wants now.
        on_metric: Told the number of metrics done, of all in the catalogue.

    Raises:
        SpecError: A plug-in for a metric that is not in the catalogue.
    """
    names = [metric.name for metric in CATALOGUE]
    if unknown := plug_ins.keys() - set(names):
        raise SpecError("unknown_metric", f"plug-ins for {sorted(unknown)}", ", ".join(names), "Correct the name")
    results: dict[str, Result] = {}
    for done, metric in enumerate(CATALOGUE, 1):
        if metric.name not in leave_out:
            results[metric.name] = _result(metric, observed, plug_ins)
        on_metric(done)
    return results


def _result(metric: Metric, observed: Observations, plug_ins: Mapping[str, PlugIn]) -> Result:
    try:
        if metric.name in plug_ins:
            captions = [case.caption for case in observed.cases]
            return mean_estimate(plug_ins[metric.name](observed.references, observed.responses, captions))
        if metric.name not in _MEASURES:
            raise ModelError("no_plug_in", "none are bundled", "a function under plug_ins", "Write one")
        return _MEASURES[metric.name](observed)
    except ModelError as error:
        requirement = REQUIREMENTS[metric.needs]
        return Missing(f"weights missing, {error.found}", requirement.how_to_get, requirement.licence)
    except DataError as error:
        return Missing(error.found, error.hint, REQUIREMENTS[metric.needs].licence)


def _pixelwise(measured: Callable[[Tensor, Tensor], float], first: Tensor, second: Tensor) -> Estimate:
    return mean_estimate([measured(a, b) for a, b in zip(first, second, strict=True)])


def _likeness(first: Tensor, second: Tensor) -> Estimate:
    return mean_estimate([float(cosine) for cosine in cosine_similarity(first, second)])


def _outside_change(observed: Observations) -> Estimate:
    triples = zip(observed.pictures.reference, observed.pictures.response, observed.regions, strict=True)
    return mean_estimate([outside_change(reference, response, region) for reference, response, region in triples])


def _identity(observed: Observations) -> Estimate:
    first, second = (observed.domain.identities(pictures) for pictures in (observed.references, observed.responses))
    return _likeness(first, second)


def _seg_cons(observed: Observations) -> Estimate:
    maps = (observed.domain.class_maps(pictures) for pictures in (observed.references, observed.responses))
    return mean_estimate([seg_cons(a, b, region) for a, b, region in zip(*maps, observed.regions, strict=True)])


def _clip_i(observed: Observations) -> Estimate:
    return _likeness(observed.reference_embeddings, observed.response_embeddings)


def _clip_t(observed: Observations, texts: list[str]) -> Estimate:
    return _likeness(observed.response_embeddings, observed.clip.texts(texts).cpu())


def _followed(observed: Observations, readings: list[Reading]) -> Estimate:
    """Over the texts that name anything."""
    known = [share for share in observed.followed(readings) if share is not None]
    if not known:
        raise DataError(
            "nothing_named",
            "base texts that name no attribute of this domain",
            "one or more that do",
            "Evaluate with held-out texts of the base model",
        )
    return mean_estimate(known)


def _kid(observed: Observations) -> Estimate:
    """Unit embeddings times √width, so that the kernel is (cos + 1)³."""
    count, width = observed.reference_embeddings.shape
    if count < 2:
        raise DataError("too_few_pictures", "one picture", "two or more", "Evaluate with --count 2 or more")
    first, second = (width**0.5 * part for part in (observed.reference_embeddings, observed.response_embeddings))
    low, high = kid_interval(first, second)
    return Estimate(_THOUSAND * kid(first, second), Interval(_THOUSAND * low, _THOUSAND * high), count)


def _control_map(observed: Observations, part: Callable[[MapQuality], float]) -> Estimate:
    """The mean over timesteps is one value of a portrait."""
    return mean_estimate([sum(map(part, at_times)) / len(at_times) for at_times in observed.control_maps])


_MEASURES: Final[dict[str, Callable[[Observations], Estimate]]] = {
    "attribute_accuracy": lambda seen: share_estimate(seen.shown(seen.readings.response)),
    "attribute_accuracy_visible": lambda seen: share_estimate(seen.where_visible(seen.shown(seen.readings.response))),
    "base_shown": lambda seen: share_estimate(seen.shown(seen.readings.base_by_tuned)),
    "base_shown_original": lambda seen: share_estimate(seen.shown(seen.readings.reference)),
    "pollution": lambda seen: mean_estimate([compared.pollution for compared in seen.comparisons]),
    "pollution_floor": lambda seen: mean_estimate([compared.pollution for compared in seen.floor_comparisons]),
    "excess_pollution": lambda seen: mean_estimate(seen.excess_pollution),
    "excess_pollution_visible": lambda seen: mean_estimate(seen.where_visible(seen.excess_pollution)),
    "text_followed": lambda seen: _followed(seen, seen.readings.response),
    "text_followed_original": lambda seen: _followed(seen, seen.readings.reference),
    "base_pollution": lambda seen: mean_estimate(seen.base_pollution),
    "change": lambda seen: _pixelwise(mean_change, seen.pictures.reference, seen.pictures.response),
    "outside_change": _outside_change,
    "base_change": lambda seen: _pixelwise(mean_change, seen.pictures.reference, seen.pictures.base_by_tuned),
    "base_psnr": lambda seen: _pixelwise(psnr, seen.pictures.reference, seen.pictures.base_by_tuned),
    "identity": _identity,
    "clip_i": _clip_i,
    "seg_cons": _seg_cons,
    "kid": _kid,
    "clip_t_target": lambda seen: _clip_t(seen, [case.caption.target for case in seen.cases]),
    "clip_t_complete": lambda seen: _clip_t(seen, [case.caption.complete_text for case in seen.cases]),
    "control_map_auc": lambda seen: _control_map(seen, lambda quality: quality.auc),
    "control_map_inside": lambda seen: _control_map(seen, lambda quality: quality.inside),
    "control_map_outside": lambda seen: _control_map(seen, lambda quality: quality.outside),
}
