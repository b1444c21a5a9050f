"""Cases: which sentences they are of, how they are shown, and the command that makes them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.console import Console

from reports.cases.page import render_page
from reports.cases.views import CaseView, read_cases
from reports.page.build import build
from reports.published.cases import PAPER_CASES
from rin_core.data.demo import demo_corpus
from study.commands.arguments import CaseStudy
from study.commands.case.command import run as case_study
from study.commands.case.command import summary
from study.commands.case.models import Loaded, load
from study.commands.case.sentences import find_refined, from_test
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger
from study.planning.grid import Plan

pytestmark = pytest.mark.slow


def test_found_sentences_are_right_by_the_last_model_alone(models: list[Loaded]) -> None:
    corpus = demo_corpus()
    numbers = find_refined(corpus.test, models, 2)
    assert len(numbers) == 2
    for number in numbers:
        case = from_test(corpus, number, "first", "")
        assert case.gold is not None
        first, last = (
            {
                (t.subject, t.relation, t.object)
                for t in m.trace(case.sentence).triples
                if t.predicted
            }
            for m in models
        )
        assert last == set(case.gold.triples) != first


def test_the_papers_cases() -> None:
    for case in PAPER_CASES:
        assert len(case.words) == len(case.pos)
    one, two = PAPER_CASES
    assert [one.words[i] for i, _, _ in one.gold.triples] == ["Europe", "Europe"]
    assert [one.words[j] for _, _, j in one.gold.triples] == ["Denmark", "Norway"]
    baseline, rin = one.models
    assert (len(baseline.triples), rin.triples) == (1, one.gold.triples)
    assert [" ".join(two.words[s:e]) for s, e in two.models[0].entities] == ["Texas", "New York"]


def cases_of(path: Path) -> list[CaseView]:
    """Read a file of a ledger's folder of cases."""
    return read_cases(Ledger(path.parents[1]), path.stem)


def test_views_lay_models_side_by_side(recorded: Path, models: list[Loaded]) -> None:
    one, _, raw, found = cases_of(recorded)
    assert one.published == ("BiLSTM_s", "RIN")
    contains = next(line for line in one.triples if "Norway" in line.text and line.gold)
    assert contains.text == "(Europe, /location/location/contains, Norway)"
    assert contains.published == (False, True)
    assert [rounds.probabilities for rounds in contains.models] == [None, None]
    assert (raw.gold_known, {line.gold for line in raw.triples} <= {None}) == (False, True)
    assert found.gold_arguments == found.models[1].arguments
    for line in (*found.triples, *found.entities):
        assert [len(rounds.predicted) for rounds in line.models] == [1, 3]
    right = [line for line in found.triples if line.gold]
    assert all(line.models[1].predicted[-1] for line in right)


def test_the_page_is_one_safe_file(recorded: Path) -> None:
    page = render_page(cases_of(recorded))
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "prefers-color-scheme: dark" in page
    assert not any(text in page for text in ("<script", "http://", "https://", "@import", "url("))
    assert "relation unknown to the model" in page
    assert "[Europe*]" in re.sub(r"<[^>]*>", "", page), "entities are seen without colours"
    assert page == render_page(cases_of(recorded))


def test_the_summary_has_the_triples_of_every_round(recorded: Path, models: list[Loaded]) -> None:
    one, _, raw, found = cases_of(recorded)
    lines = dict(line.strip().rsplit(": ", 1) for line in summary(one).splitlines()[2:])
    assert lines["paper's RIN"] == lines["gold"]
    assert "(Europe, /location/location/contains, Norway)" in lines["gold"]
    assert lines["paper's BiLSTM_s"].count("(") == 1
    assert "A <b>bold</b> & brewery" in summary(raw)
    assert "gold" not in summary(raw)
    lines = dict(line.strip().rsplit(": ", 1) for line in summary(found).splitlines()[2:])
    rounds = [f"{models[0].label}, k = 0", *(f"{models[1].label}, k = {k}" for k in range(3))]
    assert list(lines) == ["gold", *rounds]
    assert lines[rounds[-1]] == lines["gold"] != lines[rounds[0]]
    wrong = [row for row in found.triples if row.models[0].predicted[0] and not row.gold]
    assert lines[rounds[0]].count("✗") == len(wrong)


def test_build_makes_the_page_again(recorded: Path, tmp_path: Path) -> None:
    made = build(recorded.parents[1], tmp_path)
    assert not any(path.suffix == ".html" for path in made.reports[0].paths)
    page = next(path for path in made.pages if path.suffix == ".html")
    assert page.relative_to(tmp_path) == Path("cases/all.html")
    assert page.read_text() == render_page(cases_of(recorded))


@pytest.mark.parametrize("content", ["{", "[]", '{"cases": [{}]}'])
def test_a_damaged_record_names_the_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "cases" / "x.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(LedgerError, match=r"x.*damaged record"):
        cases_of(path)


def test_command(study: tuple[Ledger, Plan], capsys: pytest.CaptureFixture[str]) -> None:
    ledger, plan = study
    names = tuple(planned.run.fingerprint for planned in plan.trials)
    options = CaseStudy(models=names, runs=ledger.root, data="demo", test=(1,), find=1, name="mine")
    assert case_study(options, Console()) == 0
    said = capsys.readouterr().out
    assert "Test sentence 1 (demo; chosen by index)" in said
    assert "BiLSTM_s, seed 0" in said
    assert (ledger.root / "reports" / "cases" / "mine.html").exists()
    assert len(read_cases(ledger, "mine")) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test": (1,)}, "--data: must name a corpus"),
        ({"name": "../mine"}, "--name '../mine': must be a name without folders"),
        ({"name": ""}, "--name '': must be a name"),
        ({"data": "demo", "find": -1}, "--find -1: must be 0 or more"),
        ({"data": "demo", "find": 1}, "--find 1: requires two models"),
        ({"data": "demo", "test": (200,)}, "--test 200: must be 0 to 199 for demo"),
        ({"sentence": (" ",)}, "--sentence ' ': has no words"),
        ({"sentence": ("A.", "a " * 501)}, "Sentence 2: has 501 words, expected at most 500"),
    ],
)
def test_misuse_is_told(
    study: tuple[Ledger, Plan], change: dict[str, object], message: str
) -> None:
    ledger, plan = study
    options = CaseStudy(models=(plan.trials[0].run.fingerprint,), runs=ledger.root, **change)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        case_study(options, Console())


def test_a_model_that_is_not_there(study: tuple[Ledger, Plan]) -> None:
    ledger, _ = study
    with pytest.raises(ValueError, match="zzz: no such run in"):
        load(ledger, "zzz")
    ledger.run("f00d").claim()
    with pytest.raises(LedgerError, match=r"f00d/weights\.safetensors: no weights"):
        load(ledger, "f00d")
