"""`python -m backend.maintenance`: relay, reap and sweep until SIGINT or SIGTERM.

A process of its own in the studio and under compose alike. It may run any number of times at once: a second message
for a job finds nothing to claim, every transition of the reaper is guarded, and what is gone cannot be swept twice.
"""

from __future__ import annotations

import signal
import sys
import threading

from backend.db import Database
from backend.logs import configure_logs
from backend.maintenance.loop import maintenance_loop
from backend.maintenance.notifier import CeleryNotifier
from backend.settings import Settings, load_settings
from backend.start_error import StartError
from backend.storage import LocalStorage


def main() -> None:
    """Maintain the queue until told to stop."""
    try:
        settings = load_settings()
        configure_logs(settings.log_format, settings.log_level or "INFO")
        _run(settings)
    except StartError as error:
        sys.exit(f"The queue maintenance cannot start: {error}")


def _run(settings: Settings) -> None:
    """Open what the loop needs, run it, and close it."""
    if settings.redis_url is None:
        raise StartError("found no SPF_REDIS_URL; the relay needs a broker. `python -m backend.studio` starts one.")
    stop = threading.Event()

    def handle(_number: int, _frame: object) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    db = Database(settings.sqlalchemy_url)
    notifier = CeleryNotifier(settings.redis_url)
    try:
        maintenance_loop(db, LocalStorage(settings.data_dir), notifier, settings, stop)
    finally:
        notifier.close()
        db.close()


if __name__ == "__main__":
    main()
