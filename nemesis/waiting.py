"""Waiting for what a studio does by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

PATIENCE_S: Final = 180.0
"""Far longer than anything takes on a busy machine: what has not happened by then never will."""

_LOOK_S: Final = 0.05

Value = TypeVar("Value")


class WaitedInVain(Exception):
    """Something did not happen; the message says what."""


def wait_for(look: Callable[[], Value | None], what: str) -> Value:
    """Return the first true value of `look`.

    Raises:
        WaitedInVain: there was none for `PATIENCE_S`.
    """
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        value = look()
        if value:
            return value
        time.sleep(_LOOK_S)
    raise WaitedInVain(f"waited {PATIENCE_S:.0f} s in vain for {what}")
