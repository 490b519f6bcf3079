"""What the API says about who is signed in."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from backend.caller import Scope


class SignIn(BaseModel):
    """A key, to begin a session with."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(min_length=1, max_length=200)


class CallerOut(BaseModel):
    """Who is asking."""

    owner: str
    scope: Scope
    keyed: bool = Field(description="false on a studio without keys, whose single user never signs in")
