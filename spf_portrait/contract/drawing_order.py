"""Orders to a drawing process that waits for the next one: one JSON object a line on its standard input."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spf_portrait.contract.drawing_spec import MAX_ADAPTERS, ComparisonSpec
from spf_portrait.contract.errors import SpecError


class DrawingOrder(BaseModel):
    """One pair to draw."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: ComparisonSpec
    adapter: Path | None = Field(
        default=None, description="adapter file; null for several, or for the original model in both paths"
    )
    adapters: tuple[Path, ...] = Field(
        default=(), max_length=MAX_ADAPTERS, description="adapter files, as many as spec.adapters names"
    )
    out: Path = Field(description="folder for pictures, maps and sample.json")
    log: Path | None = Field(default=None, description="receives standard error from now on; null leaves it")

    def to_line(self) -> bytes:
        """One line of JSON, with its line feed."""
        return self.model_dump_json().encode() + b"\n"


def parse_order(line: bytes) -> DrawingOrder:
    """Read what `to_line` wrote.

    Raises:
        SpecError: The line is not an order.
    """
    try:
        return DrawingOrder.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the line"
        raise SpecError(
            "unreadable_order",
            f"the order {line[:80]!r} ({place}: {first['msg']})",
            "one JSON object with spec, adapter or adapters, out and log",
            "Write each order in one line, as contract/drawing_order.py describes it",
        ) from error
