"""Caption → attributes: what a text of this domain asks for, read back from its words."""

from collections.abc import Iterable, Iterator
from typing import Final

from spf_portrait.pico.captions import COLOUR_OF, COLOURED_HAIR, LEADS
from spf_portrait.pico.domain import AXES, AXIS, COLOURS

_GARMENTS: Final = tuple(COLOUR_OF)
_WHOLE_CLOTHES: Final = "clothes"


def said_attributes(phrases: Iterable[str]) -> dict[str, str]:
    """Axis → value of everything that the phrases name; phrases that name nothing, such as "a person", are passed over.

    Args:
        phrases: Of a caption, as `captions.describe` words them; the other way round, it reads what `describe` says.
    """
    return dict(pair for phrase in phrases for pair in _read(_without_lead(phrase)))


def _read(phrase: str) -> Iterator[tuple[str, str]]:
    if phrase in _WORDS:
        yield _WORDS[phrase]
        return
    colour, rest = _parted(phrase)
    if colour and rest == _WHOLE_CLOTHES:
        yield ("clothes_colour", colour)
    elif colour and rest in _WORDS and _WORDS[rest][0] in _GARMENTS:
        garment, kind = _WORDS[rest]
        yield from ((garment, kind), (COLOUR_OF[garment], colour))
    else:
        yield from _HAIR.get(phrase, ())


def _without_lead(phrase: str) -> str:
    """Without "wearing", and without an article."""
    for lead in sorted({lead for leads in LEADS.values() for lead in leads}, key=len, reverse=True):
        phrase = phrase.removeprefix(lead)
    return _bare(phrase)


def _parted(phrase: str) -> tuple[str, str]:
    """ "red hoodie" → "red" and "hoodie"; no colour where the first word is none."""
    first, _, rest = phrase.partition(" ")
    return (first, rest) if first in COLOURS else ("", phrase)


def _bare(phrase: str) -> str:
    return phrase.removeprefix("a ").removeprefix("an ")


_WORDS: Final = {
    _bare(phrase): (axis.name, value.name)
    for axis in AXES
    if axis.name not in COLOUR_OF.values()
    for value in axis.values
    for phrase in value.phrases
}
"""Without the colours of garments, which say something only beside a garment."""
_HAIR: Final = {
    _bare(template.format(colour.name)): (("hair_style", style), ("hair_colour", colour.name))
    for style, template in COLOURED_HAIR.items()
    for colour in AXIS["hair_colour"].values
}
