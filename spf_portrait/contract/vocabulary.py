"""Words that a base model has never seen.

A base that knows the words of one domain only says so with `vocabulary.txt` in its folder: those words, one a line. Its
tokenizer can spell any other word, but nothing was ever drawn for it. A base without that file knows words in general.
"""

import unicodedata
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from spf_portrait.contract.bases import BaseInfo
from spf_portrait.contract.phrases import Caption, tidy

VOCABULARY: Final = "vocabulary.txt"

_APOSTROPHES: Final = "'\u2019"
_MOST_LISTED: Final = 12


def read_vocabulary(base_folder: Path) -> frozenset[str] | None:
    """The only words that a base model has seen, in lower case; None when it knows words in general."""
    file = base_folder / VOCABULARY
    return frozenset(words_of(file.read_text("utf-8", errors="replace"))) if file.is_file() else None


def words_of(text: str) -> tuple[str, ...]:
    """Words in lower case and in order: runs of letters, digits and pictograms, also around an apostrophe ("man's")."""
    spaced = "".join(c if _is_in_words(c) else " " for c in tidy(text).lower())
    words = (word.strip(_APOSTROPHES) for word in spaced.split())
    return tuple(word for word in words if word)


def unseen_words(text: str, vocabulary: Collection[str]) -> tuple[str, ...]:
    """Words of a text that are not in the vocabulary, each once, in order; "man's" counts as "man".

    Args:
        text: A caption, a phrase or a prompt.
        vocabulary: Words in lower case.
    """
    return tuple(dict.fromkeys(word for word in words_of(text) if _without_ending(word) not in vocabulary))


def training_notices(base: BaseInfo, captions: Iterable[Caption]) -> list[str]:
    """What to tell before a training on captions with one common target: nothing, or one or two sentences."""
    vocabulary = read_vocabulary(base.path)
    if vocabulary is None:
        return []
    captions = list(captions)
    elsewhere = unseen_words(" ".join(caption.base_text for caption in captions), vocabulary)
    notices = [_ignored(base.title, elsewhere, len(vocabulary))] if elsewhere else []
    targets = dict.fromkeys(caption.target for caption in captions)
    in_target = {target: unseen_words(target, vocabulary) for target in targets}
    return notices + [_taught_from_nothing(base.title, *entry) for entry in in_target.items() if entry[1]]


def prompt_notices(base: BaseInfo, text: str, taught: str) -> list[str]:
    """What to tell before drawing a text with an adapter that was taught the phrase `taught` ("" without one)."""
    vocabulary = read_vocabulary(base.path)
    if vocabulary is None:
        return []
    unseen = unseen_words(text, vocabulary.union(words_of(taught)))
    return [_ignored(base.title, unseen, len(vocabulary))] if unseen else []


def _ignored(title: str, unseen: tuple[str, ...], known: int) -> str:
    return (
        f"The base model {title!r} has never seen: {_listed(unseen)}. "
        f"It knows {known} words; any other does nothing unless it is what you teach."
    )


def _taught_from_nothing(title: str, target: str, unseen: tuple[str, ...]) -> str:
    return (
        f"The target {target!r} has words that the base model {title!r} has never seen: {_listed(unseen)}. "
        "Nothing that the model knows helps to learn them: the target may come out weakly or not at all. "
        "A target in words that it knows is learnt more surely."
    )


def _listed(words: tuple[str, ...]) -> str:
    more = len(words) - _MOST_LISTED
    return ", ".join(words[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def _without_ending(word: str) -> str:
    """The word before its apostrophe."""
    return word.replace("\u2019", "'").partition("'")[0]


def _is_in_words(character: str) -> bool:
    """Letters, marks on letters, digits, pictograms and apostrophes."""
    category = unicodedata.category(character)
    return category[0] in "LMN" or category == "So" or character in _APOSTROPHES
