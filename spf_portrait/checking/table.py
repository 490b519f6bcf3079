"""Findings for people."""

from textwrap import wrap

from spf_portrait.checking.findings import Findings, Problem
from spf_portrait.contract.caption_hints import PhraseCount

_MOST_LISTED = 20
_BAR_CELLS = 20
_WIDTH = 100


def table(findings: Findings) -> str:
    """What the set is, what stops a training, what may spoil it; plain text with a final line feed."""
    return "\n".join([_title(findings), *_facts(findings), *_problems(findings), *_hints(findings)]) + "\n"


def _title(findings: Findings) -> str:
    stopped = {problem.file_name for problem in findings.problems if problem.file_name}
    target = f"target {findings.target!r}" if findings.target else "no single target"
    problems = f", {len(stopped)} with problems" if stopped else ""
    noun = "portrait" if findings.portraits == 1 else "portraits"
    return f"{findings.portraits} usable {noun}{problems}, {target}, for the base model {findings.base}"


def _facts(findings: Findings) -> list[str]:
    lines: list[str] = []
    if findings.sizes:
        size = findings.sizes
        lines.append(f"Pictures: shortest side {size.smallest_side_px} px; trained at {size.trained_at_px} px.")
    if findings.tokens:
        tokens = findings.tokens
        lines.append(f"Longest caption: {tokens.longest} of {tokens.most_allowed} tokens ({tokens.longest_of}).")
    if findings.base_texts:
        name, text = next(iter(findings.base_texts.items()))
        lines.append(f"Read as, {name}: {text}, [{findings.target}]" if findings.target else f"Read as, {name}: {text}")
    return lines + _phrases(findings.phrases, len(findings.base_texts))


def _phrases(phrases: tuple[PhraseCount, ...], captions: int) -> list[str]:
    if not phrases:
        return []
    width = max(len(counted.phrase) for counted in phrases[:_MOST_LISTED])
    rows = [
        f"  {counted.phrase.ljust(width)}  {counted.portraits:4d}  "
        f"{'█' * max(1, round(_BAR_CELLS * counted.portraits / captions))}"
        for counted in phrases[:_MOST_LISTED]
    ]
    more = [f"  … and {len(phrases) - _MOST_LISTED} more"] if len(phrases) > _MOST_LISTED else []
    return ["", "Base phrases, and in how many captions:", *rows, *more]


def _problems(findings: Findings) -> list[str]:
    if not findings.problems:
        return ["", "Nothing stops a training."]
    listed = [line for problem in findings.problems[:_MOST_LISTED] for line in _problem(problem)]
    left = len(findings.problems) - _MOST_LISTED
    return ["", "What stops a training:", *listed, *([f"  … and {left} more"] if left > 0 else [])]


def _problem(problem: Problem) -> list[str]:
    return _paragraph(f"found {problem.found}; allowed: {problem.allowed}. {problem.hint.rstrip('.')}.")


def _hints(findings: Findings) -> list[str]:
    lines = [line for hint in findings.hints for line in _paragraph(hint)]
    return ["", "What may spoil it:", *lines] if lines else []


def _paragraph(text: str) -> list[str]:
    return wrap(text, _WIDTH, initial_indent="  - ", subsequent_indent="    ")
