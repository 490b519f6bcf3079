"""The adapters that an order names, and the base model that they were made for."""

from __future__ import annotations

from collections.abc import Sequence

from backend.context import Context
from backend.errors import NotFound, Unprocessable
from backend.jobs import repository
from backend.jobs.kinds.kind import Options
from backend.tables import Adapter


def find_adapters(context: Context, adapter_ids: Sequence[str]) -> list[Adapter]:
    """Return these adapters.

    Raises:
        NotFound: there is none of that id.
    """
    with context.db.read() as session:
        found = [(adapter_id, repository.get_adapter(session, adapter_id)) for adapter_id in adapter_ids]
    for adapter_id, adapter in found:
        if adapter is None:
            raise NotFound("adapter", adapter_id)
    return [adapter for _, adapter in found if adapter is not None]


def common_base(adapters: Sequence[Adapter], options: Options) -> str:
    """Return the base model that all of these adapters were made for.

    Args:
        adapters: one or more.
        options: of the order; may name a base model.

    Raises:
        Unprocessable: they were made for different ones, or the order names another one.
    """
    base = adapters[0].base
    if any(adapter.base != base for adapter in adapters):
        found = ", ".join(f"{adapter.id} for {adapter.base!r}" for adapter in adapters)
        raise Unprocessable(
            "mixed_bases",
            f"Found adapters of different base models ({found}); one pair is drawn with one base model.",
            "Choose adapters that were made for the same base model.",
        )
    if options.get("base", base) != base:
        raise Unprocessable(
            "base_mismatch",
            f"Found base {options['base']!r}; adapter {adapters[0].id} was made for {base!r}.",
            "Leave `base` away or use the adapter's.",
        )
    return base
