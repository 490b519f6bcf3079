"""What a person should know before something is drawn."""

from collections.abc import Mapping, Sequence

from spf_portrait.contract.base_info import BaseInfo
from spf_portrait.contract.vocabulary import prompt_notices


def drawing_notices(info: BaseInfo, text: str, headers: Sequence[Mapping[str, str]]) -> list[str]:
    """Words that neither the base model nor an adapter has seen, and adapters of another base model.

    Args:
        info: Of the base model that draws.
        text: Everything that is to be drawn.
        headers: Metadata of the adapters.
    """
    taught = " ".join(header.get("spf.target", "") for header in headers)
    foreign = sorted({header.get("spf.base", info.key) for header in headers} - {info.key})
    return prompt_notices(info, text, taught) + [
        f"An adapter was trained on {other}; on {info.key} it may do less, or other things." for other in foreign
    ]
