from pathlib import Path

import torch

from spf_portrait.models.base_model import BaseModel, load_base
from spf_portrait.models.fingerprint import base_fingerprint


def test_a_base_is_told_from_another_and_from_its_retrained_self(base: BaseModel, models_dir: Path) -> None:
    before = base_fingerprint(base)
    assert base_fingerprint(load_base("tiny", models_dir)) == before
    assert base_fingerprint(load_base("tiny-epsilon", models_dir)) != before, "only the sampler's settings differ"
    largest = max(base.network.parameters(), key=torch.Tensor.numel)
    with torch.no_grad():
        largest.mul_(1.0001)
    assert base_fingerprint(base) != before


def test_it_reads_all_that_draws(base: BaseModel) -> None:
    found = {base_fingerprint(base)}
    for part in (base.vae, base.parts.text_encoders[0].model):
        with torch.no_grad():
            next(part.parameters()).add_(0.01)
        found.add(base_fingerprint(base))
    assert len(found) == 3
