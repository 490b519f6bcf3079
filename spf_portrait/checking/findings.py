"""What a check of a caption set found."""

from dataclasses import asdict, dataclass, field
from typing import Any

from spf_portrait.contract.caption_hints import PhraseCount
from spf_portrait.contract.picture_hints import PictureSizes


@dataclass(frozen=True)
class Problem:
    """What stops a training: the portrait, or the whole set if `file_name` is None."""

    file_name: str | None
    code: str
    found: str
    allowed: str
    hint: str


@dataclass(frozen=True)
class CaptionTokens:
    """Tokens of the complete texts, start and end of text included.

    Attributes:
        most_allowed: What the base model's text encoder reads.
        longest: Of the longest caption.
        longest_of: Its portrait.
    """

    most_allowed: int
    longest: int
    longest_of: str


@dataclass(frozen=True)
class Findings:
    """All of it.

    Attributes:
        base: Key of the base model that the set was checked for.
        target: The target phrase; None if the set has no single one.
        portraits: How many can be used.
        problems: What stops a training.
        hints: Sentences on what may spoil a training without stopping it.
        phrases: Base phrases, the most frequent first.
        tokens: None if no caption can be used, or the base model is not on this machine yet.
        sizes: None if no portrait can be opened.
    """

    base: str
    target: str | None
    portraits: int
    problems: tuple[Problem, ...]
    hints: tuple[str, ...]
    phrases: tuple[PhraseCount, ...] = ()
    tokens: CaptionTokens | None = None
    sizes: PictureSizes | None = None
    base_texts: dict[str, str] = field(default_factory=dict[str, str])
    """Portrait → its base text, as the reference path will read it."""

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)
