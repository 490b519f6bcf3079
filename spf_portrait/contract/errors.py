"""The errors that a person can cause and mend.

SpfError
├── DataError      portraits, captions, archives
├── SpecError      options of a job
├── ModelError     base models and adapters that are missing or damaged
├── TrainingError  a training that cannot go on
└── ExportError    an adapter that cannot be written
"""

from typing import ClassVar


class SpfError(Exception):
    """Says what was found, what is allowed and what to do.

    Args:
        code: Stable name in snake_case, for programs.
        found: What was met, as a noun phrase that names the file where there is one.
        allowed: What would have been right, as a noun phrase.
        hint: What to do about it, as a sentence without its full stop or with it.
    """

    permanent: ClassVar[bool] = True
    """Trying again without a change by a person gives the same error."""

    def __init__(self, code: str, found: str, allowed: str, hint: str) -> None:
        super().__init__(code, found, allowed, hint)
        self.code = code
        self.found = found
        self.allowed = allowed
        self.hint = hint

    def __str__(self) -> str:
        return f"Found {self.found}; allowed: {self.allowed}. {self.hint.rstrip('.')}."

    def as_dict(self) -> dict[str, str]:
        """The four fields and, as `message`, the whole text."""
        return {
            "code": self.code,
            "found": self.found,
            "allowed": self.allowed,
            "hint": self.hint,
            "message": str(self),
        }


class DataError(SpfError):
    """A portrait, caption, caption set or archive that cannot be used."""

    permanent: ClassVar[bool] = True


class SpecError(SpfError):
    """An option that is unknown or out of bounds."""

    permanent: ClassVar[bool] = True


class ModelError(SpfError):
    """A base model, adapter or judge that is missing or damaged."""

    permanent: ClassVar[bool] = True


class TrainingError(SpfError):
    """A training that cannot go on, for instance because its loss is no longer a number."""

    permanent: ClassVar[bool] = True


class ExportError(SpfError):
    """An adapter that cannot be written in the wanted form."""

    permanent: ClassVar[bool] = True
