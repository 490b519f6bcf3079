import pytest
import torch

from spf_portrait.models.schedule import (
    DiffusionSchedule,
    FlowSchedule,
    Levels,
    Schedule,
    add_noise,
    moved,
    predicted_clean,
    prediction_target,
)

ALPHAS = torch.linspace(0.999, 0.01, 50)
SCHEDULES: list[Schedule] = [
    DiffusionSchedule(ALPHAS, "epsilon"),
    DiffusionSchedule(ALPHAS, "v_prediction"),
    FlowSchedule(shift=3.0, timesteps=50),
]


def pair() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(3, 8, 4, 4), torch.randn(3, 8, 4, 4)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_perfect_prediction_gives_back_the_clean_latent(schedule: Schedule) -> None:
    x_0, noise = pair()
    levels = schedule.levels(torch.tensor([0, 20, 49]))
    perfect = prediction_target(x_0, noise, levels, schedule.prediction)
    found = predicted_clean(add_noise(x_0, noise, levels), perfect, levels, schedule.prediction)
    torch.testing.assert_close(found, x_0, rtol=1e-4, atol=1e-4)


def test_ends_of_the_schedule() -> None:
    x_0, noise = pair()
    nothing, everything = torch.zeros(3, 1, 1, 1), torch.ones(3, 1, 1, 1)
    assert torch.equal(add_noise(x_0, noise, Levels(everything, nothing)), x_0)
    assert torch.equal(add_noise(x_0, noise, Levels(nothing, everything)), noise)
    # without any signal v-prediction still has a finite answer
    assert torch.equal(predicted_clean(noise, -x_0, Levels(nothing, everything), "v_prediction"), x_0)
    flow = FlowSchedule(shift=3.0)
    assert torch.equal(add_noise(x_0, noise, flow.levels(torch.full((3,), 1000.0))), noise)


def test_velocity_leads_straight_from_the_picture_to_the_noise() -> None:
    """x_t moves by velocity · Δσ, which is one step of an Euler sampler."""
    x_0, noise = pair()
    flow = FlowSchedule(shift=3.0)
    early, late = flow.levels(torch.full((3,), 200.0)), flow.levels(torch.full((3,), 700.0))
    moved = add_noise(x_0, noise, early) + 0.5 * prediction_target(x_0, noise, early, "flow")
    torch.testing.assert_close(moved, add_noise(x_0, noise, late))


def test_diffusion_trains_at_all_timesteps_alike() -> None:
    drawn = torch.arange(50)
    assert torch.equal(SCHEDULES[0].trained_at(drawn), drawn)


def test_flow_trains_as_stable_diffusion_3_did() -> None:
    """Logit-normal: half of all z lie below 0, and 68.3 % between -1 and 1; then shifted towards noise."""
    drawn = torch.arange(1000)
    plain, shifted = FlowSchedule(shift=1.0).trained_at(drawn) / 1000, FlowSchedule(shift=3.0).trained_at(drawn) / 1000
    assert ((plain < 0.5).float().mean() - 0.5).abs() < 1e-3
    one = torch.sigmoid(torch.tensor(1.0))
    assert (((plain > 1 - one) & (plain < one)).float().mean() - 0.6827).abs() < 2e-3
    torch.testing.assert_close(shifted, 3 * plain / (1 + 2 * plain))
    assert 0 < shifted.min() < shifted.max() < 1


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_step_with_a_perfect_answer_stays_on_the_way_from_picture_to_noise(schedule: Schedule) -> None:
    x_0, noise = pair()
    here, there = (schedule.levels(torch.full((3,), at)) for at in (40, 10))
    perfect = prediction_target(x_0, noise, here, schedule.prediction)
    found = moved(add_noise(x_0, noise, here), perfect, here, there, schedule.prediction)
    torch.testing.assert_close(found, add_noise(x_0, noise, there), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_sampling_starts_from_noise_and_falls(schedule: Schedule) -> None:
    grid = schedule.sampled_at(5)
    assert len(grid) == 5
    assert grid[0] >= 49
    assert (grid.diff() < 0).all()
    assert grid[-1] > 0
