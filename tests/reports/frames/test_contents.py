"""A corpus that is edited in place: its former runs are not averaged with the new ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.frames.trials import read_contents
from reports.page.build import build
from search_spaces.space import Arm, Grid
from study.ledger.command import nondefault_options
from study.ledger.ledger import Ledger
from study.planning.corpora import record_corpora
from study.planning.grid import Plan, make_plan
from tests.corpora import write_corpus
from tests.records import NO_PREDICTIONS, a_result, scores

SPACE = Grid(name="mine", title="?", seeds=(0, 1), arms=(Arm(name="bilstm-s", label="BiLSTM_s"),))


def study(runs: Path, corpus: Path, seeds: tuple[int, ...], f1: float) -> Plan:
    """Plan a study and give each of its runs this test F1."""
    ledger = Ledger(runs)
    plan = make_plan(SPACE, ledger, [str(corpus)], seeds=seeds)
    (experiment,) = plan.experiments()
    ledger.record_study(experiment.record(nondefault_options({"data": [str(corpus)]}, {})))
    record_corpora(ledger, plan.data(), None)
    for planned in plan.trials:
        encoded = plan.corpora[planned.corpus_key]
        named = {"name": encoded.name, "digest": encoded.digest, "content": encoded.content}
        result = a_result(
            planned.run.fingerprint,
            corpus=named,
            config=planned.trial.config.flat(),
            test_scores=scores(f1),
        )
        planned.run.finish(result, NO_PREDICTIONS, planned.run.claim())
    return plan


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "tiny", (20, 5, 5))


def edit(corpus: Path) -> None:
    """Change one word of the training split."""
    path = corpus / "train.json"
    path.write_text(path.read_text().replace('"tokens": [\n   "', '"tokens": [\n   "Edited', 1))


def test_an_edited_corpus_is_another_corpus(tmp_path: Path, corpus: Path) -> None:
    runs = tmp_path / "runs"
    before = study(runs, corpus, (0, 1), 0.2)
    edit(corpus)
    (again,) = make_plan(SPACE, Ledger(runs), [str(corpus)], seeds=(0,)).experiments()
    assert len(again.on_other_content(Ledger(runs).study(again.name))) == 2
    (after,) = study(runs, corpus, (0,), 0.8).trials
    frame, others = read_contents(runs)
    assert list(frame["fingerprint"]) == [after.run.fingerprint]
    assert list(others["fingerprint"]) == [p.run.fingerprint for p in before.trials]

    built = build(runs, tmp_path / "out")
    (report,) = built.reports
    assert (report.done, report.planned) == (1, 1)
    for data, section in (*built.studies, *built.paper):
        assert list(data.other_contents["fingerprint"]) == list(others["fingerprint"])
        notes = " ".join(note for table in section.tables for note in table.notes)
        for fingerprint in others["fingerprint"]:
            assert fingerprint in notes


def test_the_old_content_is_shown_again_when_it_is_planned_again(
    tmp_path: Path, corpus: Path
) -> None:
    runs, text = tmp_path / "runs", (corpus / "train.json").read_text()
    study(runs, corpus, (0, 1), 0.2)
    edit(corpus)
    study(runs, corpus, (0,), 0.8)
    (corpus / "train.json").write_text(text)
    study(runs, corpus, (0,), 0.2)
    frame, others = read_contents(runs)
    assert (list(frame["test_f1"]), list(others["test_f1"])) == ([0.2, 0.2], [0.8])


def test_a_study_on_an_older_content_than_another_is_out_of_date(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    plan = study(runs, corpus, (0,), 0.2)
    (earlier,) = plan.experiments()
    edit(corpus)
    monkeypatch.setattr("study.ledger.ledger._now", lambda: "2999-01-01T00:00:00+0000")
    (later,) = make_plan(SPACE, Ledger(runs), [str(corpus)], seeds=(0,)).experiments("later")
    Ledger(runs).record_study(later.record({}))
    outdated = {
        section.key: data.outdated for data, section in build(runs, tmp_path / "out").studies
    }
    assert outdated == {earlier.name: True, "later": False}
