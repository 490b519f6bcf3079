"""Likeness of embeddings: of faces (ID), of pictures (CLIP-I), of a picture and a text (CLIP-T)."""

import torch.nn.functional as F
from torch import Tensor


def cosine_similarity(first: Tensor, second: Tensor) -> Tensor:
    """cos(a_i, b_i) = a_i · b_i / (|a_i| |b_i|), row by row; [rows, width] twice → [rows]. Equal rows give 1."""
    return F.cosine_similarity(first.double(), second.double(), dim=-1)
