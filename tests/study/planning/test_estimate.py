"""The time of a study, from the finished runs of its arms on its corpus."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from search_spaces.space import Arm, Grid
from study.commands.main import main, parse
from study.ledger.ledger import Ledger
from study.planning.corpora import record_corpus
from study.planning.estimate import TimeEstimate, estimate_time
from study.planning.grid import PlannedTrial, make_plan
from tests.corpora import write_corpus
from tests.records import NO_PREDICTIONS, a_result, an_epoch

SPACE = Grid(
    name="mine",
    title="?",
    seeds=(0, 1, 2),
    arms=(
        Arm(name="bilstm-s", label="BiLSTM_s", overrides={"model.rounds": 0}),
        Arm(name="gru-1", label="RIN (GRU, K = 1)"),
    ),
)

WORDS = {"tiny": 100}


def finish(planned: PlannedTrial, epochs: int, seconds: float, content: str = "") -> None:
    result = a_result(
        planned.run.fingerprint,
        epochs,
        config=planned.trial.config.flat(),
        seconds=seconds,
        corpus={"name": planned.corpus_name, "digest": "d", "content": content},
    )
    planned.run.finish(result, NO_PREDICTIONS, planned.run.claim())


def test_mean_seconds_of_an_epoch_times_the_epochs_left(tmp_path: Path) -> None:
    corpus, ledger = write_corpus(tmp_path / "tiny", (20, 5, 5)), Ledger(tmp_path / "runs")
    plan = make_plan(SPACE, ledger, [str(corpus)], overrides={"training.max_epochs": 10})
    (experiment,) = plan.experiments()
    estimate = estimate_time(ledger, plan.trials, WORDS)
    assert (estimate.seconds, estimate.runs) == ((), 0)
    assert estimate.unknown == ("bilstm-s", "gru-1")

    ledger.record_study(experiment.record({}))
    first, second, third = (p for p in plan.trials if p.trial.arm == "gru-1")
    finish(first, 4, 20.0)
    third.run.start_history([an_epoch(1), an_epoch(2), an_epoch(3)])
    left = [p for p in plan.trials if p is not first]
    estimate = estimate_time(ledger, left, WORDS)
    assert (estimate.runs, estimate.unknown) == (1, ("bilstm-s",))
    assert estimate.seconds == pytest.approx((5.0 * 10, 5.0 * 7))

    finish(second, 6, 10.0)
    assert estimate_time(ledger, [third], WORDS).seconds == pytest.approx((3.0 * 7,))


def test_another_arm_with_the_same_settings_or_another_share_takes_as_long(tmp_path: Path) -> None:
    corpus, ledger = write_corpus(tmp_path / "tiny", (20, 5, 5)), Ledger(tmp_path / "runs")
    half = {"data.train_share": 0.5}
    arms = (*SPACE.arms, Arm(name="gru-1-half", label="RIN, 1/2 of train", overrides=half))
    space = dataclasses.replace(SPACE, arms=arms)
    plan = make_plan(space, ledger, [str(corpus)], overrides={"training.max_epochs": 10})
    done = next(p for p in plan.trials if p.trial.arm == "gru-1")
    finish(done, 4, 20.0)
    left = [p for p in plan.trials if p.trial.arm == "gru-1-half"]
    estimate = estimate_time(ledger, left, WORDS)
    assert estimate.seconds == pytest.approx((50.0,) * 3)
    assert (estimate.unknown, estimate.is_rough) == ((), False)


def test_arms_of_one_name_and_other_settings_have_their_own_time(tmp_path: Path) -> None:
    corpus, ledger = write_corpus(tmp_path / "tiny", (20, 5, 5)), Ledger(tmp_path / "runs")
    wide = Arm(name="gru-1", label="RIN, wide", overrides={"model.feature_size": 99})
    other = dataclasses.replace(SPACE, name="other", arms=(wide,))
    limit = {"training.max_epochs": 10}
    left = []
    for space, seconds in ((SPACE, 20.0), (other, 40.0)):
        plan = make_plan(space, ledger, [str(corpus)], arms=["gru-1"], overrides=limit)
        finish(plan.trials[0], 4, seconds)
        left.append(plan.trials[1])
    estimate = estimate_time(ledger, left, WORDS)
    assert estimate.seconds == pytest.approx((50.0, 100.0))


def test_a_trial_starts_when_a_slot_is_free() -> None:
    estimate = TimeEstimate(seconds=(4.0, 3.0, 2.0, 3.0), runs=1, unknown=())
    assert [estimate.elapsed(slots) for slots in (1, 2, 3, 9)] == [12.0, 7.0, 5.0, 4.0]


def test_runs_on_another_corpus_are_scaled_by_words(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    small, large = (
        write_corpus(tmp_path / name, (size, 5, 5)) for name, size in {"a": 20, "b": 60}.items()
    )
    settings = {"training.max_epochs": 10}
    plan = make_plan(SPACE, ledger, [str(small)], overrides=settings)
    (experiment,) = plan.experiments()
    ledger.record_study(experiment.record({}))
    done = next(p for p in plan.trials if p.trial.arm == "gru-1")
    corpus = plan.corpora[done.corpus_key]
    record_corpus(ledger, corpus.content, str(small), None, done.trial.config.data)
    finish(done, 4, 20.0, corpus.content)
    other = make_plan(SPACE, ledger, [str(large)], overrides=settings).trials
    estimate = estimate_time(ledger, other, {"b": 3 * int(corpus.train.lengths_N.sum())})
    assert estimate.seconds == pytest.approx((5.0 * 3 * 10,) * 3)
    assert (estimate.scaled_from, estimate.unknown) == (("a",), ("bilstm-s",))
    assert estimate.scaled_runs == estimate.runs > 0, "no run is on the corpus itself"


def test_runs_with_other_settings_give_a_rough_estimate_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A larger model or a smaller batch takes longer: such runs say nothing about "at most"."""
    corpus, runs = write_corpus(tmp_path / "tiny", (20, 5, 5)), tmp_path / "runs"
    ledger = Ledger(runs)
    small = {"training.max_epochs": 10, "encoder.hidden_size": 20}
    plan = make_plan(SPACE, ledger, [str(corpus)], overrides=small)
    (experiment,) = plan.experiments()
    ledger.record_study(experiment.record({}))
    finish(next(p for p in plan.trials if p.trial.arm == "gru-1"), 4, 20.0)
    cheap = {**small, "training.learning_rate": 0.03, "training.average": "ema"}
    trials = make_plan(SPACE, ledger, [str(corpus)], overrides=cheap).trials
    assert not estimate_time(ledger, [trials[-1]], WORDS).is_rough, "a rate costs no time"

    large = make_plan(SPACE, ledger, [str(corpus)], overrides={"training.max_epochs": 10}).trials
    of_arm = [p for p in large if p.trial.arm == "gru-1"]
    estimate = estimate_time(ledger, of_arm, WORDS)
    assert (estimate.is_rough, estimate.seconds) == (True, (50.0,) * 3)
    finish(of_arm[0], 2, 200.0)
    recorded = make_plan(SPACE, ledger, [str(corpus)], overrides={"training.max_epochs": 10})
    ledger.record_study(recorded.experiments()[0].record({}))
    estimate = estimate_time(ledger, of_arm[1:], WORDS)
    assert (estimate.is_rough, estimate.seconds, estimate.runs) == (False, (1000.0,) * 2, 1)

    options = ["--space", "rounds_curve", "--arms", "gru-1", "--seeds", "1", "--dry-run"]
    other = ["--data", str(corpus), "--runs", str(runs), "--set", "training.batch_size=3"]
    assert main(parse([*options, *other])) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "1 trial: roughly " in text
    assert "with other settings" in text


def test_a_search_that_has_not_begun_takes_the_time_of_runs_with_its_arms_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tuned settings may differ, and those that cost no time; other models do not count."""
    corpus, runs = write_corpus(tmp_path / "tiny", (20, 5, 5)), tmp_path / "runs"
    ledger = Ledger(runs)

    def last_line() -> str:
        arguments = ["--space", "fair_rounds", "--data", str(corpus), "--trials", "3"]
        options = ["--max-epochs", "10", "--runs", str(runs), "--dry-run", "--max-concurrent", "1"]
        assert main(parse([*arguments, *options, "--arms", "k-0", "k-1"])) == 0
        return " ".join(capsys.readouterr().out.split()).rpartition("seeds 2, 3, 4, 5 ")[2]

    assert last_line() == (
        "no estimate of the time: the ledger has no finished run with these settings"
    )
    tried = {"training.learning_rate": 0.02, "encoder.dropout": 0.4, "training.average": "ema"}
    plan = make_plan(SPACE, ledger, [str(corpus)], overrides=tried)
    first, second, _ = (p for p in plan.trials if p.trial.arm == "gru-1")
    finish(first, 4, 20.0)
    finish(second, 6, 10.0)
    plan = make_plan(SPACE, ledger, [str(corpus)], overrides={"model.feature_size": 50})
    finish(plan.trials[0], 4, 900.0)  # K = 0, but of another size
    # (3 trials + 5 candidates on 2 seeds + 3 on 4) x 10 epochs of 3 s.
    assert last_line() == (
        "3 trials and 22 runs on fresh seeds: at most 12 min, one trial at a time; estimate from "
        "2 runs; no estimate for k-0"
    )
