"""One name for whatever decides a result: equal content, equal digest."""

import hashlib
import json
from typing import Any


def digest_of(content: Any) -> str:
    """sha256, in hex, of anything JSON can hold; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
