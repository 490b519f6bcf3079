"""Error tree of the service; one class per kind of answer, no web library needed.

ServiceError
├── NotSignedIn      401  nobody knows who is asking
├── Forbidden        403  the asker may not do this
├── NotFound         404  the thing is not there
├── Conflict         409  the thing is there but its state forbids the request
├── ChangedMeanwhile 412  the thing is no longer what the asker has seen
├── Unprocessable    422  the request was read but cannot be carried out
└── Unavailable      503  a part of the service is away for now
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class ServiceError(Exception):
    """Base of all expected failures of the service.

    Attributes:
        status: HTTP status that an endpoint answers with.
        code: snake_case name for programs.
        detail: sentence for people: what was found and what is allowed.
        hint: what to do next.
        errors: details per field or file, ready for the `errors` list of a problem document.
    """

    status = 500

    def __init__(self, code: str, detail: str, hint: str = "", errors: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(f"{detail} {hint}".strip())
        self.code = code
        self.detail = detail
        self.hint = hint
        self.errors = list(errors)


class NotSignedIn(ServiceError):
    """The request shows no credential, or none that is valid.

    Args:
        detail: what was found.
        tried: a key was shown.
    """

    status = 401

    def __init__(self, detail: str, *, tried: bool = False) -> None:
        super().__init__(
            "not_signed_in",
            detail,
            "Send a valid key as Authorization: Bearer KEY, or sign in on the page. "
            "`spf-studio keys create` makes one.",
        )
        self.tried = tried


class Forbidden(ServiceError):
    """The asker is known, but may not do this."""

    status = 403


def missing_scope(found: str, needed: str) -> Forbidden:
    """Build the refusal of a caller whose credential does not reach so far."""
    return Forbidden(
        "scope_missing",
        f"Found a key of scope {found!r}; this request takes the scope {needed!r}.",
        f"Ask whoever runs the studio for a key: spf-studio keys create --owner NAME --scope {needed}.",
    )


class NotFound(ServiceError):
    """The named thing does not exist."""

    status = 404

    def __init__(self, what: str, name: str) -> None:
        super().__init__(
            f"{what.replace(' ', '_')}_not_found",
            f"There is no {what} named {name!r}.",
            "Compare the name with the list of existing ones; it may have been deleted or never made.",
        )


class Conflict(ServiceError):
    """The state of the thing forbids the request."""

    status = 409


class ChangedMeanwhile(ServiceError):
    """The thing is no longer what the asker has seen, and a write would undo what others did."""

    status = 412


class Unprocessable(ServiceError):
    """The request was understood but cannot be carried out as it stands."""

    status = 422


class Unavailable(ServiceError):
    """A part that the request needs is away for now; asking again later may work."""

    status = 503
