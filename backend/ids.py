"""Identifiers: a prefix that names the kind, then a sortable random part."""

from __future__ import annotations

import secrets
import time
from typing import Literal

Prefix = Literal["ds", "itm", "dsv", "job", "adp", "cmp", "evl", "req"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: Prefix) -> str:
    """Return an identifier such as `job_01kb…`: 48 bits of time in ms, then 80 random bits, in base 32.

    The time only makes identifiers sort by age; no decision about a job depends on it.
    """
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    digits = [_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5)]
    return f"{prefix}_{''.join(digits)}"
