"""Two small trained models, and cases followed through them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rin_core.data.demo import demo_corpus
from search_spaces import SPACES
from study.commands.arguments import CaseStudy
from study.commands.case.models import Loaded, load
from study.commands.case.sentences import find_refined, follow, from_paper, from_test, from_text
from study.commands.options import Options
from study.execution.trial import train_run
from study.ledger.corpus_schema import Cases
from study.ledger.ledger import Ledger
from study.planning.corpora import record_corpora
from study.planning.grid import Plan, make_plan

SMALL: dict[str, object] = {
    "encoder.hidden_size": 32,
    "model.feature_size": 32,
    "training.max_epochs": 4,
    "training.learning_rate": 0.01,
}


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ledger, Plan]:
    """BiLSTM_s and RIN with two rounds on the demo corpus, trained for seconds."""
    ledger = Ledger(tmp_path_factory.mktemp("runs"))
    space = SPACES["rounds_curve"]
    plan = make_plan(
        space, ledger, ["demo"], arms=["bilstm-s", "gru-2"], seeds=[0], overrides=SMALL
    )
    (experiment,) = plan.experiments()
    ledger.record_study(experiment.record(Options(space=(space.name,)).record()))
    record_corpora(ledger, plan.data(), None)
    for planned in plan.trials:
        train_run(planned.trial.config, plan.corpora[planned.corpus_key], planned.run)
    return ledger, plan


@pytest.fixture(scope="session")
def models(study: tuple[Ledger, Plan]) -> list[Loaded]:
    ledger, plan = study
    return [load(ledger, planned.run.fingerprint[:12]) for planned in plan.trials]


@pytest.fixture(scope="session")
def rin(models: list[Loaded]) -> Loaded:
    return models[1]


@pytest.fixture(scope="session")
def recorded(study: tuple[Ledger, Plan], models: list[Loaded]) -> Path:
    ledger, _ = study
    corpus = demo_corpus()
    (number,) = find_refined(corpus.test, models, 1)
    found = from_test(corpus, number, "first", "chosen")
    given = CaseStudy(models=(), pretokenized=True)
    cases = [*from_paper(), *from_text("A <b>bold</b> & brewery", models, given), found]
    followed = [follow(case, models) for case in cases]
    return ledger.record_cases("all", Cases.model_validate({"cases": followed}))
