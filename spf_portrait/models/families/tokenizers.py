"""The tokenizer of a base model without its weights."""

from pathlib import Path
from typing import Any

from spf_portrait.contract.base_info import BaseInfo
from spf_portrait.models.families.catalogue import FAMILIES
from spf_portrait.models.families.single_file import clip_tokenizer
from spf_portrait.running.untyped import transformers


def first_tokenizer(info: BaseInfo, shared_clip: Path) -> Any | None:
    """That of the first text encoder, which is CLIP's in every family and reads least; None if it is not here yet.

    Args:
        info: The base model.
        shared_clip: Folder with CLIP's vocabulary, for single files.

    Raises:
        ModelError: A single file, and no vocabulary for it.
    """
    if info.path.is_file():
        return clip_tokenizer(info.clip or shared_clip)
    files = FAMILIES[info.family].encoders[0]
    folder = info.path / files.tokenizer
    return getattr(transformers, files.tokenizer_class).from_pretrained(folder) if folder.is_dir() else None
