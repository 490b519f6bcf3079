"""What keeps the studio from starting."""

from __future__ import annotations


class StartError(Exception):
    """The studio cannot start; the message says why and what to do."""
