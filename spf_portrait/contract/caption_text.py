"""Plain text of people → captions.

Plain captions mark the target with square brackets:

    a woman in a brown jacket, with a curtain background, [blonde hair]

A caption is split at commas, at "with" and "wearing", and at "in" before an article, so this one has the base phrases
"a woman", "a brown jacket" and "a curtain background". Where that is not what is meant, give the phrases themselves
(columns `base` and `target` of a caption set, or the phrase fields of the page): those are never split.

Captions without brackets need a target that is given for all of them. It is looked for as a whole phrase first, and
then as words anywhere: with the target "smiling", "a smiling woman, a hat" has the base phrases "a woman" and "a hat".
"""

import re
from collections.abc import Iterable
from typing import Final

from spf_portrait.contract.errors import DataError
from spf_portrait.contract.phrases import (
    MAX_PHRASE_CHARACTERS,
    MAX_PHRASES,
    RESERVED,
    Caption,
    no_target,
    shortened,
    tidy,
)

_MARKED: Final = re.compile(r"\[([^\[\]]*)\]")
_CONNECTIVE: Final = re.compile(r"(?:^|(?<=\s))(?:with|wearing|in(?=\s+(?:an?|the)\s))(?:\s+|$)", re.IGNORECASE)
_LONE_ARTICLES: Final = frozenset({"a", "an", "the"})


def parse_caption(text: str, *, target: str | None = None) -> Caption:
    """Read a plain caption.

    Args:
        text: Caption with its target in square brackets, or with `target` in it once.
        target: The target phrase to look for in a caption without brackets.

    Raises:
        DataError: No target phrase, or more than one, or what `Caption` refuses.
    """
    marked = [tidy(phrase) for phrase in _MARKED.findall(text)]
    rest = _MARKED.sub(",", text)
    if "[" in rest or "]" in rest:
        raise DataError(
            "unbalanced_brackets",
            f"a square bracket without its partner in {shortened(text)}",
            "one phrase in square brackets",
            "Close the bracket around the target phrase, such as: [blonde hair]",
        )
    if len(marked) > 1:
        raise DataError(
            "two_targets",
            f"{len(marked)} phrases in square brackets in {shortened(text)}",
            "one target phrase",
            "Take the brackets off the phrases that are not to be taught",
        )
    phrases = split_phrases(rest)
    if marked:
        return _with_marked(phrases, marked[0], target)
    return _with_named(text, target)


def bracketed(caption: Caption) -> str:
    """Write a caption in one line; `parse_caption` reads it back."""
    return f"{caption.base_text}, [{caption.target}]"


def split_phrases(text: str) -> tuple[str, ...]:
    """Split plain text into phrases by the rules at the top of this file."""
    pieces = (piece for part in text.split(",") for piece in _CONNECTIVE.split(tidy(part)))
    return tuple(filter(None, (piece.strip(" .;") for piece in pieces)))


def loose_phrases(text: str) -> tuple[str, ...]:
    """Phrases of a text that is no caption yet, whether they are marked as target or not."""
    return usable_phrases(split_phrases(RESERVED.sub(",", text)))


def usable_phrases(phrases: Iterable[str]) -> tuple[str, ...]:
    """Those that a caption may have: parted at reserved characters, each once, none too long, not too many."""
    pieces = (piece.strip() for phrase in phrases for piece in RESERVED.split(tidy(phrase)))
    fitting = (piece for piece in pieces if 0 < len(piece) <= MAX_PHRASE_CHARACTERS)
    return tuple(dict.fromkeys(fitting))[:MAX_PHRASES]


def _with_marked(phrases: tuple[str, ...], marked: str, target: str | None) -> Caption:
    if target is not None and tidy(target).casefold() != marked.casefold():
        raise DataError(
            "other_target",
            f"the target [{marked}]",
            f"the target of the caption set, [{tidy(target)}]",
            "Mark the same phrase in every caption: one training teaches one target",
        )
    return Caption(base=phrases, target=marked)


def _with_named(text: str, target: str | None) -> Caption:
    if target is None or not tidy(target):
        raise no_target(f"no phrase in square brackets in {shortened(text)}")
    wanted = tidy(target)
    spaced = r"\s+".join(map(re.escape, wanted.split()))
    without, found = re.subn(rf"(?<!\w){spaced}(?!\w)", "", tidy(text), flags=re.IGNORECASE)
    if found > 1:
        raise _named_twice(wanted, found, text)
    phrases = split_phrases(text)
    others = tuple(phrase for phrase in phrases if phrase.casefold() != wanted.casefold())
    if len(others) < len(phrases):
        return Caption(base=others, target=wanted)
    if not found:
        raise no_target(f"no words {wanted!r} in {shortened(text)}")
    return Caption(base=_without_lone_articles(split_phrases(without)), target=wanted)


def _without_lone_articles(phrases: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(phrase for phrase in phrases if phrase.casefold() not in _LONE_ARTICLES)


def _named_twice(wanted: str, found: int, text: str) -> DataError:
    return DataError(
        "two_targets",
        f"the target {wanted!r} {found} times in {shortened(text)}",
        "the target once in each caption",
        "Take it out where it says something else, or put the phrase that is meant in square brackets",
    )
