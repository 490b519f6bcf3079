"""Reading captions without storing anything."""

from __future__ import annotations

from backend.datasets.schemas import PhrasesIn, PhrasesOut
from spf_portrait.contract.caption_text import parse_caption


def parse_phrases(text: PhrasesIn) -> PhrasesOut:
    """Parse a caption as an upload would.

    Raises:
        SpfError: the text is no caption; the message says why.
    """
    caption = parse_caption(text.text, target=text.target)
    return PhrasesOut(
        base=list(caption.base),
        target=caption.target,
        base_text=caption.base_text,
        complete_text=caption.complete_text,
    )
