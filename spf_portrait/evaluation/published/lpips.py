"""LPIPS 0.1 with AlexNet (Zhang et al., arXiv 1801.03924): how different two pictures look.

    d(x, y) = Σ_l mean over places of w_l · (x̂_l − ŷ_l)²

with features of five layers, each place's vector of length one, and learnt weights w_l of their channels.
"""

import pickle
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from spf_portrait.contract.errors import ModelError
from spf_portrait.contract.phrases import Caption
from spf_portrait.evaluation.known_domain import Pictures
from spf_portrait.evaluation.measuring import PlugIn
from spf_portrait.evaluation.published.pixels import pixels_of

_SHIFT: Final = (-0.030, -0.088, -0.188)
_SCALE: Final = (0.458, 0.448, 0.450)
"""What LPIPS makes of pixels in [-1, 1] before AlexNet sees them."""
_LAYERS: Final = (1, 4, 7, 9, 11)
"""Behind which of AlexNet's layers its features are taken: the five rectifiers."""
_LEAST_LENGTH: Final = 1e-10


class Lpips(nn.Module):
    """The network; names of its parameters are those of torchvision's AlexNet and of LPIPS's own file."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
        )
        self.weights = nn.ParameterList(nn.Parameter(torch.zeros(1, width, 1, 1)) for width in (64, 192, 384, 256, 256))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Pixels in [-1, 1], [batch, 3, height, width] twice → [batch]."""
        pairs = zip(self._seen(first), self._seen(second), self.weights, strict=True)
        return torch.stack([(weight * (a - b).square()).sum(dim=1).mean(dim=(1, 2)) for a, b, weight in pairs]).sum(0)

    def _seen(self, pixels: Tensor) -> list[Tensor]:
        shift, scale = (pixels.new_tensor(of)[:, None, None] for of in (_SHIFT, _SCALE))
        answer, features = (pixels - shift) / scale, list[Tensor]()
        for index, layer in enumerate(self.features):
            answer = layer(answer)
            if index in _LAYERS:
                features.append(answer / (answer.square().sum(dim=1, keepdim=True).sqrt() + _LEAST_LENGTH))
        return features


def perceptual_metric(folder: Path, device: torch.device) -> dict[str, PlugIn]:
    """LPIPS of reference and response, which must be of one size.

    Args:
        folder: With alexnet.pth and lin.pth.
        device: Where it goes.
    """
    network = cache(lambda: _loaded(folder).to(device))

    @torch.no_grad()
    def distance(references: Pictures, responses: Pictures, captions: Sequence[Caption]) -> list[float]:
        pairs = zip(references, responses, strict=True)
        return [float(network()(*(pixels_of(one)[None].to(device) for one in pair))) for pair in pairs]

    return {"lpips": distance}


def _loaded(folder: Path) -> Lpips:
    network = Lpips()
    features, learnt = _tensors(folder / "alexnet.pth"), _tensors(folder / "lin.pth")
    wanted = {name: features.get(name) for name in network.state_dict() if name.startswith("features")}
    wanted |= {f"weights.{layer}": learnt.get(f"lin{layer}.model.1.weight") for layer in range(len(_LAYERS))}
    try:
        network.load_state_dict({name: tensor for name, tensor in wanted.items() if tensor is not None})
    except RuntimeError as error:
        raise _damaged(folder, str(error)) from error
    return network.eval().requires_grad_(False)


def _tensors(file: Path) -> dict[str, Any]:
    """Opened for tensors alone: whatever else a pickle holds is refused."""
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise _damaged(file, str(error)) from error


def _damaged(place: Path, reason: str) -> ModelError:
    return ModelError(
        "damaged_lpips",
        f"{place} ({reason.partition(chr(10))[0]})",
        "alexnet.pth of torchvision and lin.pth, LPIPS's alex.pth of version 0.1",
        "Restore both files from where they came from",
    )
