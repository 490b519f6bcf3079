"""Is the truth known about what a base model draws? It is where a judge lies beside it."""

from pathlib import Path

from spf_portrait.contract.base_info import JUDGE_FOLDER
from spf_portrait.contract.errors import ModelError
from spf_portrait.evaluation.known_domain import KnownDomain


def domain_of_base(base: Path, target: str) -> KnownDomain | None:
    """The domain of a base model; None if nothing is known about what it draws.

    Args:
        base: Its folder or file.
        target: The target phrase.

    Raises:
        ModelError: The packages that draw its portraits are not installed.
    """
    if not (base / JUDGE_FOLDER).is_dir():
        return None
    try:
        from spf_portrait.pico.known_domain import PicoDomain
    except ModuleNotFoundError as error:
        raise ModelError(
            "no_pico_extra",
            f"no package {error.name}, which draws the portraits that {base.name} is measured with",
            "the extra 'pico' installed",
            "Install it: pip install 'spf-portrait[pico]'",
        ) from error
    return PicoDomain(base, target)
