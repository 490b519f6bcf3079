"""How long a run may take: what would not finish is left for the next one."""

import time
from collections.abc import Callable


class Budget:
    """Of one run.

    Args:
        minutes: None for as long as it takes.
        clock: Seconds that only ever grow.
    """

    def __init__(self, minutes: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = None if minutes is None else clock() + 60 * minutes
        self._has_worked = False

    def allows(self, expected_s: float | None) -> bool:
        """Whether work of that length may begin.

        The first of a run always may, or runs that are shorter than a cell would never come to anything.

        Args:
            expected_s: How long it will take; None if nothing like it was done before.
        """
        if self._end is None or not self._has_worked:
            return True
        return self._clock() + (expected_s or 0.0) < self._end

    def worked(self) -> None:
        """Something was done in this run."""
        self._has_worked = True

    def is_over(self) -> bool:
        """Whether the time has run out."""
        return self._end is not None and self._clock() >= self._end
