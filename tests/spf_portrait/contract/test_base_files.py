"""Single checkpoint files are recognised by the names of their tensors, without reading a weight."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from spf_portrait.contract.base_files import describe_checkpoint
from spf_portrait.contract.bases import find_base, known_bases, survey_bases
from spf_portrait.contract.errors import ModelError

NETWORK = "model.diffusion_model.input_blocks.0.0.weight"
AUTOENCODER = "first_stage_model.encoder.conv_in.weight"
SD1_TEXT = "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"
SD2_TEXT = "cond_stage_model.model.transformer.resblocks.0.ln_1.weight"
SDXL_TEXT = (
    "conditioner.embedders.0.transformer.text_model.embeddings.token_embedding.weight",
    "conditioner.embedders.1.model.transformer.resblocks.0.ln_1.weight",
)
SD1 = (NETWORK, AUTOENCODER, SD1_TEXT)


def write_header(file: Path, names: Iterable[str], channels: int = 4, metadata: dict[str, str] | None = None) -> Path:
    """A .safetensors file with these names and no numbers."""
    shapes = {name: [320, channels, 3, 3] if name == NETWORK else [0] for name in names}
    entries = {name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()}
    content = json.dumps({"__metadata__": metadata or {}, **entries}).encode()
    file.write_bytes(len(content).to_bytes(8, "little") + content)
    return file


@pytest.mark.parametrize(
    ("names", "family", "size_px"),
    [
        (SD1, "sd1", 512),
        ((NETWORK, AUTOENCODER, SD2_TEXT), "sd2", 768),
        ((NETWORK, AUTOENCODER, *SDXL_TEXT), "sdxl", 1024),
    ],
)
def test_families(names: tuple[str, ...], family: str, size_px: int, tmp_path: Path) -> None:
    write_header(tmp_path / "Realistic_Portraits V5.1.safetensors", names)
    base = find_base("realistic_portraits-v5.1", tmp_path)
    assert (base.family, base.image_size_px, base.path.suffix) == (family, size_px, ".safetensors")


@pytest.mark.parametrize(
    ("metadata", "markers", "family", "prediction", "zero_snr"),
    [
        ({}, (), SD1_TEXT, "epsilon", False),
        ({"modelspec.prediction_type": "v"}, (), SD1_TEXT, "v_prediction", False),
        ({}, ("v_pred", "ztsnr"), SD1_TEXT, "v_prediction", True),
        ({}, (), SD2_TEXT, None, False),
        ({"modelspec.prediction_type": "epsilon"}, (), SD2_TEXT, "epsilon", False),
    ],
)
def test_meaning_of_the_answer(
    metadata: dict[str, str],
    markers: tuple[str, ...],
    family: str,
    prediction: str | None,
    zero_snr: bool,
    tmp_path: Path,
) -> None:
    file = write_header(tmp_path / "a.safetensors", (NETWORK, AUTOENCODER, family, *markers), metadata=metadata)
    base = describe_checkpoint(file, "a")
    assert (base.prediction, base.zero_snr) == (prediction, zero_snr)


def test_the_header_names_it(tmp_path: Path) -> None:
    write_header(tmp_path / "a.safetensors", SD1, metadata={"modelspec.title": "Portraits 5"})
    assert find_base("a", tmp_path).title == "Portraits 5"


@pytest.mark.parametrize(
    ("names", "channels", "lacking"),
    [
        (("lora_unet_down_blocks_0.alpha",), 4, "a denoising network"),
        ((NETWORK, SD1_TEXT), 4, "an autoencoder"),
        ((NETWORK, AUTOENCODER), 4, "text encoders"),
        ((NETWORK, AUTOENCODER, SDXL_TEXT[1]), 4, "text encoders"),
        (SD1, 9, "inpainting"),
    ],
)
def test_what_is_no_whole_model_is_left_out_and_explained_when_named(
    names: tuple[str, ...], channels: int, lacking: str, tmp_path: Path
) -> None:
    write_header(tmp_path / "good.safetensors", SD1)
    part = write_header(tmp_path / "part.safetensors", names, channels)
    assert list(known_bases(tmp_path)) == ["good"]
    with pytest.raises(ModelError, match=rf"part\.safetensors.*{lacking}"):
        describe_checkpoint(part, "part")


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 7, b"\xff" * 64, (4).to_bytes(8, "little") + b"{]]}", b"PK\x03\x04" * 9]
)
def test_what_is_no_safetensors_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "broken.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"broken\.safetensors"):
        known_bases(tmp_path)


def test_a_damaged_file_hides_no_other(tmp_path: Path) -> None:
    write_header(tmp_path / "good.safetensors", SD1)
    (tmp_path / "broken.safetensors").write_bytes(b"half a download")
    assert list(known_bases(tmp_path)) == ["good"]
    with pytest.raises(ModelError, match=r"broken\.safetensors"):
        find_base("broken", tmp_path)
    assert list(survey_bases(tmp_path).problems) == ["broken"]


def test_two_of_one_key_are_refused(tmp_path: Path) -> None:
    write_header(tmp_path / "A.safetensors", SD1)
    write_header(tmp_path / "a.safetensors", SD1)
    write_header(tmp_path / "b.safetensors", SD1)
    assert list(known_bases(tmp_path)) == ["b"]
    with pytest.raises(ModelError, match=r"A\.safetensors and .*a\.safetensors"):
        find_base("a", tmp_path)
