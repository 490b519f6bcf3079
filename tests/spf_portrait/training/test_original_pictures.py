import torch

from spf_portrait.adapter import CROSS_ATTENTION, adapter_parameters, attach_adapter
from spf_portrait.contract.phrases import Caption
from spf_portrait.contract.preservation import Preservation
from spf_portrait.models.base_model import BaseModel, encode_text
from spf_portrait.training.original_pictures import original_pictures

CAPTIONS = [Caption(base=("a woman", "a hat"), target="blonde hair"), Caption(base=("a man",), target="blonde hair")]
SETTINGS = Preservation(pictures=5, texts=12)


def test_they_are_the_original_models_whatever_the_adapter_does(base: BaseModel) -> None:
    before = original_pictures(base, CAPTIONS, 32, 0, SETTINGS, lambda done: None)
    attach_adapter(base.network, 2, CROSS_ATTENTION)
    with torch.no_grad():
        for parameter in adapter_parameters(base.network):
            parameter.normal_()
    again = original_pictures(base, CAPTIONS, 32, 0, SETTINGS, lambda done: None)
    assert torch.equal(before.x_0, again.x_0)
    assert before.x_0.shape == (12, *before.x_0.shape[1:])
    assert torch.equal(before.x_0[5:10], before.x_0[:5]), "every picture stands with several texts"
    assert torch.equal(before.x_0[10:], before.x_0[:2])
    assert not torch.equal(before.x_0, original_pictures(base, CAPTIONS, 32, 1, SETTINGS, lambda done: None).x_0)


def test_each_is_drawn_for_some_of_a_captions_phrases_and_can_be_asked_for_the_target(base: BaseModel) -> None:
    rows = original_pictures(base, CAPTIONS, 32, 0, SETTINGS, lambda done: None)
    allowed = [("a woman", "a hat", "a woman, a hat"), ("a man",)]
    for number, (states, complete) in enumerate(zip(rows.base_text.states, rows.complete_text.states, strict=True)):
        drawn = [text for text in allowed[number % 2] if torch.equal(states, encode_text(base, [text]).states[0])]
        assert len(drawn) == 1
        assert torch.equal(complete, encode_text(base, [f"{drawn[0]}, blonde hair"]).states[0])


def test_there_is_a_text_for_every_picture(base: BaseModel) -> None:
    rows = original_pictures(base, CAPTIONS, 32, 0, SETTINGS.model_copy(update={"texts": 1}), lambda done: None)
    assert len(rows.base_text.states) == len(rows.x_0) == 5
