import subprocess
import sys
from pathlib import Path

from spf_portrait.models.base_model import BaseModel
from spf_portrait.pico.domain_of_base import domain_of_base

PICO = Path(__file__).parents[3] / "models" / "pico"

_WITHOUT_RENDERER = f"""
import sys
from pathlib import Path
sys.modules["dicebear"] = None
from spf_portrait.contract.errors import ModelError
from spf_portrait.pico.domain_of_base import domain_of_base
try:
    domain_of_base(Path({str(PICO)!r}), "sunglasses")
except ModelError as error:
    print(error)
"""


def test_a_base_without_a_judge_has_no_known_domain(base: BaseModel) -> None:
    assert domain_of_base(base.path, "blonde hair") is None
    assert domain_of_base(PICO, "sunglasses") is not None


def test_without_the_packages_that_draw_the_error_says_how_to_install_them() -> None:
    said = subprocess.run([sys.executable, "-c", _WITHOUT_RENDERER], capture_output=True, text=True, check=True).stdout
    assert "no package dicebear" in said
    assert "pip install 'spf-portrait[pico]'" in said
