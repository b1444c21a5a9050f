"""The tables of a study that runs until it is decided: each decision by hand from the CSV files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from reports.frames.decisions import study_decisions
from reports.frames.studies import StudyData, study_data
from reports.frames.trials import read_ledger, select_settings
from reports.paper.findings import models_summary
from reports.paper.registry import STUDY, make_tables
from search_spaces.space import Arm, Grid
from study.ledger.ledger import Ledger
from study.planning.decide import Deciding, declare
from study.planning.grid import make_plan
from tests.corpora import write_corpus
from tests.deciding import finish

Floats = NDArray[np.float64]
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


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyData:
    """A decided study, and one more run than its looks use."""
    folder = tmp_path_factory.mktemp("decided")
    ledger, corpus = Ledger(folder / "runs"), write_corpus(folder / "tiny", (20, 5, 5))
    average = {"training.average": "ema"}
    plan = make_plan(SPACE, ledger, [str(corpus)], seeds=range(20), overrides=average)
    (experiment,) = plan.experiments()
    deciding = Deciding(experiment=experiment, plan=declare(experiment, None, None), most=20)
    while left := deciding.read().missing():
        for planned in left:
            finish(planned)
    decided = deciding.read()
    ledger.record_study(decided.experiment().record({}))
    finish(next(p for p in experiment.trials if p.run.result() is None))
    finished = tuple(p for p in experiment.trials if p.run.result() is not None)
    ledger.record_study(dataclasses.replace(experiment, trials=finished).record({}))
    return study_data(ledger.root, select_settings(read_ledger(ledger.root, [experiment.name])))


@pytest.fixture(scope="module")
def csv(study: StudyData) -> dict[str, pd.DataFrame]:
    made = make_tables(STUDY, study)
    return {table.name: pd.read_csv(StringIO(table.csv())) for table in made}


def error(runs: Mapping[str, Floats], weights: Mapping[str, float]) -> tuple[float, float]:
    """Return the standard error of a contrast and its degrees of freedom."""
    count = {arm: len(own) for arm, own in runs.items()}
    own = {arm: x.var(ddof=1) for arm, x in runs.items()}
    df = sum(count.values()) - len(runs)
    squares = {arm: own[arm] * (count[arm] - 1) for arm in runs}
    largest = min(
        stats.f.sf(
            own[arm] * (df - count[arm] + 1) / (sum(squares.values()) - squares[arm]),
            *(count[arm] - 1, df - count[arm] + 1),
        )
        for arm in runs
    )
    equal = stats.levene(*runs.values(), center="median").pvalue
    if min(equal, len(runs) * largest) < 0.05:
        parts = {arm: w**2 * own[arm] / count[arm] for arm, w in weights.items()}
        below = sum(v**2 / (count[arm] - 1) for arm, v in parts.items())
        return np.sqrt(sum(parts.values())), sum(parts.values()) ** 2 / below
    variance = sum(squares.values()) / df
    return np.sqrt(variance * sum(w**2 / count[arm] for arm, w in weights.items())), df


def values(table: pd.DataFrame) -> pd.DataFrame:
    return table.pivot_table(index="row", columns="column", values="value", sort=False)


def test_each_decision_follows_from_the_csv_files(
    study: StudyData, csv: dict[str, pd.DataFrame]
) -> None:
    assert study.decisions is not None
    weights = {one.key: one.weights for one in study.decisions.contrasts}
    scores, levels, found = (values(csv[name]) for name in ("scores", "levels", "decisions"))
    tests = csv["decisions"].set_index(["row", "column"])
    states = {key: tests["text"].loc[(key, "State")] for key in weights}
    seen = found["Seeds"].astype(int)
    assert len(set(seen)) > 1
    kinds = set[bool]()
    for key, own in weights.items():
        look = seen[key]
        # Each arm has the seeds of the last look at one of its contrasts, up to this look.
        used = {
            arm: max(min(seen[k], look) for k, w in weights.items() if arm in w)
            for arm in scores.index
        }
        runs = {arm: scores.loc[arm].iloc[:n].to_numpy() for arm, n in used.items()}
        value = sum(w * runs[arm].mean() for arm, w in own.items())
        se, df = error(runs, own)
        kinds.add("Welch" in tests["text"].loc[(key, "SE (df)")])
        p, p_equal = 2 * stats.t.sf(abs(value) / se, df), stats.t.sf((0.5 - abs(value)) / se, df)

        others = [states[k] for k in weights if k != key and seen[k] <= look]
        left = len(weights) - sum(state in ("better", "worse") for state in others)
        left_equal = len(weights) - sum(state.startswith("equal") for state in others)
        level = levels[f"{look} seeds"].loc[f"p/{left}"]
        level_equal = levels[f"{look} seeds"].loc[f"p equal/{left_equal}"]
        half = stats.t.isf(level / 2, df) * se
        row = tests.loc[[(key, "p (level)")]].iloc[0]
        assert [row["value"], row["se"], row["df"], row["p"], row["p_equal"]] == pytest.approx(
            [value, se, df, p, p_equal]
        )
        assert [row["low"], row["high"]] == pytest.approx([value - half, value + half])
        assert found.loc[key, "Unequal beyond ±"] == pytest.approx(half)
        equal_within = found["Equal within ±"].fillna(-1)[key]
        assert max(equal_within, -1) == pytest.approx(
            max(0.5 - stats.t.isf(level_equal, df) * se, -1) if equal_within >= 0 else -1
        )
        word = "equal within 0.5" if p_equal < level_equal else "better" if value > 0 else "worse"
        is_found = min(p / level, p_equal / level_equal) < 1
        assert states[key] == (word if is_found else "undecided" if look == 20 else "futile")
    assert kinds == {True, False}


def test_the_levels_are_spent_as_the_note_says(csv: dict[str, pd.DataFrame]) -> None:
    levels = values(csv["levels"])
    assert list(levels.columns) == [f"{n} seeds" for n in (5, 7, 10, 14, 20)]
    for name, gamma in (("p", 1.0), ("p equal", -4.0)):
        first = 0.05 * np.expm1(-gamma * 5 / 20) / np.expm1(-gamma)
        for left in (1, 2, 3):
            assert levels.loc[f"{name}/{left}", "5 seeds"] == pytest.approx(first / left)


def test_other_runs_than_those_that_were_judged_show_no_tests(study: StudyData) -> None:
    assert study.decisions is not None
    rows = study_decisions(study.frame, study.decisions)
    assert all(row.tested is not None for row in rows)
    other = study.frame.assign(averaged_test_f1=study.frame["averaged_test_f1"] ** 2)
    assert all(row.tested is None for row in study_decisions(other, study.decisions))


def test_a_planned_study_has_the_verdicts_of_its_plan_only(
    study: StudyData, csv: dict[str, pd.DataFrame]
) -> None:
    columns = set(csv["differences"]["column"])
    assert {"Δ F1", "p", "p equal"} <= columns
    assert "Verdict" not in columns
    assert "95 % CI, other sentences" not in columns, "predictions are of the selected epoch"
    renamed = study.frame.replace({"arm": {"gru-2": "mine"}})  # the paper's arms have claims
    models = models_summary([dataclasses.replace(study, frame=renamed)])
    assert {row.cells["Verdict"].text for row in models.rows} == {"–"}
