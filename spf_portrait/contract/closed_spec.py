"""Closed specifications: an option that is unknown or out of bounds is refused, with what is allowed."""

from collections.abc import Mapping
from typing import Annotated, Any, Self, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spf_portrait.contract.bases import BASE_KEY_PATTERN
from spf_portrait.contract.errors import SpecError

BaseKey = Annotated[str, Field(pattern=BASE_KEY_PATTERN, description="key of a base model, as `bases` lists them")]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Weight = Annotated[float, Field(ge=0, le=100)]
SignalToNoise = Annotated[float, Field(ge=-60, le=60)]
"""In decibels, 10 · log10 of signal over noise power: means the same for every noise schedule."""


class ClosedSpec(BaseModel):
    """What every specification has in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def from_mapping(cls, options: Mapping[str, Any]) -> Self:
        """Check options as they come from a file, a form or a command line.

        Raises:
            SpecError: An option is unknown or out of bounds; the message lists what is allowed.
        """
        try:
            return cls.model_validate(dict(options))
        except ValidationError as error:
            raise _spec_error(cls, error) from error


def _spec_error(model: type[BaseModel], error: ValidationError) -> SpecError:
    """Say the first thing that is wrong with a specification."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _model_at(model, first["loc"][:-1]).model_fields
        return SpecError("unknown_option", f"the option {name!r}", ", ".join(known), "Take it out, or correct its name")
    if first["type"] == "missing":
        return SpecError("missing_option", f"no option {name!r}", "a value for it", f"Add {name}")
    return SpecError(
        "option_out_of_bounds",
        f"{name or 'the specification'} = {repr(first['input'])[:80]}",
        _allowed(first["msg"]),
        f"Give {name or 'the specification'} an allowed value",
    )


def _model_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """The model that holds the option at a location, so that its options can be listed."""
    for part in (part for part in location if isinstance(part, str)):
        annotation = model.model_fields[part].annotation
        model = cast("type[BaseModel]", next(iter(get_args(annotation)), annotation))
    return model


def _allowed(message: str) -> str:
    """Pydantic's sentence without its subject: "Input should be less than ..." gives "less than ..."."""
    return message.removeprefix("Input should be ")
