"""A study that goes on until it is decided, with recorded results in place of trainings."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reports.frames.decisions import added_by_hand
from reports.frames.trials import read_ledger
from reports.stats.verdicts import Word
from search_spaces.space import Arm, Grid
from study.ledger.ledger import Ledger
from study.planning.decide import Decided, Deciding, declare
from study.planning.grid import Experiment, make_plan
from tests.corpora import write_corpus
from tests.deciding import MEANS, f1, finish
from tests.records import NO_PREDICTIONS, a_result, an_epoch, scores

SPACE = Grid(
    name="mine",
    title="?",
    arms=(
        Arm(name="bilstm-s", label="BiLSTM_s", overrides={"model.rounds": 0}),
        Arm(name="gru-1", label="GRU 1", overrides={"model.rounds": 1}),
        Arm(name="gru-2", label="GRU 2", overrides={"model.rounds": 2}),
        Arm(name="rnn-1", label="RNN 1", overrides={"model.rounds": 1, "model.cell": "rnn"}),
    ),
)
MOST = 20


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "tiny", (20, 5, 5))


Open = Callable[..., tuple[Ledger, Experiment]]


@pytest.fixture
def open_study(corpus: Path, tmp_path: Path) -> Open:
    def opened(name: str = "runs", **overrides: object) -> tuple[Ledger, Experiment]:
        ledger = Ledger(tmp_path / name)
        plan = make_plan(SPACE, ledger, [str(corpus)], seeds=range(MOST), overrides={**overrides})
        (experiment,) = plan.experiments()
        return ledger, experiment

    return opened


def start(ledger: Ledger, experiment: Experiment, most: int = MOST) -> Deciding:
    """Declare the plan and record it, as a command does before it runs anything."""
    plan = declare(experiment, ledger.study(experiment.name), None)
    study = Deciding(experiment=experiment, plan=plan, most=most)
    ledger.record_study(study.read().experiment().record({}))
    return study


def run(ledger: Ledger, experiment: Experiment, limit: int = 10**6, most: int = MOST) -> Decided:
    """Run looks until the end, or as if killed after so many runs."""
    study = start(ledger, experiment, most)
    while left := study.read().missing():
        for planned in left:
            if not limit:
                return study.read()
            finish(planned)
            limit -= 1
        decided = study.read()
        ledger.record_study(decided.experiment().record({}))
    ledger.record_decisions(experiment.name, study.read().record())
    return study.read()


def finished(experiment: Experiment) -> set[tuple[str, int]]:
    return {(p.trial.arm, p.trial.seed) for p in experiment.trials if p.run.result() is not None}


def test_contrasts_are_decided_one_by_one_and_only_open_ones_get_seeds(open_study: Open) -> None:
    ledger, experiment = open_study()
    decided = run(ledger, experiment)
    first, *later = decided.record().outcomes
    assert first.seeds == 5
    assert {o.contrast: o.state for o in first.outcomes} == {
        "interaction": "better",  # by 4 points
        "rounds": "undecided",
        "cell": "undecided",
    }
    means = {arm: np.mean([100 * f1(arm, s) for s in range(5)]) for arm in MEANS}
    over = np.mean([means["gru-1"], means["gru-2"], means["rnn-1"]]) - means["bilstm-s"]
    assert first.outcomes[0].estimate == pytest.approx(over)
    assert {o.contrast for look in later for o in look.outcomes} <= {"rounds", "cell"}
    assert decided.seeds["bilstm-s"] == 5, "its only contrast is decided"
    assert finished(experiment) == {
        (arm, seed) for arm, count in decided.seeds.items() for seed in range(count)
    }
    assert max(decided.seeds.values()) > 5
    # What the last look does not decide stays undecided, without a further look.
    assert all(
        row.verdict.word is not Word.UNDECIDED or row.seeds == MOST for row in decided.rows()
    )
    assert all(row.next_look is None for row in decided.rows())
    assert {str(row.verdict_with_cost) for row in decided.rows()} >= {"better", "undecided"}
    recorded = ledger.study(experiment.name)
    assert recorded is not None
    assert recorded.decisions == decided.record()


@pytest.mark.slow
def test_killed_after_any_number_of_runs_it_decides_the_same(open_study: Open) -> None:
    ledger, experiment = open_study()
    whole = run(ledger, experiment)
    ledger, experiment = open_study("killed")
    count = 0
    while run(ledger, experiment, limit=1).missing():
        count += 1
        assert count < len(experiment.trials)
    again = run(ledger, experiment)
    assert again.record() == whole.record()
    assert len(finished(experiment)) == count + 1 == sum(whole.seeds.values())


def test_runs_that_the_plan_did_not_ask_for_change_nothing(open_study: Open) -> None:
    ledger, experiment = open_study()
    whole = run(ledger, experiment)
    further = [p for p in experiment.trials if p.run.result() is None]
    assert {p.trial.arm for p in further} >= {"bilstm-s"}
    for planned in further:
        finish(planned)
    other = open_study(**{"training.patience": 3})[1]
    for planned in other.trials[:40]:
        finish(planned, seconds=1.0)
    study = Deciding(experiment=experiment, plan=whole.study.plan, most=MOST)
    assert study.read().record() == whole.record()

    ledger.record_study(experiment.record({}))
    frame = read_ledger(ledger.root, [experiment.name])
    added = added_by_hand(frame, study.read().record())
    assert added["bilstm-s"] == tuple(range(5, MOST))


def test_fewer_seeds_stop_early_and_more_go_on_the_same_way(open_study: Open) -> None:
    ledger, experiment = open_study()
    whole = run(ledger, experiment).record()
    ledger, experiment = open_study("fewer")
    few = run(ledger, experiment, most=6)
    assert few.record().outcomes == whole.outcomes[:1]
    assert set(few.seeds.values()) == {5}
    assert few.rows()[1].next_look == 7
    assert run(ledger, experiment).record() == whole


def test_the_runs_of_the_nearest_decision_come_first(open_study: Open) -> None:
    ledger, experiment = open_study()
    study = start(ledger, experiment)
    trials = study.read().missing()
    assert [p.trial.arm for p in trials[:4]] == list(MEANS)
    for planned in trials:
        # The arm that only one of the two open contrasts has is slow.
        finish(planned, seconds=1e6 if planned.trial.arm == "rnn-1" else 60.0)
    order = [p.trial.arm for p in study.read().missing()]
    assert set(order[:4]) == {"gru-1", "gru-2"}
    assert set(order[4:]) == {"rnn-1"}
    rows = {row.key: row for row in study.read().rows()}
    assert rows["rounds"].seconds_left == pytest.approx(15 * (60 + 60))


def test_the_averaged_weights_are_judged_where_they_are_kept(open_study: Open) -> None:
    ledger, experiment = open_study(**{"training.average": "ema"})
    decided = run(ledger, experiment, limit=20)
    assert decided.study.plan.endpoint == "averaged"
    (look,) = decided.record().outcomes
    other = run(*open_study("selected"), limit=20).record()
    # All are 1 point lower than at the selected epoch, so no difference changes.
    assert look.outcomes[0].estimate == pytest.approx(other.outcomes[0].outcomes[0].estimate)


def test_another_plan_is_refused(open_study: Open) -> None:
    ledger, experiment = open_study()
    start(ledger, experiment)
    recorded = ledger.study(experiment.name)
    assert declare(experiment, recorded, 0.5).margin == 0.5
    with pytest.raises(ValueError, match=r"--margin 0\.3"):
        declare(experiment, recorded, 0.3)
    with pytest.raises(ValueError, match=r"training\.average"):
        declare(open_study(**{"training.average": "ema"})[1], recorded, None)
    with pytest.raises(ValueError, match="settings"):
        declare(open_study(**{"training.patience": 3})[1], recorded, None)
    trials = tuple(p for p in experiment.trials if p.trial.arm != "rnn-1")
    with pytest.raises(ValueError, match="--arms"):
        declare(dataclasses.replace(experiment, trials=trials), recorded, None)
    alone = tuple(p for p in experiment.trials if p.trial.arm == "rnn-1")
    with pytest.raises(ValueError, match="--until-decided"):
        declare(dataclasses.replace(experiment, trials=alone), None, None)
    with pytest.raises(ValueError, match=r"training\.selection"):
        declare(open_study(**{"training.selection": "test"})[1], None, None)


def test_a_plan_that_comes_after_runs_says_so(open_study: Open) -> None:
    _, experiment = open_study()
    for planned in experiment.trials[:3]:
        finish(planned)
    experiment.trials[5].run.start_history([an_epoch(1)])
    assert declare(experiment, None, None).finished_before == 3


def test_a_study_without_the_option_keeps_the_plan(open_study: Open) -> None:
    ledger, experiment = open_study()
    study = start(ledger, experiment)
    ledger.record_study(dataclasses.replace(experiment, trials=experiment.trials[:8]).record({}))
    recorded = ledger.study(experiment.name)
    assert recorded is not None
    assert recorded.decisions == study.read().record()
    assert declare(experiment, recorded, None) == recorded.decisions


def test_runs_that_learned_nothing_are_not_judged(open_study: Open) -> None:
    ledger, experiment = open_study()
    study = start(ledger, experiment)
    for planned in study.read().missing():
        result = a_result(
            planned.run.fingerprint,
            config=planned.trial.config.flat(),
            selection_scores=scores(0.0),
            test_scores=scores(0.0),
        )
        planned.run.finish(result, NO_PREDICTIONS, planned.run.claim())
    decided = study.read()
    assert not decided.missing(), "no further seeds"
    (look,) = decided.record().outcomes
    assert {outcome.state for outcome in look.outcomes} == {"nothing learned"}
    assert {row.verdict.word for row in decided.rows()} == {Word.NOTHING_LEARNED}
    assert {row.interval_text for row in decided.rows()} == {"–"}
