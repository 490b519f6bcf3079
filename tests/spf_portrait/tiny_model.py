"""A tiny random base model in pico's layout: every part is there, draws noise, and takes a second to make and load.

write_tiny_base(models_dir / "tiny")
write_caption_folder(folder)
"""

from pathlib import Path
from typing import Any, Final, Literal

import torch
from PIL import Image
from tokenizers.pre_tokenizers import ByteLevel

from spf_portrait.contract.caption_set import CaptionItem, write_imagefolder
from spf_portrait.contract.phrases import Caption
from spf_portrait.running.untyped import diffusers, transformers

IMAGE_SIZE_PX: Final = 32
LATENT_CHANNELS: Final = 8
TARGET: Final = "blonde hair"
CAPTIONS: Final = (
    ("a woman", "a brown jacket"),
    ("a man", "a brown jacket", "a blue hat"),
    ("a woman",),
    ("a man", "a curtain background"),
)
_WIDTH: Final = 32
_END_OF_WORD: Final = "</w>"


def write_tiny_base(folder: Path, prediction: Literal["epsilon", "v_prediction"] = "v_prediction") -> Path:
    """Write the model; `folder` is then a base model whose key is the folder's name."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tokenizer = tiny_tokenizer()
        clip = _clip(tokenizer)
        text_encoder = transformers.CLIPTextModel(clip.config.text_config)
        text_encoder.load_state_dict(clip.text_model.state_dict())
        parts: dict[str, Any] = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
        pipeline = diffusers.StableDiffusionPipeline(
            vae=_autoencoder(),
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            unet=_unet(),
            scheduler=_scheduler(prediction),
            **parts,
        )
    pipeline.save_pretrained(folder)
    clip.save_pretrained(folder / "clip")
    return folder


def write_caption_folder(folder: Path, rows: int = 4) -> Path:
    """An imagefolder of small random pictures whose captions all have the target [blonde hair]."""
    captions = [Caption(base=CAPTIONS[index % len(CAPTIONS)], target=TARGET) for index in range(rows)]
    items = [CaptionItem(file_name=f"{index:02d}.png", caption=caption) for index, caption in enumerate(captions)]
    write_imagefolder(items, [_picture(index) for index in range(rows)], folder)
    return folder


def tiny_tokenizer() -> Any:
    """Spells every word byte by byte, except that "ha", "hai" and "hair" are one token each."""
    merges = [("h", "a"), ("i", "r" + _END_OF_WORD), ("ha", "ir" + _END_OF_WORD)]
    alphabet = sorted(ByteLevel.alphabet())
    tokens = [*alphabet, *(letter + _END_OF_WORD for letter in alphabet), *("".join(pair) for pair in merges)]
    vocabulary = {token: index for index, token in enumerate([*tokens, "<|startoftext|>", "<|endoftext|>"])}
    return transformers.CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77)


def _unet() -> Any:
    return diffusers.UNet2DConditionModel(
        sample_size=8,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(16, 32),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=_WIDTH,
        attention_head_dim=2,
    )


def _autoencoder() -> Any:
    return diffusers.AutoencoderKL(
        block_out_channels=(8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=4,
        sample_size=IMAGE_SIZE_PX,
        scaling_factor=0.7,
    )


def _scheduler(prediction: str) -> Any:
    zero_snr = prediction == "v_prediction"
    return diffusers.DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type=prediction,
        rescale_betas_zero_snr=zero_snr,
        timestep_spacing="trailing",
        clip_sample=False,
        steps_offset=1,  # of no effect with trailing timesteps, but diffusers warns about 0
    )


def _clip(tokenizer: Any) -> Any:
    tower: dict[str, Any] = {"hidden_size": _WIDTH, "intermediate_size": 64, "num_hidden_layers": 2}
    tower |= {"num_attention_heads": 2, "projection_dim": 16}
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    text = transformers.CLIPTextConfig(vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **ends, **tower)
    vision = transformers.CLIPVisionConfig(image_size=32, patch_size=8, **tower)
    return transformers.CLIPModel(
        transformers.CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=16)
    ).eval()


def _picture(seed: int) -> Image.Image:
    """Blocks of random colours."""
    generator = torch.Generator().manual_seed(seed)
    colours = torch.randint(0, 256, (4, 4, 3), generator=generator, dtype=torch.uint8)
    return Image.fromarray(colours.numpy()).resize((IMAGE_SIZE_PX, IMAGE_SIZE_PX))
