"""Which texts an adapter is measured with: held-out captions of the domain, the order's own, or the lines of a file."""

from pathlib import Path

from spf_portrait.contract.caption_text import split_phrases
from spf_portrait.contract.drawing_spec import EvaluationText, captions_of
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.phrases import Caption
from spf_portrait.drawing.four_pictures import Case
from spf_portrait.evaluation.known_domain import KnownDomain


def held_out_cases(domain: KnownDomain, count: int, seed_from: int) -> list[Case]:
    """One case a seed: it decides both the caption and the noise.

    Raises:
        DataError: The domain has no such target.
    """
    seeds = range(seed_from, seed_from + count)
    return [Case(caption, seed) for caption, seed in zip(domain.captions(seeds), seeds, strict=True)]


def ordered_cases(texts: tuple[EvaluationText, ...], target: str) -> list[Case]:
    """Texts of the order, each with its own seed.

    Raises:
        DataError: One is no base text for this target.
    """
    captions = captions_of(texts, target)
    return [Case(caption, text.seed) for caption, text in zip(captions, texts, strict=True)]


def read_cases(file: Path, target: str, count: int | None, seed_from: int) -> list[Case]:
    """Base texts, one a line; empty lines are left out.

    Args:
        file: UTF-8 text.
        target: The phrase that is added to each.
        count: Number of cases; more than there are lines means that lines are used again, with other seeds. All lines
            once if None.
        seed_from: Seed of the first.

    Raises:
        DataError: The file cannot be read, has no line, or a line is no base text for this target.
    """
    captions = [_caption(line, number, file, target) for number, line in enumerate(_lines(file), 1) if line.strip()]
    if not captions:
        raise DataError("no_texts", f"no text in {file}", "a base text a line", "Write at least one line")
    return [Case(captions[index % len(captions)], seed_from + index) for index in range(count or len(captions))]


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(
            "unreadable_texts", f"{file} ({error})", "a text file in UTF-8", "Check the path given as --texts"
        ) from error


def _caption(line: str, number: int, file: Path, target: str) -> Caption:
    try:
        return Caption(base=split_phrases(line), target=target)
    except DataError as error:
        raise DataError(error.code, f"{error.found} in line {number} of {file}", error.allowed, error.hint) from error
