"""Every family by its key."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from spf_portrait.contract.base_info import FamilyKey
from spf_portrait.models.families.family import Family
from spf_portrait.models.families.sd1 import StableDiffusion1, StableDiffusion2
from spf_portrait.models.families.sd3 import StableDiffusion3
from spf_portrait.models.families.sdxl import StableDiffusionXL

FAMILIES: Final[Mapping[FamilyKey, Family]] = MappingProxyType(
    {family.key: family for family in (StableDiffusion1(), StableDiffusion2(), StableDiffusionXL(), StableDiffusion3())}
)
