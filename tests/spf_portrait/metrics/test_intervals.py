import pytest
import torch

from spf_portrait.metrics.intervals import bootstrap_interval, wilson_interval


def test_nine_in_ten_bootstrap_intervals_or_more_hold_the_true_mean() -> None:
    held = 0
    for seed in range(200):
        interval = bootstrap_interval(torch.randn(40, generator=torch.Generator().manual_seed(seed)) + 3)
        assert interval is not None
        held += interval.low <= 3 <= interval.high
    assert 0.90 <= held / 200 <= 0.99


def test_wilson_intervals_hold_the_true_share_of_few_pictures() -> None:
    generator = torch.Generator().manual_seed(0)
    for share in (0.05, 0.5, 0.95):
        hits = torch.binomial(torch.full((2000,), 24.0), torch.tensor(share), generator=generator)
        intervals = [wilson_interval(int(count), 24) for count in hits]
        held = sum(interval.low <= share <= interval.high for interval in intervals)
        assert 0.91 <= held / 2000 <= 0.99


def test_wilson_agrees_with_the_textbook() -> None:
    assert wilson_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_shares_of_none_and_all_have_intervals_too() -> None:
    assert wilson_interval(0, 8).low == 0
    assert wilson_interval(8, 8).high == 1
    assert wilson_interval(8, 8).low == pytest.approx(1 - wilson_interval(0, 8).high)


def test_one_picture() -> None:
    assert bootstrap_interval(torch.tensor([0.3])) is None
    assert wilson_interval(1, 1) == pytest.approx((0.2065, 1), abs=1e-4)


def test_equal_values_leave_no_doubt_and_the_same_values_give_the_same_interval() -> None:
    assert bootstrap_interval(torch.full((5,), 0.25)) == pytest.approx((0.25, 0.25))
    values = torch.arange(10.0)
    assert bootstrap_interval(values) == bootstrap_interval(values)
