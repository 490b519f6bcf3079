"""Settings of the service, read once at the edge (environment, prefix SPF_) and passed down."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self, cast

from pydantic import Field, ValidationError, field_serializer, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from backend.start_error import StartError

LogFormat = Literal["text", "json"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

_DATABASES: Final = ("sqlite", "postgresql", "postgresql+psycopg")
_HOST_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]*:[0-9a-f:.]*")


class Settings(BaseSettings):
    """All settings of backend and worker. Times are in seconds unless the name says otherwise."""

    # Addresses hold passwords, which no error message repeats.
    model_config = SettingsConfigDict(env_prefix="SPF_", frozen=True, extra="ignore", hide_input_in_errors=True)

    data_dir: Path = Path("data")
    """Folder that holds the database, the uploads, the checkpoints and the results."""
    models_dir: Path | None = None
    """Folder of base models; the repository's models/ when unset."""
    database_url: str | None = Field(default=None, repr=False)
    """`postgresql://USER:PASSWORD@HOST/NAME` or `sqlite:///FILE`; studio.sqlite in the data folder when unset."""
    redis_url: str | None = Field(default=None, repr=False)
    """Broker URL; the studio starts a private broker when unset."""
    host: str = "127.0.0.1"
    """Address to listen on. Any but a loopback one takes a key (`spf-studio keys create`), also in a container."""
    host_names: Annotated[tuple[str, ...], NoDecode] = ()
    """Names besides the loopback ones that requests may be addressed to, separated by commas: what a proxy in front is
    called from outside. They take a key, too."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 picks a free one."""

    session_s: float = Field(default=12 * 3600.0, ge=60.0, le=30 * 86400.0)
    """How long a sign-in on the page lasts, a minute to 30 days."""

    log_format: LogFormat = "text"
    """Log lines for people, or `json`: one JSON object a line for programs."""
    log_level: LogLevel | None = None
    """Least level of what is logged; INFO when unset, WARNING on the studio's terminal."""

    lease_s: float = Field(default=120.0, gt=0)
    """How long a claimed job stays with its worker without a heartbeat."""
    heartbeat_s: float = Field(default=15.0, gt=0)
    """Time between two heartbeats of a worker."""
    grace_s: float = Field(default=120.0, gt=0)
    """Time a trainer gets to write its checkpoint after SIGTERM, before SIGKILL."""
    stall_s: float = Field(default=1800.0, gt=0)
    """A trainer without any event for this long counts as hung and is ended."""
    warm_s: float = Field(default=180.0, ge=0)
    """How long a drawing process is kept for the next pair, with the model in memory; 0 starts one for each pair."""
    retry_delay_s: float = Field(default=30.0, ge=0)
    """First waiting time after a crash of the trainer; doubles with every loss, at most 15 minutes."""
    relay_s: float = Field(default=1.0, gt=0)
    """Polling interval of the relay and the reaper."""
    resend_s: float = Field(default=60.0, gt=0)
    """A queued job whose message was sent longer ago than this may be sent another one."""
    keep_s: float = Field(default=7 * 86400.0, gt=0)
    """How long an ended job keeps its logs, and one that failed or was canceled the checkpoints that a retry needs."""
    max_run_s: float = Field(default=7 * 86400.0, gt=0)
    """Longest run of one attempt."""
    max_wait_s: float = Field(default=7 * 86400.0, gt=0)
    """Longest wait of a queued job."""

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str | None) -> str | None:
        """Refuse databases that the service was not made for; the address itself, which has a password, is not told."""
        try:
            kind = None if url is None else make_url(url).drivername
        except (ArgumentError, ValueError):
            kind = "an address that cannot be read"
        if kind is None or kind in _DATABASES:
            return url
        raise ValueError(
            f"found {kind} in SPF_DATABASE_URL; allowed are postgresql://USER:PASSWORD@HOST/NAME and sqlite:///FILE. "
            "Correct it, or unset it to keep the records in the data folder."
        )

    @field_validator("host_names", mode="before")
    @classmethod
    def _parted(cls, value: object) -> object:
        """Take names apart, and refuse what a Host header cannot name."""
        names = [name.strip().lower() for name in value.split(",")] if isinstance(value, str) else value
        found = [name for name in cast("list[str]", names) if name]
        wrong = [name for name in found if not _HOST_NAME.fullmatch(name)]
        if wrong:
            raise ValueError(
                f"found the host name {wrong[0]!r} in SPF_HOST_NAMES; allowed are names and addresses without scheme "
                "and port, separated by commas, such as studio.example.org. Correct it."
            )
        return tuple(found)

    @field_serializer("host_names")
    def _joined(self, names: tuple[str, ...]) -> str:
        """Write names as the environment holds them."""
        return ",".join(names)

    @model_validator(mode="after")
    def _lease_outlives_heartbeats(self) -> Self:
        """Refuse timings under which a healthy worker would lose its job."""
        if self.heartbeat_s * 2 > self.lease_s:
            raise ValueError(
                f"SPF_HEARTBEAT_S={self.heartbeat_s:g} is too long for SPF_LEASE_S={self.lease_s:g}: "
                "a lease must last at least two heartbeats. Raise the lease or lower the heartbeat."
            )
        return self

    @property
    def fence_s(self) -> float:
        """A worker without a successful heartbeat for this long stops its own trainer, before the lease ends."""
        return self.lease_s * 0.75

    @property
    def sqlalchemy_url(self) -> str:
        """URL of the database in use."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'studio.sqlite'}"


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        StartError: one of them is out of bounds or cannot be read.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise StartError("; ".join(_told(problem) for problem in error.errors())) from error


def _told(problem: ErrorDetails) -> str:
    """Name the variable and what is wrong with it."""
    variable = "".join(f"SPF_{str(part).upper()}: " for part in problem["loc"][:1])
    return f"{variable}{problem['msg'].removeprefix('Value error, ')}"
