from typing import get_args

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from spf_portrait.contract.training_spec import EnhancementForm
from spf_portrait.method.enhancement import FORMS, Embeddings


def embeddings(response: Tensor | None = None) -> Embeddings:
    generator = torch.Generator().manual_seed(0)
    drawn = [F.normalize(torch.randn(2, 8, generator=generator), dim=-1) for _ in range(6)]
    return Embeddings(drawn[0] if response is None else response, *drawn[1:])


def test_every_form_that_a_specification_allows_is_there() -> None:
    assert set(FORMS) == set(get_args(EnhancementForm))


@pytest.mark.parametrize("form", ["exemplar", "image_direction"])
def test_the_exemplar_is_the_minimum(form: EnhancementForm) -> None:
    torch.testing.assert_close(FORMS[form](embeddings(embeddings().exemplar)), torch.zeros(2), atol=1e-6, rtol=0)


def test_the_text_direction_is_the_minimum_of_the_third_form() -> None:
    e = embeddings()
    moved = embeddings(e.reference + 0.5 * (e.complete - e.base))
    torch.testing.assert_close(FORMS["text_direction"](moved), torch.zeros(2), atol=1e-6, rtol=0)


@pytest.mark.parametrize("form", ["exemplar", "image_direction", "text_direction"])
def test_only_the_response_gets_a_gradient_and_it_is_finite_where_paths_agree(form: EnhancementForm) -> None:
    start = embeddings()
    response = start.reference.clone().requires_grad_()
    FORMS[form](embeddings(response)).sum().backward()
    assert response.grad is not None
    assert torch.isfinite(response.grad).all()
    assert response.grad.norm() < 1e3
