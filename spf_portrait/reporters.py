"""Two ways to show events: JSON lines for a program, a bar for a person."""

import sys
from typing import Any

from tqdm import tqdm

from spf_portrait.contract.events import CheckpointSaved, Failed, Finished, Notice, Progress, to_line


def json_lines(event: Progress | CheckpointSaved | Notice | Finished | Failed) -> None:
    """One event a line on standard output, flushed at once."""
    sys.stdout.write(to_line(event) + "\n")
    sys.stdout.flush()


class Bars:
    """One bar a phase on standard error."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._phase = ""

    def __call__(self, event: Progress | CheckpointSaved | Notice | Finished | Failed) -> None:
        if isinstance(event, Progress):
            self._show(event)
        elif isinstance(event, Notice):
            tqdm.write(event.message, file=sys.stderr)
        elif isinstance(event, Failed):
            self.close()
        elif isinstance(event, Finished):
            self.close()
            sys.stdout.writelines(f"{path}\n" for path in event.files.values())

    def close(self) -> None:
        """Leave the last bar as it stands."""
        if self._bar is not None:
            self._bar.close()
            self._bar, self._phase = None, ""

    def _show(self, event: Progress) -> None:
        if event.phase != self._phase:
            self.close()
            self._phase, self._bar = event.phase, tqdm(desc=event.phase, total=event.total)
        self._bar.update(event.step - self._bar.n)
        if event.losses:
            self._bar.set_postfix({name: f"{value:.3f}" for name, value in event.losses.items()}, refresh=False)
