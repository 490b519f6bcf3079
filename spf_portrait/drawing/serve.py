"""Draw pairs that are ordered one after the other: starting and loading are paid once.

Each line of input is a `DrawingOrder`; it is answered by the events of that drawing, the last of which is `finished`. A
pair drawn here equals one drawn by a process of its own, byte for byte: the adapter is taken off after each order, and
all randomness comes from the order's seed. Whatever goes wrong ends the process, so that nothing of it lives on.
"""

import os
import resource
import select
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from spf_portrait.contract.drawing_order import parse_order
from spf_portrait.drawing.sample import SampleJob, sample
from spf_portrait.method.kept_texts import KeptTexts
from spf_portrait.models.kept_base import KeptBase
from spf_portrait.running.progress import Report

_MOST_ORDERS: Final = 200
_MOST_GROWTH: Final = 1.5
"""Peak memory, over that of the first order, beyond which a new process is the better one."""
_CHUNK_BYTES: Final = 1 << 16
_STANDARD_ERROR: Final = 2


def serve(source: int, report: Report, idle_s: float, models_dir: Path | None = None) -> None:
    """Draw until the orders end, none comes for `idle_s` seconds, or the process has grown old.

    Args:
        source: File descriptor that orders are read from.
        report: Is told every event.
        idle_s: Longest wait for an order.
        models_dir: Folder of the base models; None for the default.

    Raises:
        SpfError: An order cannot be read or drawn.
    """
    base, texts, first_peak = KeptBase(), KeptTexts(), 0
    for line in islice(_lines(source, idle_s), _MOST_ORDERS):
        order = parse_order(line)
        if order.log is not None:
            _log_to(order.log)
        job = SampleJob(order.spec, order.adapter, order.out, models_dir, order.adapters)
        report(sample(job, report, base, texts))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        first_peak = first_peak or peak
        if peak > _MOST_GROWTH * first_peak:
            return


def _lines(source: int, idle_s: float) -> Iterator[bytes]:
    """Complete lines, until the source ends or is silent for too long."""
    rest = b""
    while select.select([source], [], [], idle_s)[0]:
        chunk = os.read(source, _CHUNK_BYTES)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _log_to(file: Path) -> None:
    """Let standard error go to a file, at its end."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as log:
        os.dup2(log.fileno(), _STANDARD_ERROR)
