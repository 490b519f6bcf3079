"""Keys and session tokens as text, and the hashes that are stored in their place.

Both hold 256 random bits, so one round of SHA-256 keeps them as safe as a slow hash keeps a password: there is no list
of likely ones to try, and a slow hash would cost every request its time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ID_LENGTH = 10
_SECRET_BYTES = 32


@dataclass(frozen=True)
class KeyText:
    """A key in its two parts; as text `spf_ID_SECRET`."""

    id: str
    """Public: lists and revocations name a key by it."""
    secret: str

    def __str__(self) -> str:
        return f"spf_{self.id}_{self.secret}"


def new_key() -> KeyText:
    """Make a key."""
    return KeyText("".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH)), new_token())


def new_token() -> str:
    """Make a secret."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def read_key(text: str) -> KeyText | None:
    """Take a key apart; None for what is none."""
    parts = text.strip().split("_", 2)
    return KeyText(parts[1], parts[2]) if len(parts) == 3 and parts[0] == "spf" else None


def hashed(secret: str) -> str:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_same(secret: str, sha256: str) -> bool:
    """Compare a secret with a stored hash, in a time that does not tell how much of it is right."""
    return hmac.compare_digest(hashed(secret), sha256)
