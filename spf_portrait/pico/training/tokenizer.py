"""The vocabulary of pico: every word of the domain is one token, any other word is spelt out byte by byte."""

import json
from collections.abc import Iterable
from typing import Any, Final

from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from spf_portrait.pico.captions import all_phrases
from spf_portrait.running.untyped import transformers

_END_OF_WORD: Final = "</w>"
_START, _END = "<|startoftext|>", "<|endoftext|>"
MAX_TOKENS: Final = 77
_GENERIC_WORDS: Final = ("and", "the", "man", "woman", "has", "no")


def new_tokenizer() -> Any:
    """A CLIPTokenizer over the domain's words; deterministic."""
    merges = _merges(sorted(set(domain_words())))
    alphabet = sorted(ByteLevel.alphabet())
    tokens = [*alphabet, *(letter + _END_OF_WORD for letter in alphabet), *("".join(pair) for pair in merges)]
    vocabulary = {token: index for index, token in enumerate([*dict.fromkeys(tokens), _START, _END])}
    return transformers.CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=MAX_TOKENS)


def domain_words() -> Iterable[str]:
    """All words that captions of the domain are made of."""
    yield from (word for phrase in all_phrases() for word in phrase.replace("-", " ").split())
    yield from _GENERIC_WORDS


def _merges(words: list[str]) -> list[tuple[str, str]]:
    learner = Tokenizer(BPE(end_of_word_suffix=_END_OF_WORD))
    trainer = BpeTrainer(vocab_size=100_000, end_of_word_suffix=_END_OF_WORD, show_progress=False)
    learner.train_from_iterator(words, trainer)
    return [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]
