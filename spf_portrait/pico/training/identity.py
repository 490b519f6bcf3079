"""Train the identity network: the same person near, other persons far, whatever else a portrait shows.

It is used by no loss, so that no method can be trained to please it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor

from spf_portrait.pico.domain import AXIS
from spf_portrait.pico.identity import Identity
from spf_portrait.pico.person import PERSON_AXES, person_of
from spf_portrait.pico.portrait import Attributes
from spf_portrait.pico.training.learner import Learner, cosine_with_warmup
from spf_portrait.pico.training.mixed_pictures import MixedPictures
from spf_portrait.pico.training.muon import muon_and_adamw
from spf_portrait.pico.training.quartets import QUARTET, load_or_render_quartets
from spf_portrait.pico.training.resumable import CPU, Budget, generator_for, train_resumably

_TEMPERATURE: Final = 0.1
_HIDDEN: Final = -1
_NO_NEGATIVE: Final = -1e4


def train_identity(
    folder: Path,
    budget: Budget,
    autoencoder: Any,
    *,
    quartets: int = 1500,
    batch_size: int = 64,
    seed: int = 0,
    device: torch.device = CPU,
) -> Identity:
    """Contrastive training. Half of each batch has gone through the autoencoder, to read generated pictures as well.

    Args:
        folder: Where the checkpoint and the rendered quartets are kept.
        budget: Steps and deadline.
        autoencoder: Finished.
        quartets: How many to render, of four portraits each (see `quartets`).
        batch_size: Portraits, a multiple of 8: a batch holds whole quartets.
        seed: Of weights and choice of quartets.
        device: Where to train.
    """
    torch.manual_seed(seed)
    model = Identity().to(device)
    learner = Learner.of(
        model, muon_and_adamw(model, muon_lr=0.02, adamw_lr=1e-3), cosine_with_warmup(50, budget.steps)
    )
    renders = load_or_render_quartets(folder, quartets)
    persons = person_numbers(renders.attributes)
    pictures = MixedPictures.of(renders, autoencoder, device)

    def step(index: int) -> dict[str, float]:
        generator = generator_for(seed, index)
        half = batch_size // QUARTET // 2
        plain = _members(torch.randint(len(persons) // QUARTET, (half,), generator=generator))
        decoded = _members(torch.randint(len(pictures.decoded) // QUARTET, (half,), generator=generator))
        same, different = relations(persons[torch.cat([plain, decoded])].to(device))
        with torch.autocast(device.type, torch.bfloat16):
            embeddings = model(pictures.chosen(plain, decoded).to(device))
        loss = contrastive_loss(embeddings, same, different)
        learner.update(loss)
        return {"loss": float(loss.detach())}

    train_resumably("identity", folder, budget, learner.state, step)
    return model.cpu().eval()


def person_numbers(attributes: Sequence[Attributes]) -> Tensor:
    """The number of the value that each of `PERSON_AXES` takes, [count, axes]; −1 where it is hidden."""
    numbers = {axis: {value.name: row for row, value in enumerate(AXIS[axis].values)} for axis in PERSON_AXES}
    persons = [person_of(item) for item in attributes]
    rows = [[numbers[axis][who[axis]] if axis in who else _HIDDEN for axis in PERSON_AXES] for who in persons]
    return torch.tensor(rows)


def relations(persons: Tensor) -> tuple[Tensor, Tensor]:
    """Which two portraits [batch, axes] show the same person, and which different ones: booleans [batch, batch] each.

    Some are neither, such as one with a hat and one without that agree in all else (see `pico.person`).
    """
    first, second = persons[:, None], persons[None]
    differs = first != second
    both_seen = (first != _HIDDEN) & (second != _HIDDEN)
    return ~differs.any(dim=-1), (differs & both_seen).any(dim=-1)


def contrastive_loss(embeddings: Tensor, same: Tensor, different: Tensor, temperature: float = _TEMPERATURE) -> Tensor:
    """InfoNCE (van den Oord et al., arXiv 1807.03748) for each pair of one person, with s_ij = z_i · z_j / τ:

        L = mean_i mean_{j ∈ S(i)} −log( e^{s_ij} / (e^{s_ij} + Σ_{k ∈ D(i)} e^{s_ik}) )

    Args:
        embeddings: z, unit vectors [batch, width].
        same: Which show the same person, [batch, batch]. S(i) leaves out i itself, and must not be empty.
        different: Which show different persons, [batch, batch]: D.
        temperature: τ.
    """
    s = embeddings @ embeddings.T / temperature
    negatives = s.masked_fill(~different, _NO_NEGATIVE).logsumexp(dim=1, keepdim=True)
    positives = same & ~torch.eye(len(s), dtype=torch.bool, device=s.device)
    surprise = F.softplus(negatives - s) * positives
    return (surprise.sum(dim=1) / positives.sum(dim=1)).mean()


def _members(quartets: Tensor) -> Tensor:
    """Numbers of all portraits of these quartets."""
    return (quartets[:, None] * QUARTET + torch.arange(QUARTET)).flatten()
