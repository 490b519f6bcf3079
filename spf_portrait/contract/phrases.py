"""A caption as base phrases and one target phrase.

Plain captions mark the target with square brackets:

    a woman in a brown jacket, with a curtain background, [blonde hair]

A caption is split at commas, at "with" and "wearing", and at "in" before an article, so this one has the base phrases
"a woman", "a brown jacket" and "a curtain background". Where that is not what is meant, give the phrases themselves
(columns `base` and `target` of a caption set, or the phrase fields of the page): those are never split.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from spf_portrait.contract.errors import DataError

MAX_PHRASES: Final = 12
MAX_PHRASE_CHARACTERS: Final = 80
MAX_CAPTION_CHARACTERS: Final = 600

_TARGET = re.compile(r"\[([^\[\]]*)\]")
_CONNECTIVE = re.compile(r"(?:^|(?<=\s))(?:with|wearing|in(?=\s+(?:an?|the)\s))(?:\s+|$)", re.IGNORECASE)
_RESERVED = re.compile(r"[,;\[\]]")


class Caption(BaseModel):
    """What a portrait shows (`base`) and what the training is to teach (`target`).

    Phrases are tidied (Unicode NFC, single spaces) and a base phrase that is said twice counts once.

    Raises:
        DataError: No base phrase or too many, the target empty or among the base phrases, a phrase or the whole too
            long, or a phrase with a comma, semicolon or square bracket in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: tuple[str, ...] = Field(description="1 to 12 phrases, in the order in which they are read")
    target: str = Field(description="the phrase to be taught; always last in the complete text")

    @field_validator("base")
    @classmethod
    def _tidy_base(cls, base: tuple[str, ...]) -> tuple[str, ...]:
        phrases = tuple(dict.fromkeys(filter(None, (tidy(phrase) for phrase in base))))
        if not 1 <= len(phrases) <= MAX_PHRASES:
            raise DataError(
                "empty_base" if not phrases else "too_many_phrases",
                f"{len(phrases) or 'no'} base phrases",
                f"1 to {MAX_PHRASES} phrases besides the target",
                "Describe what else the portrait shows, such as: a woman, a brown jacket",
            )
        return tuple(_checked(phrase) for phrase in phrases)

    @field_validator("target")
    @classmethod
    def _tidy_target(cls, target: str) -> str:
        phrase = tidy(target)
        if not phrase:
            raise _no_target("an empty target phrase")
        return _checked(phrase)

    @model_validator(mode="after")
    def _check_whole(self) -> "Caption":
        if self.target.casefold() in (phrase.casefold() for phrase in self.base):
            raise DataError(
                "target_in_base",
                f"the target phrase {self.target!r} among the base phrases too",
                "a target that the base phrases do not name",
                "Remove it from the base phrases: they describe the portrait without the target",
            )
        if len(self.complete_text) > MAX_CAPTION_CHARACTERS:
            raise DataError(
                "caption_too_long",
                f"a caption of {len(self.complete_text)} characters",
                f"at most {MAX_CAPTION_CHARACTERS} characters",
                "Leave out the less important phrases",
            )
        return self

    @property
    def base_text(self) -> str:
        """The prompt of the reference path."""
        return ", ".join(self.base)

    @property
    def complete_text(self) -> str:
        """The prompt of the response path; the target stands last."""
        return f"{self.base_text}, {self.target}"

    @property
    def phrases(self) -> tuple[str, ...]:
        """Base phrases, then the target."""
        return (*self.base, self.target)


def parse_caption(text: str, *, target: str | None = None) -> Caption:
    """Read a plain caption.

    Args:
        text: Caption with its target in square brackets, or with `target` as one of its phrases.
        target: The target phrase to look for in a caption without brackets.

    Raises:
        DataError: No target phrase or several, or what `Caption` refuses.
    """
    marked = [tidy(phrase) for phrase in _TARGET.findall(text)]
    rest = _TARGET.sub(",", text)
    if "[" in rest or "]" in rest:
        raise DataError(
            "unbalanced_brackets",
            f"a square bracket without its partner in {_shortened(text)}",
            "one phrase in square brackets",
            "Close the bracket around the target phrase, such as: [blonde hair]",
        )
    if len(marked) > 1:
        raise DataError(
            "two_targets",
            f"{len(marked)} phrases in square brackets in {_shortened(text)}",
            "one target phrase",
            "Take the brackets off the phrases that are not to be taught",
        )
    phrases = split_phrases(rest)
    if marked:
        return _with_marked(phrases, marked[0], target)
    return _with_named(phrases, text, target)


def bracketed(caption: Caption) -> str:
    """Write a caption in one line; `parse_caption` reads it back."""
    return f"{caption.base_text}, [{caption.target}]"


def split_phrases(text: str) -> tuple[str, ...]:
    """Split plain text into phrases by the rules at the top of this file."""
    pieces = (piece for part in text.split(",") for piece in _CONNECTIVE.split(tidy(part)))
    return tuple(filter(None, (piece.strip(" .;") for piece in pieces)))


def loose_phrases(text: str) -> tuple[str, ...]:
    """Phrases of a text that is no caption yet, whether they are marked as target or not."""
    return usable_phrases(split_phrases(_RESERVED.sub(",", text)))


def usable_phrases(phrases: Iterable[str]) -> tuple[str, ...]:
    """Those that a caption may have: parted at reserved characters, each once, none too long, not too many."""
    pieces = (piece.strip() for phrase in phrases for piece in _RESERVED.split(tidy(phrase)))
    fitting = (piece for piece in pieces if 0 < len(piece) <= MAX_PHRASE_CHARACTERS)
    return tuple(dict.fromkeys(fitting))[:MAX_PHRASES]


def tidy(text: str) -> str:
    """Unicode NFC, control and invisible formatting characters dropped, single spaces, none at the ends."""
    spaced = re.sub(r"\s+", " ", unicodedata.normalize("NFC", text))
    return "".join(c for c in spaced if unicodedata.category(c) not in {"Cc", "Cf", "Cs"}).strip()


def _with_marked(phrases: tuple[str, ...], marked: str, target: str | None) -> Caption:
    if target is not None and tidy(target).casefold() != marked.casefold():
        raise DataError(
            "other_target",
            f"the target [{marked}]",
            f"the target of the caption set, [{tidy(target)}]",
            "Mark the same phrase in every caption: one training teaches one target",
        )
    return Caption(base=phrases, target=marked)


def _with_named(phrases: tuple[str, ...], text: str, target: str | None) -> Caption:
    if target is None:
        raise _no_target(f"no phrase in square brackets in {_shortened(text)}")
    wanted = tidy(target).casefold()
    if wanted not in (phrase.casefold() for phrase in phrases):
        raise _no_target(f"no phrase {tidy(target)!r} in {_shortened(text)}")
    return Caption(base=tuple(phrase for phrase in phrases if phrase.casefold() != wanted), target=target)


def _no_target(found: str) -> DataError:
    return DataError(
        "no_target",
        found,
        "one target phrase",
        "Put the phrase to be taught in square brackets, such as: [blonde hair]",
    )


def _checked(phrase: str) -> str:
    if len(phrase) > MAX_PHRASE_CHARACTERS:
        raise DataError(
            "phrase_too_long",
            f"a phrase of {len(phrase)} characters, {_shortened(phrase)}",
            f"at most {MAX_PHRASE_CHARACTERS} characters in a phrase",
            "Split it with commas, or say it in fewer words",
        )
    if _RESERVED.search(phrase):
        raise DataError(
            "reserved_character",
            f"the phrase {_shortened(phrase)}",
            "phrases without commas, semicolons and square brackets",
            "Make it two phrases, or take the character out",
        )
    return phrase


def _shortened(text: str) -> str:
    tidied = tidy(text)
    return repr(tidied if len(tidied) <= 60 else tidied[:57] + "...")
