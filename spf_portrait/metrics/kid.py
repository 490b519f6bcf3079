"""Kernel inception distance (Bińkowski et al., arXiv 1801.01401) between two equally large sets of pictures.

    k(x, y) = (x · y / d + 1)³                                   d = width of the features
    h_ij = k(x_i, x_j) + k(y_i, y_j) − k(x_i, y_j) − k(x_j, y_i)
    KID = Σ_{i ≠ j} h_ij / (n (n − 1))

This is the unbiased estimate of the squared maximum mean discrepancy for sets of one size (Gretton et al. 2012, lemma
6). It leaves out k(x_i, y_i) too. That is what makes it exactly 0 for a set against itself, and it is right for our
sets, whose i-th pictures come from one seed and are not independent. It can come out a little below 0.
"""

import torch
from torch import Tensor

from spf_portrait.metrics.intervals import Interval, middle_of, resampled_indices


def kid(first: Tensor, second: Tensor) -> float:
    """KID of features [pictures, width] and [pictures, width]; at least two pictures."""
    terms = _terms(first, second)
    count = len(terms)
    return float(terms.sum() / (count * (count - 1)))


def kid_interval(first: Tensor, second: Tensor) -> Interval:
    """95 % bootstrap interval over the pairs (x_i, y_i).

    A pair that was drawn twice is not compared with itself: two equal pictures are no evidence of how sets differ.
    """
    terms = _terms(first, second)
    count = len(terms)
    drawn = resampled_indices(count)
    times = torch.zeros(drawn.shape, dtype=terms.dtype).scatter_add_(
        1, drawn, torch.ones(drawn.shape, dtype=terms.dtype)
    )
    compared = (count**2 - times.square().sum(dim=1)).clamp_min(1)
    return middle_of(((times @ terms) * times).sum(dim=1) / compared)


def _terms(first: Tensor, second: Tensor) -> Tensor:
    """h_ij with zeros on the diagonal, [pictures, pictures]."""
    x, y = first.double(), second.double()
    across = _kernel(x, y)
    terms = _kernel(x, x) + _kernel(y, y) - across - across.T
    return terms - torch.diag(terms.diagonal())


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3
