import pytest
import torch

from spf_portrait.schedule import Prediction, Schedule, add_noise, predicted_clean, prediction_target

SCHEDULE = Schedule(torch.linspace(0.999, 0.01, 50), "epsilon")


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_perfect_prediction_gives_back_the_clean_latent(prediction: Prediction) -> None:
    x_0, noise = torch.randn(3, 8, 4, 4), torch.randn(3, 8, 4, 4)
    alpha_bar = SCHEDULE.alpha_bar(torch.tensor([0, 20, 49]))
    perfect = prediction_target(x_0, noise, alpha_bar, prediction)
    found = predicted_clean(add_noise(x_0, noise, alpha_bar), perfect, alpha_bar, prediction)
    torch.testing.assert_close(found, x_0, rtol=1e-4, atol=1e-4)


def test_ends_of_the_schedule() -> None:
    x_0, noise = torch.randn(1, 8, 4, 4), torch.randn(1, 8, 4, 4)
    assert torch.equal(add_noise(x_0, noise, torch.ones(1)), x_0)
    assert torch.equal(add_noise(x_0, noise, torch.zeros(1)), noise)
    # without any signal v-prediction still has a finite answer
    assert torch.equal(predicted_clean(noise, -x_0, torch.zeros(1), "v_prediction"), x_0)
