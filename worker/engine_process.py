"""One engine process: started in a session of its own, listened to, and ended with all that it started.

The engine is an exec'd child, because a CUDA context does not survive a fork, and it dies with its worker (see
`worker.die_with_parent`).
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from spf_portrait.contract.errors import DataError
from spf_portrait.contract.events import Event, parse_event
from worker.die_with_parent import die_with_parent

log = logging.getLogger(__name__)

_LONGEST_LINE = 1 << 20


class EngineProcess:
    """An engine that tells its events line by line. Must be started from the main thread.

    Args:
        command: argument list; no shell is involved.
        log_path: receives what it writes to standard error.
        environment: its environment.
        takes_orders: whether its standard input is a pipe, instead of empty.
    """

    def __init__(
        self, command: Sequence[str], log_path: Path, environment: Mapping[str, str], *, takes_orders: bool = False
    ) -> None:
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("ab") as errors:
            self._process = subprocess.Popen(
                die_with_parent(command),
                stdin=subprocess.PIPE if takes_orders else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                env=dict(environment),
            )
        assert self._process.stdout is not None, "started with its standard output as a pipe"
        self._output = self._process.stdout
        os.set_blocking(self._output.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)
        self._rest = b""

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def order(self, line: bytes) -> None:
        """Give it an order, past the buffer, so that nothing is left to be written when it is gone."""
        assert self._process.stdin is not None, "started to take orders"
        self._rest = b""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._process.stdin.fileno(), line)

    def events(self, wait_s: float) -> Iterator[Event]:
        """Yield what it said; wait for it up to `wait_s` seconds. What is no event is passed over."""
        for line in filter(None, self._lines(wait_s)):
            try:
                yield parse_event(line)
            except DataError as error:
                log.warning("trainer: %s", error)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its session, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def end(self) -> None:
        """Kill its whole session at once and wait for it."""
        self.signal(signal.SIGKILL)
        self._process.wait()
        self._selector.close()
        self._output.close()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _lines(self, wait_s: float) -> list[bytes]:
        """Return the lines that are complete by now."""
        if not self._selector.get_map():
            time.sleep(wait_s)
            return []
        if not self._selector.select(wait_s):
            return []
        chunk = self._output.read(_LONGEST_LINE)
        if chunk == b"":
            self._selector.unregister(self._output)
        *lines, rest = (self._rest + (chunk or b"")).split(b"\n")
        self._rest = rest[-_LONGEST_LINE:]
        return lines
