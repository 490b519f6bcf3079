"""Log lines of API, queue maintenance and workers: for people, or one JSON object a line with SPF_LOG_FORMAT=json.

Whatever is logged inside `log_context` carries its fields, so that the lines of one request, or of one job, can be
found. Passwords in addresses are blotted out, and no line can pretend to be two.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from backend.settings import LogFormat, LogLevel

_OURS: Final = ("backend", "worker", "uvicorn")
_PASSWORD: Final = re.compile(r"(://[^\s/:@]*:)[^\s/@]+@")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")

_fields: ContextVar[Mapping[str, Any]] = ContextVar("log_fields", default=MappingProxyType[str, Any]({}))


def configure_logs(log_format: LogFormat, level: LogLevel) -> None:
    """Write log lines to standard error: ours from this level on, those of libraries from WARNING on."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines() if log_format == "json" else _TextLines())
    root = logging.getLogger()
    for earlier in [each for each in root.handlers if isinstance(each.formatter, _JsonLines | _TextLines)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(level)


@contextmanager
def log_context(**fields: Any) -> Generator[None]:
    """Give every line that is logged in the block these fields, such as `job_id`."""
    token = _fields.set({**_fields.get(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


class _JsonLines(logging.Formatter):
    """One JSON object for each line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _clean(record.getMessage()),
            **_fields.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = _clean(self.formatException(record.exc_info))
        return json.dumps(line, default=str)


class _TextLines(logging.Formatter):
    """Time, level and message; then the fields of its context."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; the trace of an exception follows on lines of its own."""
        message = _clean(record.getMessage()).replace("\n", "\\n")
        fields = "".join(f" {name}={value}" for name, value in _fields.get().items())
        line = f"{self.formatTime(record)} {record.levelname} {record.name}: {message}{fields}"
        return f"{line}\n{_clean(self.formatException(record.exc_info))}" if record.exc_info else line


def _clean(text: str) -> str:
    """Blot out passwords, and show control characters instead of obeying them."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], _PASSWORD.sub(r"\1***@", text))
