"""Writing what must not be lost to a database that is locked or away for a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from backend.db import Database

log = logging.getLogger(__name__)

PATIENCE_S: Final = 600.0
"""A finished result waits this long. Nobody else can take its job either while no row can be written."""

_PAUSE_S: Final = 0.5

Value = TypeVar("Value")


def write_patiently(db: Database, write: Callable[[Session], Value]) -> Value:
    """Run a writing transaction, from its start again whenever the database does not take it.

    Args:
        db: the records.
        write: the transaction's work. It may find that an earlier try was taken and only its answer was lost.

    Returns:
        What `write` returned.

    Raises:
        OperationalError: the database stayed away for longer than `PATIENCE_S`.
    """
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            with db.write() as session:
                return write(session)
        except OperationalError as error:
            if time.monotonic() > deadline_s:
                raise
            log.warning("the database does not take a record, trying again: %s", error)
            time.sleep(_PAUSE_S)
