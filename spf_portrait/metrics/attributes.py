"""What a judge reads off two pictures: is the target there, and what else has changed?

A reading is a mapping of axis → value, such as {"glasses": "sunglasses", "skin": "tan"}.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

Reading = Mapping[str, str]


@dataclass(frozen=True)
class Comparison:
    """Two pictures, axis by axis.

    Attributes:
        compared: Axes that the target leaves alone and that can be seen in both pictures.
        differing: Those of them whose values differ.
    """

    compared: tuple[str, ...]
    differing: tuple[str, ...]

    @property
    def pollution(self) -> float:
        """|differing| / |compared|; 0 when there is nothing to compare."""
        return len(self.differing) / len(self.compared) if self.compared else 0.0


def shows(reading: Reading, axis: str, value: str, visible: Collection[str]) -> float:
    """1 if the target's axis can be seen and has the target's value, otherwise 0."""
    return float(axis in visible and reading[axis] == value)


def compare(reference: Reading, response: Reading, axes: Iterable[str]) -> Comparison:
    """Which of `axes` differ: {a : reference[a] ≠ response[a]}.

    Args:
        reference: What the original model drew for the base text.
        response: What was drawn for base text and target.
        axes: Those that the target leaves alone and that can be seen in both pictures.
    """
    compared = tuple(axes)
    return Comparison(compared, tuple(axis for axis in compared if reference[axis] != response[axis]))
