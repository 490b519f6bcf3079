"""Loading a base model from one checkpoint file, as A1111 and ComfyUI keep them, without asking a hub for anything.

Such a file holds weights alone. The configurations of the parts are ours (`configs`, those of the published models);
the vocabulary of the tokenizer lies in a folder that a person has put beside the models.
"""

from pathlib import Path
from typing import Any, Final

import torch

from spf_portrait.contract.base_info import CLIP_DOWNLOAD, BaseInfo
from spf_portrait.contract.errors import ModelError
from spf_portrait.models.families.family import Family, Parts, TextEncoder
from spf_portrait.models.families.folder import autoencoder_dtype, frozen, scheduler_of
from spf_portrait.running.untyped import diffusers, transformers

CONFIGS: Final = Path(__file__).with_name("configs")
"""A folder for each family that is known as a single file, in diffusers layout without weights."""
_TOKENS: Final = 77


def parts_of_file(
    family: Family, info: BaseInfo, tokenizer: Path, device: torch.device, dtype: torch.dtype, configs: Path = CONFIGS
) -> Parts:
    """Load every part.

    Args:
        family: Of the model.
        info: With the file as its path.
        tokenizer: Folder with CLIP's vocabulary.
        device: Where the parts go.
        dtype: Of the weights; the autoencoder's may be another, see `autoencoder_dtype`.
        configs: Where the configurations are.

    Raises:
        ModelError: The vocabulary is missing, or nobody said whether the network answers ε or v.
        OSError, ValueError, KeyError, RuntimeError: The file is damaged or another model.
    """
    tokenizers = [clip_tokenizer(tokenizer, files.pad_token) for files in family.encoders]
    scheduler = scheduler_of(configs / family.key / "scheduler", **_noise_schedule(info))
    ready = {files.tokenizer: one for files, one in zip(family.encoders, tokenizers, strict=True)}
    source, options = str(info.path), {"config": str(configs / family.key), "local_files_only": True}
    try:
        if (own := autoencoder_dtype(family, dtype)) != dtype:  # rounded once, its weights would stay rounded
            ready["vae"] = diffusers.AutoencoderKL.from_single_file(source, subfolder="vae", dtype=own, **options)
        pipeline = getattr(diffusers, family.pipeline).from_single_file(
            source, dtype=dtype, scheduler=scheduler, **ready, **options
        )
    except diffusers.loaders.single_file_utils.SingleFileComponentError as error:
        raise ValueError(str(error).splitlines()[0]) from error
    models = [frozen(getattr(pipeline, files.model), device) for files in family.encoders]
    return Parts(
        text_encoders=tuple(TextEncoder(one, model) for one, model in zip(tokenizers, models, strict=True)),
        vae=frozen(pipeline.vae, device),
        network=frozen(getattr(pipeline, family.network_name), device),
        scheduler=scheduler,
        settings=dict(pipeline.config),
        device=device,
    )


def clip_tokenizer(folder: Path, pad_token: str = "<|endoftext|>") -> Any:
    """CLIP's tokenizer, whose vocabulary lies in a folder; the tokenizers of all encoders differ in the padding alone.

    Raises:
        ModelError: Its files are not there.
    """
    if not (folder / "tokenizer.json").is_file() and not all(
        (folder / name).is_file() for name in ("vocab.json", "merges.txt")
    ):
        raise ModelError(
            "no_vocabulary",
            f"no CLIP vocabulary in {folder}, and a single checkpoint file brings none along",
            "a folder with vocab.json and merges.txt (or tokenizer.json)",
            f"Get it once: {CLIP_DOWNLOAD} --local-dir {folder}; or copy vocab.json and merges.txt there from "
            "ComfyUI's folder comfy/sd1_tokenizer",
        )
    return transformers.CLIPTokenizer.from_pretrained(folder, pad_token=pad_token, model_max_length=_TOKENS)


def _noise_schedule(info: BaseInfo) -> dict[str, Any]:
    """Changes to the family's usual scheduler.

    Raises:
        ModelError: Nobody said whether the network answers ε or v.
    """
    if info.prediction is None:
        raise ModelError(
            "unknown_prediction",
            f"{info.path}, which does not say whether its network answers noise or v",
            "epsilon (Stable Diffusion 2.1-base) or v_prediction (2.1)",
            f'Name it in bases.toml: [{info.key}] with path = "{info.path.name}" and prediction = "v_prediction"',
        )
    changes: dict[str, Any] = {"prediction_type": info.prediction}
    return changes | ({"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"} if info.zero_snr else {})
