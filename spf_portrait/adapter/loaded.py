"""Adapters from files, one or several at once, each with its own strength: W + Σ_i s_i · ΔW_i."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import torch
from torch import nn

from spf_portrait.adapter.attached import remove_adapter, set_strength
from spf_portrait.adapter.files import AdapterFile, read_adapter
from spf_portrait.adapter.lora import NAME, adapter_deltas, attach_adapter
from spf_portrait.adapter.network_file import attach_network_tensors
from spf_portrait.contract.errors import SpecError

_ALSO: Final = "also_"


def load_adapter(network: nn.Module, file: Path) -> dict[str, str]:
    """Attach an adapter from a file.

    Args:
        network: Without adapter.
        file: What `export` wrote, or another LoRA of one rank.

    Returns:
        The file's metadata.

    Raises:
        ModelError: Not such a file, or made for another base model.
    """
    read = read_adapter(network, file)
    _attach(network, read, NAME, file)
    return read.metadata


@contextmanager
def adapters_loaded(network: nn.Module, adapters: Sequence[tuple[Path, float]]) -> Generator[list[dict[str, str]]]:
    """The tuned model for a while; with no adapter, or all of strength 0, the original one.

    Args:
        network: Without adapter; it is left as it was found.
        adapters: Files with their strengths.

    Yields:
        The files' metadata.

    Raises:
        ModelError: As `load_adapter`, for a file of strength 0 too.
    """
    read = [read_adapter(network, file) for file, _ in adapters]
    used = [(one, file, strength) for one, (file, strength) in zip(read, adapters, strict=True) if strength != 0]
    if len(used) > 1 and any(one.whole_network for one, *_ in used):
        raise _not_alone()
    try:
        names = [NAME, *(f"{_ALSO}{number}" for number in range(1, len(used)))][: len(used)]
        for name, (one, file, _) in zip(names, used, strict=True):
            _attach(network, one, name, file)
        if len(used) == 1:
            set_strength(network, used[0][-1])
        elif used:
            cast("Any", network).set_adapters(names, weights=[strength for *_, strength in used])
        yield [one.metadata for one in read]
    finally:
        remove_adapter(network)


def _attach(network: nn.Module, read: AdapterFile, name: str, file: Path) -> None:
    if read.whole_network:
        attach_network_tensors(network, read.whole_network, str(file))
        return
    wanted = "|".join(path.replace(".", r"\.") for path in read.deltas)
    attach_adapter(network, read.rank, f"({wanted})", name=name)
    with torch.no_grad():
        for path, (down, up) in adapter_deltas(network, name).items():
            down.copy_(read.deltas[path][0])
            up.copy_(read.deltas[path][1])


def _not_alone() -> SpecError:
    return SpecError(
        "whole_network_not_alone",
        "the differences of a whole network beside another adapter",
        "several adapters that are LoRA, or one of a whole network",
        "Draw with one of them at a time",
    )
