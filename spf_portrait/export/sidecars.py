"""What A1111 and InvokeAI read beside an adapter: a JSON file and a picture of the same name."""

import base64
import io
import json
from typing import Final

from PIL import Image, ImageOps

from spf_portrait.export.facts import AdapterFacts
from spf_portrait.export.header import title, usage_hint
from spf_portrait.export.tool_rules import A1111_VERSIONS, Reach
from spf_portrait.models.base_model import BaseModel

_THUMBNAIL_PX: Final = 256
_PREFERRED_STRENGTH: Final = 1.0


def notes(base: BaseModel, facts: AdapterFacts, reach: Reach) -> str:
    """The JSON file."""
    loads = f"Loads in {', '.join(reach.tools)}" + (f" only: {reach.reason}." if reach.reason else ".")
    content = {
        "description": title(base, facts),
        "sd version": A1111_VERSIONS.get(base.family.key, "Unknown") if "a1111" in reach.tools else "Unknown",
        "activation text": facts.target,
        "preferred weight": _PREFERRED_STRENGTH,
        "notes": f"{usage_hint(facts.target)} {loads}",
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def thumbnail(png: bytes) -> str:
    """ModelSpec's: a JPEG of 256 × 256 pixels as a data URI; what is not square loses its edges."""
    with Image.open(io.BytesIO(png)) as picture:
        small = ImageOps.fit(picture.convert("RGB"), (_THUMBNAIL_PX, _THUMBNAIL_PX))
    buffer = io.BytesIO()
    small.save(buffer, format="JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
