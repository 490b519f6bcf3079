"""The training of the bundled model: interrupted or not, the outcome is the same."""

import json
import random
from pathlib import Path
from typing import cast

import pytest
import torch

from spf_portrait.contract.vocabulary import read_vocabulary, unseen_words
from spf_portrait.pico.captions import base_phrases
from spf_portrait.pico.portrait import random_attributes
from spf_portrait.pico.training.assemble import write_vocabulary
from spf_portrait.pico.training.learner import Learner, cosine_with_warmup
from spf_portrait.pico.training.muon import Muon, muon_and_adamw, orthogonalized
from spf_portrait.pico.training.resumable import Budget, OutOfTime, generator_for, train_resumably
from spf_portrait.pico.training.tokenizer import domain_words, new_tokenizer

STEPS = 6


def trained(folder: Path, budget: Budget) -> torch.Tensor:
    """A small regression with the optimizers of the real trainings."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.SiLU(), torch.nn.Linear(8, 1))
    learner = Learner.of(model, muon_and_adamw(model, muon_lr=0.02, adamw_lr=1e-2), cosine_with_warmup(2, STEPS))

    def step(index: int) -> dict[str, float]:
        x = torch.randn(16, 4, generator=generator_for(0, index))
        loss = (model(x) - x.sum(dim=1, keepdim=True)).square().mean()
        learner.update(loss)
        return {"loss": float(loss.detach())}

    train_resumably("regression", folder, budget, learner.state, step)
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


def test_a_resumed_training_equals_an_unbroken_one(tmp_path: Path) -> None:
    unbroken = trained(tmp_path / "unbroken", Budget(STEPS))
    for done in range(1, STEPS):
        with pytest.raises(OutOfTime, match=f"regression: {done} of {STEPS} steps"):
            trained(tmp_path / "broken", Budget(STEPS, deadline_s=0))
    assert torch.equal(trained(tmp_path / "broken", Budget(STEPS, deadline_s=0)), unbroken)
    steps = [json.loads(line)["step"] for line in (tmp_path / "broken" / "regression.jsonl").read_text().splitlines()]
    assert steps == [STEPS]


@pytest.mark.parametrize("shape", [(8, 8), (4, 16), (16, 4), (8, 3, 3, 3)])
def test_muon_steps_have_singular_values_near_one(shape: tuple[int, ...]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = cast("torch.Tensor", torch.linalg.svdvals(orthogonalized(matrix).flatten(1)))
    assert orthogonalized(matrix).shape == shape
    assert float(values.min()) > 0.4
    assert float(values.max()) < 1.4


def test_muon_takes_the_matrices_and_leaves_the_rest_to_adamw() -> None:
    model = torch.nn.ModuleList([torch.nn.Embedding(5, 3), torch.nn.Linear(3, 2), torch.nn.Conv2d(3, 2, 3)])
    muon, adamw = muon_and_adamw(model, 0.02, 1e-3)
    assert isinstance(muon, Muon)
    assert [tuple(p.shape) for p in muon.param_groups[0]["params"]] == [(2, 3), (2, 3, 3, 3)]
    assert sorted(p.ndim for p in adamw.param_groups[0]["params"]) == [1, 1, 2]


def test_the_vocabulary_is_what_captions_are_made_of(tmp_path: Path) -> None:
    write_vocabulary(tmp_path)
    vocabulary = read_vocabulary(tmp_path)
    assert vocabulary is not None
    assert vocabulary <= set(domain_words())
    for seed in range(300):
        phrases = base_phrases(random_attributes(seed, with_held_back=True), random.Random(seed))
        assert unseen_words(" ".join(phrases), vocabulary) == ()
    assert unseen_words("a laptop", vocabulary) == ("laptop",)


def test_every_word_of_the_domain_is_one_token_and_any_other_can_be_spelt() -> None:
    tokenizer = new_tokenizer()
    assert all(len(tokenizer.tokenize(word)) == 1 for word in domain_words())
    assert len(tokenizer.tokenize("zebra")) > 1
    assert tokenizer.decode(tokenizer("zebra", add_special_tokens=False).input_ids).strip() == "zebra"
    assert tokenizer("sunglasses").input_ids[-1] == tokenizer.eos_token_id
    assert tokenizer.model_max_length == 77
