"""How long a text is in tokens, and which of its words a text encoder would not read."""

from dataclasses import dataclass
from typing import Any

from spf_portrait.contract.errors import DataError
from spf_portrait.contract.phrases import shortened


@dataclass(frozen=True)
class TextLength:
    """Tokens of a text, start and end of text included, and its last words that are not read whole; "" if all are."""

    tokens: int
    unread: str


def text_length(tokenizer: Any, most_tokens: int, text: str) -> TextLength:
    """Measure a text.

    Args:
        tokenizer: A fast tokenizer of transformers that adds one token at the end.
        most_tokens: What the text encoder reads, start and end of text included.
        text: The complete text of a caption, or any other.
    """
    encoded = tokenizer(text, return_offsets_mapping=True, verbose=False)
    tokens = len(encoded["input_ids"])
    if tokens <= most_tokens:
        return TextLength(tokens, "")
    first_unread = int(encoded["offset_mapping"][most_tokens - 1][0])  # the end of text takes the last place
    words_before = text[:first_unread].rfind(" ") + 1 if text[first_unread].isalnum() else first_unread
    return TextLength(tokens, text[words_before:].lstrip(" ,"))


def too_many_tokens(length: TextLength, most_tokens: int, whose: str) -> DataError:
    """A text of which a part would not be read. `whose` names it for the message."""
    return DataError(
        "too_many_tokens",
        f"{length.tokens} tokens in {whose}; {shortened(length.unread)} would not be read",
        f"at most {most_tokens} tokens, start and end of text included",
        "Leave out the less important base phrases",
    )
