"""bases.toml: who runs the machine says which base models there are besides those in the models folder."""

from pathlib import Path

import pytest

from spf_portrait.contract.base_info import SHARED_CLIP_FOLDER
from spf_portrait.contract.bases import find_base, known_bases
from spf_portrait.contract.errors import ModelError
from tests.spf_portrait.contract.samples import write_files
from tests.spf_portrait.contract.test_base_files import SD1, write_header
from tests.spf_portrait.contract.test_bases import model

REVISION = "0123456789abcdef0123456789abcdef01234567"
HUB = f'[mine]\nhub = "me/model"\nrevision = "{REVISION}"\nfamily = "sdxl"\n'


def listed(models: Path, content: str) -> Path:
    models.mkdir(exist_ok=True)
    (models / "bases.toml").write_text(content)
    return models


def test_paths_start_at_the_models_folder_or_at_the_root(tmp_path: Path) -> None:
    write_files(tmp_path / "elsewhere", model("portraits"))
    write_header(tmp_path / "elsewhere" / "A.safetensors", SD1)
    folder = '[folder]\npath = "../elsewhere/portraits"\ntitle = "Ours"\n'
    content = f'{folder}[file]\npath = "{tmp_path}/elsewhere/A.safetensors"\n'
    bases = known_bases(listed(tmp_path / "models", content))
    assert list(bases) == ["file", "folder"]
    assert bases["folder"].title == "Ours"
    assert bases["file"].title == "file"


def test_a_hubs_model_is_listed_before_it_is_fetched(tmp_path: Path) -> None:
    base = find_base("mine", listed(tmp_path, HUB))
    assert base.hub is not None
    assert (base.hub.repository, base.hub.revision) == ("me/model", REVISION)
    assert (base.family, base.image_size_px, base.title) == ("sdxl", 1024, "me/model")
    assert REVISION in base.path.name
    assert not base.path.exists()


def test_what_a_file_cannot_tell_is_told(tmp_path: Path) -> None:
    write_header(tmp_path / "sd21.safetensors", SD1)
    content = '[sd2-base]\npath = "sd21.safetensors"\nprediction = "epsilon"\nimage_size_px = 512\nclip = "my-clip"\n'
    base = find_base("sd2-base", listed(tmp_path, content))
    assert (base.prediction, base.image_size_px, base.clip) == ("epsilon", 512, tmp_path / "my-clip")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[mine", "unreadable"),
        ("mine = 1", r"\[mine\]"),
        ("[mine]", "either path or hub"),
        ('[mine]\npath = "a"\nhub = "b/c"', "either path or hub"),
        ('[mine]\nhub = "b/c"', "revision"),
        (HUB.replace(REVISION, "main"), "revision"),
        (HUB.replace(REVISION, REVISION[:12]), "revision"),
        (HUB.replace("me/model", "https://example.org/model"), "repository"),
        (HUB + 'trust_remote_code = "yes"', "trust_remote_code"),
        (HUB.replace("sdxl", "flux"), "family"),
        (HUB.replace("[mine]", '["My model"]'), "key"),
    ],
)
def test_mistakes_are_named(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=message) as refusal:
        known_bases(listed(tmp_path, content))
    assert "bases.toml" in str(refusal.value)


def test_a_path_to_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="/no/such/model"):
        known_bases(listed(tmp_path, '[mine]\npath = "/no/such/model"\n'))


def test_a_folder_of_another_family_is_named(tmp_path: Path) -> None:
    write_files(tmp_path / "elsewhere", model("flux", "FluxPipeline"))
    with pytest.raises(ModelError, match=r"flux.*\[mine\]"):
        known_bases(listed(tmp_path / "models", '[mine]\npath = "../elsewhere/flux"\n'))


def test_the_clip_is_the_models_own_or_the_one_for_all(tmp_path: Path) -> None:
    write_files(tmp_path, {**model("own"), **model("other"), "own/clip/config.json": "{}"})
    assert find_base("other", tmp_path).clip is None
    write_files(tmp_path, {f"{SHARED_CLIP_FOLDER}/config.json": "{}"})
    assert find_base("own", tmp_path).clip == tmp_path / "own" / "clip"
    assert find_base("other", tmp_path).clip == tmp_path / SHARED_CLIP_FOLDER
