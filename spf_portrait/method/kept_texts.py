"""CLIP's texts that stay in memory between two drawings."""

from typing import Any

from spf_portrait.method.clip_space import TextSpace, text_space_of
from spf_portrait.models.base_model import BaseModel
from spf_portrait.models.kept_base import files_of


class KeptTexts:
    """Loads the text space of a base model, or gives the one that it loaded last if the disk still holds the same.

    At most one is kept. That of a base model without CLIP is the base model itself, and not kept here.
    """

    def __init__(self) -> None:
        self._space: TextSpace | None = None
        self._source: Any = None

    def __call__(self, base: BaseModel) -> TextSpace:
        """As `text_space_of`.

        Raises:
            ModelError: As `text_space_of`.
        """
        folder = base.info.clip
        if folder is None:
            return text_space_of(base)
        source = (files_of(folder), base.tokenizer)
        if self._space is None or source != self._source:
            self._space = None  # frees the old one before the new one is loaded
            self._space, self._source = text_space_of(base), source
        return self._space
