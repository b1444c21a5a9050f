"""Text in a case study: read as prediction reads it, by each of several models."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from reports.cases.views import read_cases
from rin_core.data.vocabulary import SPECIAL
from rin_core.predict.loading import load_model
from rin_core.predict.texts import TextSplitter
from study.commands.arguments import CaseStudy
from study.commands.case.command import default_name
from study.commands.case.command import run as case_study
from study.commands.case.models import Loaded
from study.commands.case.sentences import from_text
from study.ledger.ledger import Ledger
from tests.conftest import Trained


@pytest.fixture(scope="module")
def models(trained: Trained) -> list[Loaded]:
    """Return the same model twice, as two."""
    run = Ledger(trained.runs).run(trained.weights.parent.name)
    loaded = load_model(trained.weights)._asdict()
    return [Loaded(label=label, run=run, **loaded) for label in ("weaker", "stronger")]


TEXT = 'He said "Ann (Lee) met Bob," and left. They met.'


def test_a_text_is_split_as_prediction_splits_it(models: list[Loaded]) -> None:
    words = dataclasses.replace(models[0].vocabulary, words=(*models[0].vocabulary.words, "``"))
    first = dataclasses.replace(models[0], vocabulary=words)
    for options in (
        CaseStudy(models=()),
        CaseStudy(models=(), one_sentence=True),
        CaseStudy(models=(), pretokenized=True),
    ):
        cases = list(from_text(TEXT, [first, models[1]], options))
        for number, model in enumerate((first, models[1])):
            splitter = TextSplitter(
                model.vocabulary,
                one_sentence=options.one_sentence,
                pretokenized=options.pretokenized,
            )
            found = splitter.split(TEXT)
            assert [case.sentence.words for case in cases] == [s.words for s in found]
            assert [case.read[number] for case in cases] == [s.sentence for s in found]
    (whole,) = from_text(TEXT, [first, models[1]], CaseStudy(models=(), one_sentence=True))
    assert [read.words[2] for read in whole.read] == ["``", '"']


def test_models_that_split_differently_are_told(models: list[Loaded]) -> None:
    spaced = dataclasses.replace(models[0].vocabulary, words=(*SPECIAL, "Ann", "met", "Bob."))
    other = dataclasses.replace(models[0], vocabulary=spaced)
    with pytest.raises(ValueError, match=r"--sentence 'Ann met Bob.': .*--pretokenized"):
        list(from_text("Ann met Bob.", [models[1], other], CaseStudy(models=())))
    options = CaseStudy(models=(), pretokenized=True)
    (case,) = from_text("Ann met Bob .", [models[1], other], options)
    assert len(case.read) == 2


def test_the_tags_are_those_of_the_models(models: list[Loaded]) -> None:
    (case,) = from_text("Ann met Bob.", models, CaseStudy(models=()))
    assert case.source.startswith("given; part-of-speech tags: ")
    assert not any(model.label in case.source for model in models)
    without = dataclasses.replace(
        models[1], vocabulary=dataclasses.replace(models[1].vocabulary, pos=())
    )
    (case,) = from_text("Ann met Bob.", [without], CaseStudy(models=()))
    assert case.source == "given"
    (case,) = from_text("Ann met Bob.", [models[0], without], CaseStudy(models=()))
    assert [model.label in case.source for model in models] == [True, False]


def test_a_name_is_not_taken_twice(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = Ledger(shutil.copytree(trained.runs, tmp_path / "runs"))
    name = trained.weights.parent.name
    first = CaseStudy(models=(name,), runs=ledger.root, sentence=("Ann met Bob.",), name="twice")
    other = dataclasses.replace(first, sentence=("Bob met Ann.",))
    for _ in range(2):  # the same again is no loss
        assert case_study(first, Console()) == 0
    capsys.readouterr()
    with pytest.raises(ValueError, match=r"--name twice: .*--replace"):
        case_study(other, Console())
    assert "Bob met Ann ." in capsys.readouterr().out
    assert read_cases(ledger, "twice")[0].words[0] == "Ann"
    assert case_study(dataclasses.replace(other, replace=True), Console()) == 0
    assert read_cases(ledger, "twice")[0].words[0] == "Bob"


def test_without_a_name_no_case_study_is_in_the_way(trained: Trained, tmp_path: Path) -> None:
    ledger = Ledger(shutil.copytree(trained.runs, tmp_path / "runs"))
    models = (trained.weights.parent.name,)
    for text in ("Ann met Bob.", "Bob met Ann.", "Ann met Bob."):  # the last one is known
        options = CaseStudy(models=models, runs=ledger.root, sentence=(text,))
        assert case_study(options, Console()) == 0
    names = ["sentences", "sentences-2"]
    assert [name for name in ledger.case_names() if name.startswith("sentences")] == names
    assert [read_cases(ledger, name)[0].words[0] for name in names] == ["Ann", "Bob"]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "table3"),
        ({"data": "demo"}, "table3"),
        ({"data": "demo", "find": 3}, "demo-find3"),
        ({"data": "/x/nyt.json", "test": (0, 4), "find": 1}, "nyt-test0-4-find1"),
        ({"sentence": ("Ann met Bob.",)}, "sentences"),
    ],
)
def test_a_name_says_what_is_shown(options: dict[str, Any], name: str) -> None:
    assert default_name(CaseStudy(models=(), **options)) == name
