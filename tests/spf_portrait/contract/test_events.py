"""Events survive the pipe between trainer and worker."""

import math

import pytest
from pydantic import ValidationError

from spf_portrait.contract.errors import DataError, ModelError, SpfError
from spf_portrait.contract.events import (
    CheckpointSaved,
    Event,
    Failed,
    Finished,
    Notice,
    PreviewsDrawn,
    Progress,
    Validated,
    parse_event,
    to_line,
)

EVENTS: list[Event] = [
    Progress(phase="stage2", step=3, total=250, losses={"denoise": 0.25, "fine_grained": 1e-9}, eta_s=12.5),
    Progress(phase="loading", step=0, total=0),
    CheckpointSaved(step=150, path="/data/checkpoints/job_1/000150"),
    Validated(step=50, target_gained=-0.25, rest_kept=1),
    PreviewsDrawn(step=50, files={"/out/previews/step-000050/00.png": "a woman, blonde hair"}),
    Notice(message="never seen: 🦄"),
    Finished(files={"adapter": "adapter.safetensors"}),
    Failed(error=ModelError("damaged_base", "line\nbreak \u2028 \u00e9", "nothing", "Mend it").as_dict()),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_round_trip_in_one_line(event: Event) -> None:
    line = to_line(event)
    assert "\n" not in line
    assert parse_event(line) == event
    assert parse_event(line.encode() + b"\n") == event


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Loading pipeline components...",
        "{}",
        '{"kind":"other"}',
        '{"kind":"progress","phase":"stage3","step":1,"total":2}',
        '{"kind":"progress","phase":"stage1","step":-1,"total":2}',
        '{"kind":"progress","phase":"stage1","step":1,"total":2,"losses":{"x":NaN}}',
        '{"kind":"validation","step":1,"target_gained":NaN,"rest_kept":1}',
        '{"kind":"validation","step":1,"target_gained":0,"rest_kept":1.1}',
        '{"kind":"finished","files":{},"more":1}',
        b"\xff\xfe",
    ],
)
def test_refuses_other_lines(line: str | bytes) -> None:
    with pytest.raises(DataError) as refusal:
        parse_event(line)
    assert refusal.value.code == "unreadable_event"


def test_losses_are_numbers() -> None:
    with pytest.raises(ValidationError):
        Progress(phase="stage1", step=1, total=2, losses={"denoise": math.nan})


def test_errors_say_three_things() -> None:
    error: SpfError = DataError("no_target", "no target in 01.txt", "one target phrase", "Put it in brackets.")
    assert str(error) == "Found no target in 01.txt; allowed: one target phrase. Put it in brackets."
    assert error.as_dict()["message"] == str(error)
    assert error.permanent
