"""Who a request comes from: an owner, and what the credential that was shown allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

Scope = Literal["read", "write", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
"""Each allows what those before it allow: to look, to change one's own, and to do both with everybody's."""

LOCAL_OWNER: Final = "local"
"""Whom everything belongs to on a studio without keys; a key for this owner takes it over."""


@dataclass(frozen=True)
class Caller:
    """Who a request comes from."""

    owner: str
    scope: Scope
    session_id: str | None = None
    """The page's session, for a caller that has shown its cookie."""
    keyed: bool = True
    """Whether a key stands behind it; without one the studio has a single user."""

    @property
    def sees_everything(self) -> bool:
        """Whether the things of all owners are there for this caller."""
        return self.scope == "admin"

    def may(self, scope: Scope) -> bool:
        """Tell whether this caller may do what takes a scope."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


SINGLE_USER: Final = Caller(LOCAL_OWNER, "admin", keyed=False)
"""The one caller of a studio without keys."""
