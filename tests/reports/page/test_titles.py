"""What a person calls a study."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.frames.studies import study_data
from reports.frames.trials import read_ledger
from reports.page.titles import QUESTIONS, study_title
from search_spaces import SPACES, find_space
from search_spaces.space import Grid
from study.ledger.ledger import Ledger as StudyLedger
from study.planning.grid import make_plan
from tests.ledgers import EXPERIMENT, Ledger


def test_questions_are_those_of_the_spaces() -> None:
    assert {name: SPACES[name].title for name in QUESTIONS} == QUESTIONS


@pytest.mark.parametrize(
    ("title", "shown"), [("title = ' Does it  help? '", "Does it help?"), ("", "My study")]
)
def test_a_study_of_a_file_records_its_title(
    spert_folder: Path, tmp_path: Path, title: str, shown: str
) -> None:
    (tmp_path / "my_study.toml").write_text(f"{title}\n[arms.gru-1]\n")
    space = find_space(str(tmp_path / "my_study.toml"))
    assert isinstance(space, Grid)
    plan = make_plan(space, StudyLedger(tmp_path), [str(spert_folder)], seeds=[0])
    (experiment,) = plan.experiments()
    assert experiment.record({}).title == shown


def test_the_recorded_title_is_shown(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.finish(ledger.plan("gru-1", 0), 0.5)
    ledger.save()
    titles = []
    for title in ("", "Mine?"):
        study = StudyLedger(tmp_path).study(EXPERIMENT)
        assert study is not None
        StudyLedger(tmp_path).record_study(study.model_copy(update={"title": title}))
        shown = study_title(study_data(tmp_path, read_ledger(tmp_path)), [])
        titles.append(shown.partition(": ")[2])
    assert titles == [QUESTIONS["rounds_curve"], "Mine?"]
