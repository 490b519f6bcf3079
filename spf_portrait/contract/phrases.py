"""A caption as base phrases and one target phrase."""

import re
import unicodedata
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from spf_portrait.contract.errors import DataError

MAX_PHRASES: Final = 12
MAX_PHRASE_CHARACTERS: Final = 80
MAX_CAPTION_CHARACTERS: Final = 600

RESERVED: Final = re.compile(r"[,;\[\]]")


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
            raise no_target("an empty target phrase")
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


def tidy(text: str) -> str:
    """Unicode NFC, control and invisible formatting characters dropped, single spaces, none at the ends."""
    spaced = re.sub(r"\s+", " ", unicodedata.normalize("NFC", text))
    return "".join(c for c in spaced if unicodedata.category(c) not in {"Cc", "Cf", "Cs"}).strip()


def no_target(found: str) -> DataError:
    """A caption of which nobody knows what it is to teach."""
    return DataError(
        "no_target",
        found,
        "one target phrase",
        "Put the phrase to be taught in square brackets, such as: [blonde hair], or name it once for the whole set",
    )


def shortened(text: str) -> str:
    """A text for a message, at most 60 characters, in quotes."""
    tidied = tidy(text)
    return repr(tidied if len(tidied) <= 60 else tidied[:57] + "...")


def one_phrase(text: str) -> str:
    """A phrase, tidied as in a caption.

    Raises:
        DataError: It is empty, too long, or has a comma, semicolon or square bracket in it.
    """
    phrase = tidy(text)
    if not phrase:
        raise DataError(
            "empty_phrase", "an empty phrase", f"1 to {MAX_PHRASE_CHARACTERS} characters", "Type the phrase"
        )
    return _checked(phrase)


def _checked(phrase: str) -> str:
    if len(phrase) > MAX_PHRASE_CHARACTERS:
        raise DataError(
            "phrase_too_long",
            f"a phrase of {len(phrase)} characters, {shortened(phrase)}",
            f"at most {MAX_PHRASE_CHARACTERS} characters in a phrase",
            "Split it with commas, or say it in fewer words",
        )
    if RESERVED.search(phrase):
        raise DataError(
            "reserved_character",
            f"the phrase {shortened(phrase)}",
            "phrases without commas, semicolons and square brackets",
            "Make it two phrases, or take the character out",
        )
    return phrase
