import pytest

from study.tracking.time_left import TimeLeft


def test_the_first_epoch_of_a_trial_counts_only_where_it_is_the_only_one() -> None:
    left = TimeLeft()
    assert left.seconds(3, 10, {"a": 0}) is None
    left.add_epoch("a", 60.0)
    assert left.seconds(0, 10, {"a": 1}) == 9 * 60
    left.add_epoch("a", 5.0)
    assert left.seconds(0, 10, {"a": 2}) == 8 * 5


def test_a_running_trial_goes_on_at_its_own_rate_and_a_waiting_one_at_the_mean() -> None:
    left = TimeLeft()
    for trial, seconds in {"slow": 30.0, "fast": 10.0}.items():
        for _ in range(2):
            left.add_epoch(trial, seconds)
    assert left.seconds(1, 10, {"slow": 2, "fast": 2}) == 8 * 30 + 8 * 10 + 10 * 20


def test_a_trial_that_was_resumed_has_only_its_last_epochs_left() -> None:
    left = TimeLeft()
    left.add_epoch("a", 7.0)
    assert left.seconds(0, 100, {"a": 93}) == 7 * 7


def test_a_trial_past_the_usual_length_has_nothing_left() -> None:
    left = TimeLeft(earlier=[(4, 8.0)])
    left.add_end(6)
    assert left.seconds(2, 100, {"a": 50}) == pytest.approx(2 * 5 * 2)
