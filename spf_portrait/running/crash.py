"""A crash in words: what a program that watches the engine is told when something happened that no error foresaw."""

from typing import Final

from spf_portrait.contract.events import Failed
from spf_portrait.contract.full_disk import is_disk_full

_LONGEST_REASON: Final = 160


def crash_report(error: Exception) -> Failed:
    """The last event of a work that an unforeseen error ends; trying again may help."""
    if is_disk_full(error):
        told = {
            "code": "disk_full",
            "message": "The disk that this work writes to is full.",
            "hint": "Make room on it, then go on from the last checkpoint.",
        }
    else:
        told = {
            "code": "unforeseen_error",
            "message": f"The engine met an error that it did not foresee: {type(error).__name__}: {_reason(error)}.",
            "hint": "The log of the work has the details. Go on from the last checkpoint; if it fails again, report "
            "this as a bug.",
        }
    return Failed(error=told, permanent=False)


def _reason(error: Exception) -> str:
    """The first line of what it says, without the paths of this machine."""
    text = error.strerror if isinstance(error, OSError) else str(error)
    return (text or "no reason given").strip().partition("\n")[0][:_LONGEST_REASON].rstrip(".")
