"""Captions as the text encoder reads them: token ids, and which tokens belong to which phrase."""

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from spf_portrait.attention_maps import PAD, TARGET
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.phrases import Caption

_SEPARATOR = ", "


@dataclass(frozen=True)
class Prompt:
    """One text for one path.

    Attributes:
        token_ids: [tokens], padded to what the text encoder takes.
        pooling: [tokens, columns]: base phrases (zeros behind the last), target, PAD. A 1 says that the token
            belongs to that column. Start of text and the commas between base phrases belong to none.
    """

    token_ids: Tensor
    pooling: Tensor


def reference_prompt(tokenizer: Any, caption: Caption, base_columns: int) -> Prompt:
    """The base text. `base_columns` is the number of base phrases that a batch leaves room for.

    Raises:
        DataError: More tokens than the text encoder reads.
    """
    return _prompt(tokenizer, caption.base, None, base_columns)


def response_prompt(tokenizer: Any, caption: Caption, base_columns: int) -> Prompt:
    """The complete text, target last.

    Raises:
        DataError: More tokens than the text encoder reads; the target would be cut off.
    """
    return _prompt(tokenizer, caption.base, caption.target, base_columns)


def empty_prompt(tokenizer: Any) -> Tensor:
    """Token ids of the empty text, for classifier-free guidance; [tokens]."""
    return torch.tensor(_padded(tokenizer, "")["input_ids"])


def _prompt(tokenizer: Any, base: tuple[str, ...], target: str | None, base_columns: int) -> Prompt:
    text = _SEPARATOR.join(base if target is None else (*base, target))
    _check_length(tokenizer, text)
    encoded = _padded(tokenizer, text)
    offsets, text_ends = encoded["offset_mapping"], sum(encoded["attention_mask"]) - 1
    pooling = torch.zeros(len(encoded["input_ids"]), base_columns + 2)
    for column, span in _columns(base, target):
        pooling[1:text_ends, column] = torch.tensor([_overlap(token, span) for token in offsets[1:text_ends]])
    pooling[text_ends:, PAD] = 1
    return Prompt(torch.tensor(encoded["input_ids"]), pooling)


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
    return float(token[0] < span[1] and token[1] > span[0])


def _padded(tokenizer: Any, text: str) -> dict[str, list[Any]]:
    encoded = tokenizer(text, padding="max_length", truncation=True, return_offsets_mapping=True)
    return cast("dict[str, list[Any]]", encoded)


def _check_length(tokenizer: Any, text: str) -> None:
    found, most = len(tokenizer(text)["input_ids"]), int(tokenizer.model_max_length)
    if found > most:
        raise DataError(
            "too_many_tokens",
            f"{found} tokens in {text[:60]!r}",
            f"at most {most} tokens; what is behind them would not be read",
            "Leave out the less important base phrases",
        )
