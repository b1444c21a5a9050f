"""What more training sentences bring: the table, the figure, the first screen and the terminal."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest
from rich.console import Console

from reports.figures.learning_curve import draw_learning_curve, learning_curve_info
from reports.frames.learning_curves import learning_curves, steps
from reports.frames.scores import comparable
from reports.frames.studies import StudyData, study_data
from reports.frames.trials import read_ledger, select_settings
from reports.page.build import build
from reports.page.experiment import experiment_section
from reports.paper.answers import find_answers
from reports.paper.effects import corpus_effects
from reports.stats.verdicts import Word
from reports.tables.learning_curve import learning_curve_table
from search_spaces import learning_curve
from study import api
from study.commands.closing import Closing, print_arms
from tests.commands import printed
from tests.ledgers import Ledger, a_plan

#: Mean F1 of each arm, and its share of the training sentences.
MEANS = {
    "gru-1": (0.90, 1.0),
    "gru-1-half": (0.85, 0.5),
    "gru-1-quarter": (0.75, 0.25),
    "bilstm-s": (0.88, 1.0),
    "bilstm-s-half": (0.88, 0.5),
}
EXPERIMENT = "learning_curve-webnlg_star"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runs")
    for arm, (mean, share) in MEANS.items():
        config = {"data.train_share": share, "model.rounds": int(arm.startswith("gru"))}
        for seed in range(3):
            made.finish(made.plan(arm, seed, {}, config), mean + 0.001 * seed)
            made.trials[-1]["label"] = arm
    made.plan("gru-1-eighth", 0, {}, {"data.train_share": 0.125, "model.rounds": 1})
    made.save(EXPERIMENT)
    return made


@pytest.fixture
def study(ledger: Ledger) -> StudyData:
    return study_data(ledger.runs, select_settings(read_ledger(ledger.runs)))


def test_the_arms_of_the_space_are_those_of_a_curve() -> None:
    names = [arm.name for arm in learning_curve.SPACE.arms]
    assert names == ["gru-1-eighth", "gru-1-quarter", "gru-1-half", "gru-1"]


def test_a_curve_has_the_arms_of_one_model_by_their_share(study: StudyData) -> None:
    gru, bilstm = learning_curves(study.frame)
    assert gru.arms == ("gru-1-eighth", "gru-1-quarter", "gru-1-half", "gru-1")
    assert gru.shares == (0.125, 0.25, 0.5, 1.0)
    assert (bilstm.label, bilstm.arms) == ("bilstm-s", ("bilstm-s-half", "bilstm-s"))
    assert [step.text for step in steps([bilstm])] == ["50 % → 100 % of train"]


def test_arms_that_differ_in_more_are_no_curve(study: StudyData) -> None:
    same = study.frame.assign(train_share=1.0)
    assert learning_curves(same) == []
    assert learning_curve_table(study_data_of(study, same)) is None
    assert learning_curve_info(study_data_of(study, same)) is None


def study_data_of(study: StudyData, frame: object) -> StudyData:
    return StudyData(corpus=study.corpus, frame=frame, counts=study.counts)  # type: ignore[arg-type]


def test_each_share_is_compared_with_the_next_smaller_one(study: StudyData) -> None:
    table = learning_curve_table(study)
    assert table is not None
    rows = {row.key: row for row in table.rows}
    assert rows["gru-1"].label == "gru-1, 50 % → 100 % of train"
    gains = {key: row.cells["Δ F1"].text for key, row in rows.items()}
    assert gains["gru-1"] == "+5.0"
    assert gains["gru-1-half"] == "+10.0"
    assert gains["bilstm-s"] == "+0.0"
    cells = rows["gru-1"].cells
    assert (cells["F1"].text, cells["F1 before"].text) == ("90.1 ± 0.1", "85.1 ± 0.1")
    judged = rows["bilstm-s"].cells["Verdict"].judged
    assert judged is not None
    assert judged.verdict.word is Word.EQUAL


def test_the_figure_has_the_finished_shares_with_intervals(study: StudyData) -> None:
    info = learning_curve_info(study)
    assert info is not None
    gru, bilstm = info.curves
    assert [point.share for point in gru.points] == [0.25, 0.5, 1.0]
    assert [point.mean for point in bilstm.points] == pytest.approx([88.1, 88.1])
    assert all(math.isfinite(point.low) for point in gru.points)
    axes = draw_learning_curve(info).axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["25 %", "50 %", "100 %"]


def test_python_draws_the_curve_of_each_metric(ledger: Ledger) -> None:
    mpl.use("agg")
    df = api.trials(ledger.runs)
    axes = api.curve(df, "test_precision")
    assert axes.get_ylabel() == "test Precision, points"
    (gru, _) = axes.get_lines()
    assert gru.get_ydata() == pytest.approx([74.1, 84.1, 89.1])
    with pytest.raises(ValueError, match=r"^metric 'entity_f1': no such curve"):
        api.curve(df, "test_entity_f1")
    few = df[df["arm"].isin(["gru-1", "gru-1-eighth"])]
    with pytest.raises(ValueError, match=r"^fewer than two shares"):
        api.curve(few)
    with pytest.raises(ValueError, match=r"^corpus: .*must not be averaged together"):
        api.curve(pd.concat([df, df.assign(corpus="other")]))


def test_python_draws_the_averaged_weights_of_runs_that_have_them(ledger: Ledger) -> None:
    mpl.use("agg")
    df = api.trials(ledger.runs)
    assert "averaged_test_f1" not in df
    axes = api.curve(df.assign(averaged_test_f1=df["test_f1"] + 1))
    assert axes.get_ylabel() == "test F1 of the averaged weights, points"
    assert axes.get_lines()[0].get_ydata() == pytest.approx([76.1, 86.1, 91.1])


def test_runs_on_few_sentences_say_nothing_of_the_variance_of_others(study: StudyData) -> None:
    whole = study.frame[study.frame["train_share"] == 1]
    assert set(comparable(study.frame, whole)["arm"]) == {"gru-1", "bilstm-s"}
    assert len(comparable(study.frame, study.frame)) == len(study.frame)


def test_a_study_with_a_plan_has_no_verdict_on_a_step(study: StudyData) -> None:
    first = study.frame.drop_duplicates("arm").set_index("arm")["fingerprint"]
    runs = {str(arm): str(name) for arm, name in first.items()}
    planned = replace(study, decisions=a_plan(runs))
    table = learning_curve_table(planned)
    assert table is not None
    assert "Verdict" not in table.columns
    steps_shown = [e for e in corpus_effects(None, [planned], []) if e.question == "sentences"]
    assert [effect.verdict.word for effect in steps_shown] == [Word.NO_VERDICT] * 2
    console = Console(file=io.StringIO(), width=100)
    print_arms(planned, experiment_section(planned), console)
    assert "100 % of train: +5.0 F1 (95 % CI 4.8 to 5.2)\n" in printed(console)


def test_a_step_without_a_result_is_not_printed(study: StudyData) -> None:
    few = study.frame[study.frame["arm"].isin(["gru-1-eighth", "gru-1-quarter"])]
    console = Console(file=io.StringIO(), width=100)
    part = study_data_of(study, few)
    print_arms(part, experiment_section(part), console)
    assert "of train" not in printed(console)


def test_a_step_on_two_corpora_is_one_row(study: StudyData) -> None:
    answers = find_answers([], [study_of("mine", study), study_of("yours", study)], [])
    assert answers.effects is not None
    (row,) = [row for row in answers.effects.rows if row.label.startswith("gru-1: 50 %")]
    assert [mark.corpus for mark in row.marks] == ["mine", "yours"]


def test_a_curve_does_not_replace_the_last_comparison(study: StudyData) -> None:
    whole = study.frame[study.frame["train_share"] == 1]
    rounds = study_data_of(study, whole)
    mine = study_data_of(study, whole.assign(arm=whole["arm"].replace({"bilstm-s": "mine"})))
    curve = study_data_of(study, study.frame[study.frame["arm"].str.startswith("gru")])

    def shown(*studies: StudyData) -> list[str]:
        return [effect.question for effect in corpus_effects(None, studies, [])]

    assert shown(curve, rounds) == ["one-round", "interaction", "sentences"]
    assert shown(mine, rounds) == ["mine", "one-round"]
    assert shown(curve, mine, rounds) == ["mine", "one-round", "sentences"]


def test_the_last_step_is_on_the_first_screen(study: StudyData) -> None:
    answers = find_answers([], [study_of("mine", study)], [])
    assert answers.effects is not None
    words = {row.label: row.marks[0].word for row in answers.effects.rows}
    assert words["gru-1: 50 % → 100 % of train"] == Word.BETTER
    assert not any("25 %" in label for label in words)


def study_of(corpus: str, study: StudyData) -> StudyData:
    return StudyData(corpus=corpus, frame=study.frame, counts=study.counts)


def test_a_curve_alone_has_its_own_question(study: StudyData) -> None:
    gru = study.frame[study.frame["arm"].str.startswith("gru")]
    answers = find_answers([], [study_of("mine", study_data_of(study, gru))], [])
    assert answers.question == "Would more annotated sentences help?"
    assert [card.value for card in answers.cards] == ["+5.0 F1"]
    assert answers.effects is not None
    assert answers.effects.finding == "The effect is decided."


def test_the_terminal_names_the_last_step(ledger: Ledger) -> None:
    console = Console(file=io.StringIO(), width=100)
    built = build(ledger.runs, ledger.runs / "reports", [EXPERIMENT])
    Closing(built=built).print(ledger.runs, console)
    text = printed(console)
    assert "gru-1, 50 % → 100 % of train: +5.0 F1 (95 % CI 4.8 to 5.2), better" in text
    assert "25 % → 50 %" not in text
    figures = {path.name for report in built.reports for path in report.paths}
    assert {"learning_curve.svg", "learning_curve.csv"} <= figures
