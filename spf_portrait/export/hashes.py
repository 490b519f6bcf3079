"""Hashes of adapter files."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from spf_portrait.running.untyped import safetensors_torch

_LENGTH_BYTES = 8
"""A safetensors file starts with the length of its header."""


def tensor_hash(tensors: Mapping[str, Tensor]) -> str:
    """sha256 of the bytes that follow a file's header: kohya's sshs_model_hash, and ModelSpec's without its 0x."""
    return hash_behind_header(safetensors_torch.save(dict(tensors)))


def hash_behind_header(content: bytes) -> str:
    """The same from a file's content."""
    header = int.from_bytes(content[:_LENGTH_BYTES], "little")
    return hashlib.sha256(content[_LENGTH_BYTES + header :]).hexdigest()


def file_hash(file: Path) -> str:
    """sha256 of a whole file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
