"""What the interface's description says of `hold`, an option of every kind of job that draws with adapters."""

from __future__ import annotations

from typing import Final

from spf_portrait.contract.hold import Hold

_HOLD: Final = Hold()

HOLD_OPTIONS: Final = (
    "`hold`, an object, changes the response only where the adapters answer most: "
    f"`firmness` (0 to 1, default {_HOLD.firmness:g}), `held_below` (0 to less than 1, default {_HOLD.held_below:g}) "
    f"and `free_above` (more than held_below, to 1, default {_HOLD.free_above:g}) are shares of the largest difference "
    "from the original model; null draws without"
)
