"""The loop that keeps the queue going: relay and reaper at every turn, the sweep once in a while."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from kombu.exceptions import OperationalError as BrokerError
from sqlalchemy.exc import SQLAlchemyError

from backend.db import Database
from backend.maintenance.notifier import Notifier
from backend.maintenance.old_events import thin_progress
from backend.maintenance.old_keys import forget_keys
from backend.maintenance.old_sessions import forget_sessions
from backend.maintenance.reaper import Reaper
from backend.maintenance.relay import relay_once
from backend.maintenance.sweep import sweep_files
from backend.settings import Settings
from backend.storage import LocalStorage

log = logging.getLogger(__name__)

_SWEEP_S = 3600.0


def maintenance_loop(
    db: Database, storage: LocalStorage, notifier: Notifier, settings: Settings, stop: threading.Event
) -> None:
    """Relay, reap and sweep until `stop` is set; what fails is tried again at the next turn."""
    reaper = Reaper(
        db, patience_s=2 * settings.heartbeat_s, max_run_s=settings.max_run_s, max_wait_s=settings.max_wait_s
    )
    swept_s = -_SWEEP_S
    while not stop.wait(settings.relay_s):
        _try("lost jobs wait", reaper.turn)
        _try("queued jobs wait", lambda: relay_once(db, notifier, resend_s=settings.resend_s))
        if time.monotonic() - swept_s >= _SWEEP_S:
            swept_s = time.monotonic()
            _try("what nobody needs stays", lambda: sweep_files(db, storage, keep_s=settings.keep_s))
            _try("old progress events stay", lambda: thin_progress(db))
            _try("old keys of requests stay", lambda: forget_keys(db))
            _try("sessions that are over stay", lambda: forget_sessions(db))


def _try(consequence: str, work: Callable[[], object]) -> None:
    """Do one piece of work; no failure of it may end the loop, because nothing else would be done either then."""
    try:
        work()
    except (SQLAlchemyError, BrokerError, OSError) as error:
        log.warning("%s: %s: %s", consequence, type(error).__name__, error)
    except Exception:
        log.exception("%s", consequence)
