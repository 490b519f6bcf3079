"""The rows of the fault matrix, a file for each, and those that are not run."""

from __future__ import annotations

from typing import Final

from nemesis.row import Row
from nemesis.rows.row_01_worker_killed import WORKER_KILLED
from nemesis.rows.row_03_supervisor_killed import SUPERVISOR_KILLED
from nemesis.rows.row_04_worker_told_to_stop import WORKER_TOLD_TO_STOP
from nemesis.rows.row_06_worker_stopped_and_resumed import WORKER_STOPPED_AND_RESUMED
from nemesis.rows.row_08_broker_killed import BROKER_KILLED
from nemesis.rows.row_09_broker_forgets import BROKER_FORGETS
from nemesis.rows.row_11_api_killed_before_sending import API_KILLED_BEFORE_SENDING
from nemesis.rows.row_13_message_many_times import MESSAGE_MANY_TIMES
from nemesis.rows.row_16_database_locked import DATABASE_LOCKED
from nemesis.rows.row_18_disk_full_at_checkpoint import DISK_FULL_AT_CHECKPOINT
from nemesis.rows.row_21_killed_in_checkpoint import KILLED_IN_CHECKPOINT
from nemesis.rows.row_22_flipped_bit import FLIPPED_BIT
from nemesis.rows.row_27_cancels import CANCELS
from nemesis.rows.row_28_cancel_races_success import CANCEL_RACES_SUCCESS
from nemesis.rows.row_31_one_key_many_times import ONE_KEY_MANY_TIMES
from nemesis.rows.row_34_archive_bombs import ARCHIVE_BOMBS
from nemesis.rows.row_35_archives_that_lie import ARCHIVES_THAT_LIE
from nemesis.rows.row_37_hostile_names import HOSTILE_NAMES
from nemesis.rows.row_40_picture_bombs import PICTURE_BOMBS
from nemesis.rows.row_41_truncated_pictures import TRUNCATED_PICTURES
from nemesis.rows.row_42_metadata import METADATA
from nemesis.rows.row_47_pickles import PICKLES
from nemesis.rows.row_55_large_bodies import LARGE_BODIES
from nemesis.rows.row_56_slow_connections import SLOW_CONNECTIONS

ROWS: Final[tuple[Row, ...]] = (
    WORKER_KILLED,
    SUPERVISOR_KILLED,
    WORKER_TOLD_TO_STOP,
    WORKER_STOPPED_AND_RESUMED,
    BROKER_KILLED,
    BROKER_FORGETS,
    API_KILLED_BEFORE_SENDING,
    MESSAGE_MANY_TIMES,
    DATABASE_LOCKED,
    DISK_FULL_AT_CHECKPOINT,
    KILLED_IN_CHECKPOINT,
    FLIPPED_BIT,
    CANCELS,
    CANCEL_RACES_SUCCESS,
    ONE_KEY_MANY_TIMES,
    ARCHIVE_BOMBS,
    ARCHIVES_THAT_LIE,
    HOSTILE_NAMES,
    PICTURE_BOMBS,
    TRUNCATED_PICTURES,
    METADATA,
    PICKLES,
    LARGE_BODIES,
    SLOW_CONNECTIONS,
)

NOT_RUN: Final = {
    51: "access by one user to what is another's: the service has no accounts",
    53: "every operation with generated input for minutes: schemathesis is not among the project's packages",
}
"""Rows of the matrix without a strike here, and why; they are never counted as green."""
