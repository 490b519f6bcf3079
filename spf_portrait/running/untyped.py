"""Libraries whose type hints are missing or wrong, as Any: our own annotations begin where their values arrive."""

from typing import Any

import diffusers as _diffusers
import huggingface_hub as _huggingface_hub
import peft as _peft
import safetensors as _safetensors
import safetensors.torch as _safetensors_torch
import torch.utils.checkpoint as _torch_checkpoint
import transformers as _transformers

diffusers: Any = _diffusers
huggingface_hub: Any = _huggingface_hub
peft: Any = _peft
safetensors: Any = _safetensors
safetensors_torch: Any = _safetensors_torch
torch_checkpoint: Any = _torch_checkpoint
transformers: Any = _transformers
