"""Two ways to show events: JSON lines for a program, a bar for a person."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from spf_portrait.contract.events import Event, Failed, Finished, Notice, PreviewsDrawn, Progress, Validated, to_line


def json_lines(event: Event) -> None:
    """One event a line on standard output, flushed at once."""
    sys.stdout.write(to_line(event) + "\n")
    sys.stdout.flush()


class Bars:
    """One bar a phase on standard error; behind it the latest losses, and the latest validation beside them."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._phase = ""
        self._validated: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress):
            self._show(event)
        elif isinstance(event, Validated):
            self._validated = {"gained": event.target_gained, "kept": event.rest_kept}
            _tell(f"step {event.step}: target gained {event.target_gained:.3f}, rest kept {event.rest_kept:.3f}")
        elif isinstance(event, PreviewsDrawn):
            _tell(f"step {event.step}: previews in {Path(next(iter(event.files))).parent}")
        elif isinstance(event, Notice):
            _tell(event.message)
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
            self._bar.set_postfix(_rounded(event.losses | self._validated), refresh=False)


def _tell(message: str) -> None:
    tqdm.write(message, file=sys.stderr)


def _rounded(values: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{value:.3f}" for name, value in values.items()}
