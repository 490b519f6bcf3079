"""Captions as text encoders read them: the text, and which tokens belong to which phrase."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from spf_portrait.contract.errors import ModelError
from spf_portrait.contract.phrases import Caption, shortened
from spf_portrait.method.attention_maps import PAD, TARGET
from spf_portrait.models.families.family import TextSegment, tokenized
from spf_portrait.models.text_length import text_length, too_many_tokens

_SEPARATOR = ", "

TextAxis = tuple[TextSegment, ...]


@dataclass(frozen=True)
class Prompt:
    """One text for one path.

    Attributes:
        text: As the text encoders get it.
        pooling: [tokens, columns]: base phrases (zeros behind the last), target, PAD. A 1 says that the token
            belongs to that column. Start of text and the commas between base phrases belong to none.
    """

    text: str
    pooling: Tensor


def reference_prompt(axis: TextAxis, caption: Caption, base_columns: int) -> Prompt:
    """The base text. `base_columns` is the number of base phrases that a batch leaves room for.

    Raises:
        DataError: More tokens than the text encoders read.
    """
    return _prompt(axis, caption.base, None, base_columns)


def response_prompt(axis: TextAxis, caption: Caption, base_columns: int) -> Prompt:
    """The complete text, target last.

    Raises:
        DataError: More tokens than the text encoders read; the target would be cut off.
    """
    return _prompt(axis, caption.base, caption.target, base_columns)


def _prompt(axis: TextAxis, base: tuple[str, ...], target: str | None, base_columns: int) -> Prompt:
    text = _SEPARATOR.join(base if target is None else (*base, target))
    spans = _columns(base, target)
    return Prompt(text, torch.cat([_pooling(segment, text, spans, base_columns + 2) for segment in axis]))


def _pooling(segment: TextSegment, text: str, spans: list[tuple[int, tuple[int, int]]], columns: int) -> Tensor:
    """[tokens of the segment, columns]; a segment of zeros is padding from end to end.

    Raises:
        DataError: The text does not fit.
        ModelError: Encoders that stand side by side cut it differently.
    """
    poolings = [_pooling_of(tokenizer, segment.tokens, text, spans, columns) for tokenizer in segment.tokenizers]
    if not poolings:
        return torch.eye(columns)[[PAD]].repeat(segment.tokens, 1)
    if not all(torch.equal(poolings[0], other) for other in poolings[1:]):
        raise ModelError(
            "tokenizers_differ",
            f"tokenizers that cut {text[:60]!r} differently",
            "text encoders with one vocabulary",
            "Restore the base model's tokenizers from where they came from",
        )
    return poolings[0]


def _pooling_of(
    tokenizer: Any, tokens: int, text: str, spans: list[tuple[int, tuple[int, int]]], columns: int
) -> Tensor:
    _check_length(tokenizer, tokens, text)
    encoded = tokenized(tokenizer, [text], tokens)
    offsets, text_ends = encoded["offset_mapping"][0], sum(encoded["attention_mask"][0]) - 1
    pooling = torch.zeros(tokens, columns)
    for column, span in spans:
        pooling[:text_ends, column] = torch.tensor([_overlap(token, span) for token in offsets[:text_ends]])
    pooling[text_ends:, PAD] = 1
    return pooling


def _columns(base: tuple[str, ...], target: str | None) -> list[tuple[int, tuple[int, int]]]:
    """Which characters each column stands for.

    The target takes the separator before it along: the base text has no such token, so A[target] is then all the
    attention that the two prompts do not share, except for a few paddings.
    """
    spans: list[tuple[int, tuple[int, int]]] = []
    start = 0
    for index, phrase in enumerate(base):
        spans.append((index, (start, start + len(phrase))))
        start += len(phrase) + len(_SEPARATOR)
    if target is not None:
        spans.append((TARGET, (start - len(_SEPARATOR), start + len(target))))
    return spans


def _overlap(token: tuple[int, int], span: tuple[int, int]) -> float:
    """Special tokens stand for no character, and belong to no phrase."""
    return float(token[0] < span[1] and token[1] > span[0])


def _check_length(tokenizer: Any, tokens: int, text: str) -> None:
    length = text_length(tokenizer, tokens, text)
    if length.unread:
        raise too_many_tokens(length, tokens, shortened(text))
