"""Base models are found by their folders."""

import json
from pathlib import Path

import pytest

from spf_portrait.contract.bases import find_base, known_bases
from spf_portrait.contract.errors import ModelError
from tests.spf_portrait.contract.samples import write_files


def model(key: str, pipeline: str = "StableDiffusionPipeline", title: str | None = None) -> dict[str, bytes | str]:
    files: dict[str, bytes | str] = {
        f"{key}/model_index.json": json.dumps({"_class_name": pipeline}),
        f"{key}/unet/config.json": json.dumps({"sample_size": 16}),
        f"{key}/vae/config.json": json.dumps({"block_out_channels": [8, 16, 32, 64]}),
    }
    return files if title is None else {**files, f"{key}/README.md": f"---\nlicense: x\n---\n\n# {title}\n\nText"}


def test_describes_what_is_there(tmp_path: Path) -> None:
    write_files(tmp_path, {**model("pico", title="Pico portraits"), **model("sd15"), **model("flux", "FluxPipeline")})
    write_files(tmp_path, {"examples/a.zip": b"", "Not A Key/model_index.json": "{}"})
    bases = known_bases(tmp_path)
    assert list(bases) == ["pico", "sd15"]
    assert (bases["pico"].title, bases["sd15"].title) == ("Pico portraits", "sd15")
    assert (bases["pico"].image_size_px, bases["pico"].family) == (128, "sd1")
    assert bases["pico"].path == tmp_path / "pico"


@pytest.mark.parametrize(
    ("pipeline", "network", "config", "family"),
    [
        ("StableDiffusionPipeline", "unet", {"cross_attention_dim": 768}, "sd1"),
        ("StableDiffusionPipeline", "unet", {"cross_attention_dim": 1024}, "sd2"),
        ("StableDiffusionXLPipeline", "unet", {"cross_attention_dim": 2048}, "sdxl"),
        ("StableDiffusion3Pipeline", "transformer", {}, "sd3"),
    ],
)
def test_families_of_folders(pipeline: str, network: str, config: dict[str, int], family: str, tmp_path: Path) -> None:
    write_files(tmp_path, model("mine", pipeline))
    write_files(tmp_path, {f"mine/{network}/config.json": json.dumps({"sample_size": 64, **config})})
    assert (find_base("mine", tmp_path).family, find_base("mine", tmp_path).image_size_px) == (family, 512)


def test_looks_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, model("mine"))
    monkeypatch.setenv("SPF_MODELS_DIR", str(tmp_path))
    assert find_base("mine").key == "mine"


@pytest.mark.parametrize("folder", ["", "missing"])
def test_says_how_to_get_a_model(folder: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as refusal:
        known_bases(tmp_path / folder)
    assert refusal.value.code == "no_base_model"
    assert "SPF_MODELS_DIR" in refusal.value.hint


def test_lists_the_models_when_one_is_unknown(tmp_path: Path) -> None:
    write_files(tmp_path, {**model("pico"), **model("sd15")})
    with pytest.raises(ModelError) as refusal:
        find_base("sdxl", tmp_path)
    assert refusal.value.code == "unknown_base"
    assert refusal.value.allowed == "pico, sd15"


@pytest.mark.parametrize("file", ["model_index.json", "unet/config.json", "vae/config.json"])
@pytest.mark.parametrize("content", [None, "{", "[]", "{}"])
def test_names_the_damaged_file(file: str, content: str | None, tmp_path: Path) -> None:
    write_files(tmp_path, model("pico"))
    path = tmp_path / "pico" / file
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    with pytest.raises(ModelError) as refusal:
        known_bases(tmp_path)
    assert refusal.value.code in {"damaged_base", "no_base_model"}
    assert "pico" in refusal.value.found or refusal.value.code == "no_base_model"
