"""File names that page, service and engine share."""

from spf_portrait.contract.artifacts import attention_map_name, control_map_name, noise_difference_name, preview_name


def test_map_names_sort_by_phrase_then_timestep() -> None:
    names = [attention_map_name("response", phrase, timestep) for phrase in range(14) for timestep in range(8)]
    assert names == sorted(set(names))
    assert names[9] == "maps/response/01_01.png"
    assert control_map_name(7) == "maps/control/07.png"
    assert noise_difference_name(0) == "maps/noise/00.png"


def test_previews_sort_by_step() -> None:
    assert preview_name(0, 1) == "previews/step-000000/01.png"
    assert preview_name(900, 3) < preview_name(1000, 0)
