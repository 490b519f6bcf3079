import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from spf_portrait.adapter import (
    CROSS_ATTENTION,
    Deltas,
    adapter_parameters,
    attach_adapter,
    attach_weight_changes,
    load_adapter,
)
from spf_portrait.contract.artifacts import (
    ADAPTER,
    ADAPTER_NOTES,
    ADAPTER_PICTURE,
    DIFFUSERS_ADAPTER,
    LOSS_LOG,
    REPORT,
)
from spf_portrait.contract.errors import ExportError
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.export import AdapterFacts, export_checkpoint
from spf_portrait.export.hashes import file_hash, hash_behind_header
from spf_portrait.export.tensors import single_file_tensors
from spf_portrait.models.base_model import BaseModel, load_base, predict
from spf_portrait.models.families.text_embedding import TextEmbedding
from spf_portrait.running.untyped import safetensors, safetensors_torch
from spf_portrait.training.preparation import TrainingJob
from spf_portrait.training.train import train
from tests.spf_portrait.tiny_adapters import scramble

SPEC = TrainingSpec(base="tiny", rank=2, stage1_steps=20, stage2_steps=30)
FACTS = AdapterFacts(SPEC, "blonde hair", 24, "abc", 40, {"control_map_scale": [1.0]})


@pytest.fixture
def tuned(base: BaseModel) -> BaseModel:
    attach_adapter(base.network, 2, CROSS_ATTENTION)
    scramble(base.network)
    return base


def png(width: int = 40, height: int = 30) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 90)).save(buffer, format="PNG")
    return buffer.getvalue()


def header_of(file: Path) -> dict[str, str]:
    with safetensors.safe_open(file, framework="pt") as opened:
        return opened.metadata()


def test_all_files_are_there_and_nothing_else(tuned: BaseModel, tmp_path: Path) -> None:
    exported = export_checkpoint(tuned, FACTS, tmp_path / "out", png())
    names = {ADAPTER, ADAPTER_NOTES, ADAPTER_PICTURE, DIFFUSERS_ADAPTER}
    assert exported.files == {name: tmp_path / "out" / name for name in names}
    written = {str(path.relative_to(tmp_path / "out")) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == names
    assert exported.sha256 == file_hash(tmp_path / "out" / ADAPTER)
    export_checkpoint(tuned, FACTS, tmp_path / "out")
    assert not (tmp_path / "out" / ADAPTER_PICTURE).exists(), "an earlier export's picture is not this one's"


@pytest.mark.parametrize("name", [ADAPTER, DIFFUSERS_ADAPTER])
def test_the_header_tells_everything_but_places(tuned: BaseModel, tmp_path: Path, name: str) -> None:
    export_checkpoint(tuned, FACTS, tmp_path, png())
    header = header_of(tmp_path / name)
    expected = {
        "ss_v2": "False",
        "ss_base_model_version": "sd_v1",
        "ss_network_module": "networks.lora",
        "ss_network_dim": "2",
        "ss_network_alpha": "2.0",
        "ss_sd_model_name": "tiny",
        "ss_num_train_images": "24",
        "ss_steps": "40",
        "ss_max_train_steps": "50",
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": "stable-diffusion-v1/lora",
        "modelspec.implementation": "diffusers",
        "modelspec.trigger_phrase": "blonde hair",
        "modelspec.resolution": "32x32",
        "modelspec.prediction_type": "v",
        "spf.target": "blonde hair",
        "spf.adapter": "lora",
        "spf.layers": "all_attention",
        "spf.step": "40",
        "spf.loads_in": '["diffusers"]',
    }
    assert {key: header[key] for key in expected} == expected
    assert json.loads(header["ss_tag_frequency"]) == {"portraits": {"blonde hair": 24}}
    assert json.loads(header["spf.control_map_scale"]) == [1.0]
    assert TrainingSpec.model_validate_json(header["spf.spec"]) == SPEC
    assert header["sshs_model_hash"] == hash_behind_header((tmp_path / name).read_bytes())
    told = json.dumps(header)
    for place in (tmp_path, tuned.path, Path.cwd(), Path.home()):
        assert str(place) not in told
    picture = header["modelspec.thumbnail"].removeprefix("data:image/jpeg;base64,")
    thumbnail = Image.open(io.BytesIO(base64.b64decode(picture)))
    assert (thumbnail.format, thumbnail.size) == ("JPEG", (256, 256))


def test_the_notes_speak_to_a1111_and_say_what_loads(tuned: BaseModel, tmp_path: Path) -> None:
    export_checkpoint(tuned, FACTS, tmp_path)
    notes = json.loads((tmp_path / ADAPTER_NOTES).read_text())
    assert notes["activation text"] == "blonde hair"
    assert notes["preferred weight"] == 1.0
    assert notes["sd version"] == "Unknown", "its text width is no published model's"
    assert "Loads in diffusers only: keys and values read text of width 32, not 768" in notes["notes"]
    assert "modelspec.thumbnail" not in header_of(tmp_path / ADAPTER)


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_an_adapter_that_does_nothing_leaves_nothing(tuned: BaseModel, tmp_path: Path, value: float) -> None:
    with torch.no_grad():
        for parameter in adapter_parameters(tuned.network):
            parameter.fill_(value)
    with pytest.raises(ExportError, match="zero or not a number"):
        export_checkpoint(tuned, FACTS, tmp_path, png())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_draft_that_loads_differently_leaves_nothing(
    tuned: BaseModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def corrupted(base: BaseModel, deltas: Deltas) -> dict[str, Tensor]:
        return single_file_tensors(base, {path: (down, up * 2) for path, (down, up) in deltas.items()})

    monkeypatch.setattr("spf_portrait.export.write.single_file_tensors", corrupted)
    with pytest.raises(ExportError, match="another update"):
        export_checkpoint(tuned, FACTS, tmp_path, png())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_whole_matrices_of_full_rank_load_back_as_they_were(base: BaseModel, models_dir: Path, tmp_path: Path) -> None:
    attach_weight_changes(base.network, CROSS_ATTENTION)
    scramble(base.network)
    facts = AdapterFacts(TrainingSpec(base="tiny", adapter="cross_attention", rank=32), "a hat", 4, "abc", 5)
    exported = export_checkpoint(base, facts, tmp_path)
    assert exported.captured_energy is not None
    assert exported.captured_energy["min"] == pytest.approx(1)
    header = header_of(tmp_path / ADAPTER)
    assert json.loads(header["spf.captured_energy"])["mean"] == pytest.approx(1)
    assert header["ss_network_dim"] == "32"
    fresh = load_base("tiny", models_dir)
    load_adapter(fresh.network, tmp_path / ADAPTER)
    x_t, t, text = (
        torch.randn(1, 8, 8, 8),
        torch.tensor([300]),
        TextEmbedding(torch.randn(1, 77, 32), torch.zeros(1, 32)),
    )
    with torch.no_grad():
        torch.testing.assert_close(predict(fresh, x_t, t, text), predict(base, x_t, t, text), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("adapter", ["lora", "cross_attention"])
def test_a_training_of_either_kind_ends_with_its_files_and_report(
    make_job: Callable[..., TrainingJob], adapter: str
) -> None:
    job = make_job(adapter=adapter, rank=3)
    finished = train(job, lambda event: None)
    wanted = {ADAPTER, ADAPTER_NOTES, ADAPTER_PICTURE, DIFFUSERS_ADAPTER, REPORT, LOSS_LOG}
    assert finished.files == {name: str(job.out / name) for name in wanted}
    report: dict[str, Any] = json.loads((job.out / REPORT).read_text())
    assert report["adapter_sha256"] == file_hash(job.out / ADAPTER)
    assert report["loads_in"] == ["diffusers"]
    assert (report["captured_energy"] is None) is (adapter == "lora")
    tensors: dict[str, Tensor] = safetensors_torch.load_file(job.out / ADAPTER)
    assert {tensor.shape[0] for name, tensor in tensors.items() if name.endswith("lora_down.weight")} == {3}
    with Image.open(job.out / ADAPTER_PICTURE) as picture:
        assert picture.info["Comment"] == "AI-generated"
