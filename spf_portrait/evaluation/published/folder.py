"""A folder of published weights → the metrics that can be measured with them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import torch

from spf_portrait.contract.errors import ModelError
from spf_portrait.evaluation.measuring import PlugIn
from spf_portrait.evaluation.published.clip_likeness import clip_metrics, preference_metric
from spf_portrait.evaluation.published.face_parsing import layout_metric
from spf_portrait.evaluation.published.lpips import perceptual_metric

METRICS_VARIABLE: Final = "SPF_METRICS_DIR"
"""Environment variable with the folder, where no option names it."""
_LOADERS: Final[Mapping[str, Callable[[Path, torch.device], dict[str, PlugIn]]]] = {
    "clip": clip_metrics,
    "hpsv2": preference_metric,
    "face_parsing": layout_metric,
    "lpips": perceptual_metric,
}
"""Name of a network's folder → what loads it; the weights are read when a metric is first asked for."""


def published_metrics(folder: Path, device: torch.device) -> dict[str, PlugIn]:
    """Metrics of the catalogue by name, for `measure`.

    Args:
        folder: With one folder or more that this package knows.
        device: Where the networks go.

    Raises:
        ModelError: There is none of them.
    """
    there = {name: load for name, load in _LOADERS.items() if (folder / name).is_dir()}
    if not there:
        raise ModelError(
            "no_published_weights",
            f"none of the folders {', '.join(_LOADERS)} in {folder}",
            "one of them or more, with published weights",
            "Correct --metrics, or leave it out: everything else is measured without",
        )
    return {name: metric for key, load in there.items() for name, metric in load(folder / key, device).items()}
