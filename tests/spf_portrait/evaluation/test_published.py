"""Published metrics with tiny random networks: perfect for equal pictures, and a clear word where weights lack."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from spf_portrait.contract.errors import ModelError
from spf_portrait.contract.phrases import Caption
from spf_portrait.evaluation.known_domain import Pictures
from spf_portrait.evaluation.measuring import PlugIn
from spf_portrait.evaluation.published import published_metrics
from spf_portrait.evaluation.published.lpips import Lpips
from spf_portrait.metrics.catalogue import CATALOGUE
from spf_portrait.models.base_model import load_base
from spf_portrait.running.untyped import transformers

CPU = torch.device("cpu")
CAPTIONS = [Caption(base=("a person", text), target="blonde hair") for text in ("a smile", "a red hoodie")]
EXPECTED = {"clip_i", "clip_t_target", "clip_t_complete", "hpsv2", "seg_cons", "lpips"}


def pictures(seed: int) -> list[Image.Image]:
    """Two, one of another size than networks look at."""
    torch.manual_seed(seed)
    return [Image.fromarray(torch.randint(0, 256, (side, side, 3), dtype=torch.uint8).numpy()) for side in (96, 160)]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small network of every kind."""
    folder = tmp_path_factory.mktemp("metrics")
    torch.manual_seed(0)
    pico = load_base("pico")
    for name in ("clip", "hpsv2"):
        (folder / name).mkdir()
        for file in (pico.path / "clip").iterdir():
            (folder / name / file.name).symlink_to(file)
        pico.tokenizer.save_pretrained(folder / name)
    small = transformers.SegformerConfig(
        num_labels=5, hidden_sizes=[8, 8, 8, 8], decoder_hidden_size=8, num_attention_heads=[1, 1, 1, 1], depths=[1] * 4
    )
    transformers.SegformerForSemanticSegmentation(small).save_pretrained(folder / "face_parsing")
    write_lpips(folder / "lpips")
    return folder


def write_lpips(folder: Path) -> None:
    """Named as the published files name their tensors."""
    folder.mkdir()
    network = Lpips()
    features = {name: tensor for name, tensor in network.state_dict().items() if name.startswith("features")}
    torch.save({**features, "classifier.1.weight": torch.zeros(2, 2)}, folder / "alexnet.pth")
    learnt = {f"lin{layer}.model.1.weight": torch.rand_like(weight) for layer, weight in enumerate(network.weights)}
    torch.save(learnt, folder / "lin.pth")


def measured(metric: PlugIn, references: Pictures, responses: Pictures) -> Sequence[float]:
    return metric(references, responses, CAPTIONS)


def test_equal_pictures_are_perfect_and_others_are_not(weights: Path) -> None:
    metrics = published_metrics(weights, CPU)
    assert metrics.keys() == EXPECTED
    assert metrics.keys() <= {metric.name for metric in CATALOGUE}
    same, other = pictures(0), pictures(1)
    for name, perfect in (("clip_i", 1.0), ("seg_cons", 100.0), ("lpips", 0.0)):
        assert measured(metrics[name], same, same) == pytest.approx([perfect] * 2, abs=1e-5)
        found = measured(metrics[name], same, other)
        assert len(found) == 2
        assert all(abs(value - perfect) > 1e-4 for value in found), name


def test_texts_are_the_target_or_the_whole_and_the_reference_is_not_looked_at(weights: Path) -> None:
    metrics = published_metrics(weights, CPU)
    target, complete, preferred = (
        measured(metrics[name], pictures(1), pictures(0)) for name in ("clip_t_target", "clip_t_complete", "hpsv2")
    )
    assert measured(metrics["clip_t_target"], pictures(2), pictures(0)) == target
    assert complete == preferred, "the same weights"
    assert complete != target


def test_lpips_is_the_sum_over_layers_of_weighted_squares() -> None:
    torch.manual_seed(0)
    network = Lpips()
    with torch.no_grad():
        for weight in network.weights:
            weight.fill_(1.0)
        first, second = torch.rand(2, 1, 3, 64, 64) * 2 - 1
        whole = network(first, second)
        assert torch.allclose(whole, network(second, first))
        for weight in network.weights:
            weight.fill_(0.5)
        assert torch.allclose(network(first, second), whole / 2)
        assert 0 < float(whole) <= 2 * 5, "unit vectors without negative numbers: at most 2 in each of five layers"


def test_only_what_is_there_is_measured(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "lpips").symlink_to(weights / "lpips")
    assert published_metrics(tmp_path, CPU).keys() == {"lpips"}
    with pytest.raises(ModelError, match="none of the folders"):
        published_metrics(tmp_path / "elsewhere", CPU)


class Marks:
    """What a hostile pickle would run."""

    def __reduce__(self) -> Any:
        return (print, ("opened",))


@pytest.mark.parametrize("damage", ["missing", "hostile", "other"])
def test_damaged_weights_are_told_by_their_file_and_no_pickle_is_run(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lpips(tmp_path / "lpips")
    file = tmp_path / "lpips" / "lin.pth"
    file.unlink()
    if damage != "missing":
        torch.save(Marks() if damage == "hostile" else {"other": torch.zeros(1)}, file)
    with pytest.raises(ModelError, match="lpips"):
        measured(published_metrics(tmp_path, CPU)["lpips"], pictures(0), pictures(0))
    assert "opened" not in capsys.readouterr().out


def test_a_clip_without_its_tokenizer_is_refused(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "config.json").symlink_to(weights / "clip" / "config.json")
    with pytest.raises(ModelError, match="no tokenizer"):
        measured(published_metrics(tmp_path, CPU)["clip_t_target"], pictures(0), pictures(0))
