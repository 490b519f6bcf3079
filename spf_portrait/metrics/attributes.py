"""What a judge reads off two pictures: is the target there, and what else has changed?

A reading is a mapping of axis → value, such as {"glasses": "sunglasses", "skin": "tan"}.
"""

from collections.abc import Collection, Mapping

Reading = Mapping[str, str]


def shows(reading: Reading, axis: str, value: str, visible: Collection[str]) -> float:
    """1 if the target's axis can be seen and has the target's value, otherwise 0."""
    return float(axis in visible and reading[axis] == value)


def pollution_rate(reference: Reading, response: Reading, axes: Collection[str]) -> float:
    """Share of `axes` whose values differ: |{a : reference[a] ≠ response[a]}| / |axes|; 0 when there are none.

    Args:
        reference: What the original model drew for the base text.
        response: What was drawn for base text and target.
        axes: Those that the target leaves alone and that can be seen in both pictures.
    """
    if not axes:
        return 0.0
    return sum(reference[axis] != response[axis] for axis in axes) / len(axes)
