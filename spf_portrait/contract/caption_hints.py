"""What captions alone tell: which phrases stand in how many of them, and what always comes with the target."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from spf_portrait.contract.phrases import Caption

FEW_PORTRAITS: Final = 8
"""Fewer teach their own persons and backgrounds along with the target."""
NEARLY_ALWAYS: Final = 0.9
"""Share of captions from which on a phrase is a part of the target as far as a training can tell."""


@dataclass(frozen=True)
class PhraseCount:
    """A base phrase and in how many captions it stands."""

    phrase: str
    portraits: int


def counted_phrases(captions: Sequence[Caption]) -> tuple[PhraseCount, ...]:
    """Base phrases, the most frequent first; upper and lower case are one."""
    counts: Counter[str] = Counter(phrase.casefold() for caption in captions for phrase in caption.base)
    spelt = {phrase.casefold(): phrase for caption in captions for phrase in caption.base}
    return tuple(PhraseCount(spelt[phrase], count) for phrase, count in counts.most_common())


def constant_phrases(captions: Sequence[Caption]) -> tuple[PhraseCount, ...]:
    """Base phrases that (nearly) always come with the target: the set is biased towards them."""
    if len(captions) < 2:
        return ()
    return tuple(found for found in counted_phrases(captions) if found.portraits >= NEARLY_ALWAYS * len(captions))


def constant_phrase_hint(phrase: PhraseCount, captions: int) -> str:
    """A sentence on a phrase that (nearly) always comes with the target, in a set of so many captions."""
    every = "every caption" if phrase.portraits == captions else f"{phrase.portraits} of {captions} captions"
    return (
        f"{phrase.phrase!r} stands in {every}: it always comes with the target. SPF holds apart what the captions "
        "name, and plain fine-tuning learns it along with the target; portraits without it are the surer way."
    )


def variety_hints(captions: Sequence[Caption]) -> list[str]:
    """Sentences on portraits too few, or too much alike in words, to tell the target from all else."""
    hints: list[str] = []
    if captions and len(captions) < FEW_PORTRAITS:
        hints.append(
            f"{len(captions)} portraits are few: with {FEW_PORTRAITS} or more of different persons, a training can "
            "tell the target from who wears it."
        )
    if len(captions) > 1 and len({caption.base_text.casefold() for caption in captions}) == 1:
        hints.append(
            "All portraits have the same base text: what they differ in is not named, so nothing holds it apart from "
            "the target."
        )
    return hints


def caption_hints(captions: Sequence[Caption]) -> list[str]:
    """All sentences on what may spoil the training."""
    constant = [constant_phrase_hint(phrase, len(captions)) for phrase in constant_phrases(captions)]
    return [*constant, *variety_hints(captions)]
