"""Libraries whose type hints are missing or wrong, as Any: our own annotations begin where their values arrive."""

from typing import Any

import diffusers as _diffusers
import peft as _peft
import safetensors as _safetensors
import safetensors.torch as _safetensors_torch
import transformers as _transformers

diffusers: Any = _diffusers
peft: Any = _peft
safetensors: Any = _safetensors
safetensors_torch: Any = _safetensors_torch
transformers: Any = _transformers
