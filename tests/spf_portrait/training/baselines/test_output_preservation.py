"""Output preservation holds base texts to the original model, and with no rows for it is plain LoRA."""

from collections.abc import Callable
from typing import Any

import pytest

from spf_portrait.contract.rivals import OutputPreservation
from spf_portrait.training.preparation import TrainingJob
from tests.spf_portrait.stepping import equal, stepped

Make = Callable[..., TrainingJob]


def preserving(**options: float) -> dict[str, Any]:
    return {"method": "output-preservation", "rivals": {"output_preservation": options}}


def test_without_rows_it_is_plain_lora(make_job: Make) -> None:
    assert equal(stepped(make_job("plain", method="lora")), stepped(make_job("free", **preserving(share=0.0))))


def test_it_costs_nothing_before_anything_has_changed_and_something_then(make_job: Make) -> None:
    log = stepped(make_job(**preserving())).state.log
    assert log[0]["output_preservation"] == 0
    assert log[-1]["output_preservation"] > 0


def test_the_heavier_the_nearer_base_texts_stay(make_job: Make) -> None:
    free, held = (
        stepped(make_job(f"w{weight:g}", stage2_steps=20, validate_every=22, **preserving(weight=weight))).state.log
        for weight in (0.0, 10.0)
    )
    assert held[-1]["rest_kept"] > free[-1]["rest_kept"]


@pytest.mark.parametrize(("rows", "held"), [(1, 1), (2, 1), (4, 2), (8, 4)])
def test_rows_are_shared_out(rows: int, held: int) -> None:
    assert OutputPreservation().held(rows) == held
