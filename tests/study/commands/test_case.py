"""Sentences followed round by round through a small trained model, and shown."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from reports.cases.page import render_page
from reports.cases.views import CaseView, read_cases
from reports.frames.predictions import read_counts
from reports.frames.trials import read_ledger
from reports.page.build import build
from reports.published.cases import PAPER_CASES
from reports.stats.tests import f1
from rin_core.config import Config
from rin_core.data.batches import make_batch
from rin_core.data.corpus import Span
from rin_core.data.demo import demo_corpus
from rin_core.data.encoding import encode_split
from rin_core.data.tags import decode_spans
from rin_core.errors import CheckpointError
from rin_core.predict.extraction import Extraction
from rin_core.predict.loading import load_model
from rin_core.predict.predictor import Predictor
from rin_core.predict.rounds import WORTH_SHOWING, trace
from rin_core.train.checkpoint import save_tensors
from rin_core.train.metrics import decode
from search_spaces import find_space
from study.commands import case as casestudy
from study.commands.arguments import CaseStudy, Record
from study.commands.case import (
    Loaded,
    distinct,
    find_refined,
    follow,
    from_paper,
    from_test,
    from_text,
    summary,
)
from study.commands.options import Options
from study.execution.trial import train_run
from study.ledger.corpus_schema import Cases
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger
from study.planning.corpora import record_corpora
from study.planning.grid import Plan, make_plan

pytestmark = pytest.mark.slow

SMALL: dict[str, object] = {
    "encoder.hidden_size": 32,
    "model.feature_size": 32,
    "training.max_epochs": 4,
    "training.learning_rate": 0.01,
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ledger, Plan]:
    """BiLSTM_s and RIN with two rounds on the demo corpus, trained for seconds."""
    ledger = Ledger(tmp_path_factory.mktemp("runs"))
    space = find_space("rounds_curve")
    plan = make_plan(
        space, ledger, ["demo"], arms=["bilstm-s", "gru-2"], seeds=[0], overrides=SMALL
    )
    (experiment,) = plan.experiments()
    ledger.record_study(experiment.record(Options(space=(space.name,)).record()))
    record_corpora(ledger, plan.data(), None)
    for planned in plan.trials:
        train_run(planned.trial.config, plan.corpora[planned.corpus_key], planned.run)
    return ledger, plan


@pytest.fixture(scope="module")
def models(study: tuple[Ledger, Plan]) -> list[Loaded]:
    ledger, plan = study
    return [casestudy.load(ledger, planned.run.fingerprint[:12]) for planned in plan.trials]


@pytest.fixture(scope="module")
def rin(models: list[Loaded]) -> Loaded:
    return models[1]


# --- the ledger alone suffices for reports ----------------------------------------------------


def test_recorded_predictions_give_the_recorded_scores(study: tuple[Ledger, Plan]) -> None:
    ledger, _ = study
    frame = read_ledger(ledger.root)
    counts = read_counts(ledger.root, frame)
    assert counts.problems == ()
    found = [float(f1(c.sum(axis=0))) for c in counts.by_fingerprint.values()]
    assert found == pytest.approx(list(100 * frame["test_f1"]))
    assert min(found) > 0


def test_a_corpus_is_recorded_once(study: tuple[Ledger, Plan]) -> None:
    ledger, plan = study
    (content,) = {corpus.content for corpus in plan.corpora.values()}
    path = ledger.corpus_path(content)
    before = path.stat().st_mtime_ns
    record_corpora(ledger, plan.data(), None)
    assert path.stat().st_mtime_ns == before
    assert len(json.loads(path.read_text())["test"]) == len(demo_corpus().test)


# --- a model from its weights -----------------------------------------------------------------


def test_a_loaded_model_predicts_what_the_trained_one_did(
    study: tuple[Ledger, Plan], rin: Loaded
) -> None:
    _, plan = study
    test = plan.corpora[plan.trials[1].corpus_key].test
    decoded = decode(rin.model, test, torch.device("cpu"))
    recorded = rin.run.predictions()
    assert recorded is not None
    assert decoded.triples_4N.T.tolist() == recorded.triples
    assert not rin.model.training
    assert rin.config == plan.trials[1].trial.config


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"config": {"model.no_such_field": 1}, "vocabulary": {}},
        {"config": {}, "vocabulary": {"words": []}},
    ],
)
def test_weights_that_are_no_model(tmp_path: Path, metadata: dict[str, object]) -> None:
    path = tmp_path / "weights.safetensors"
    save_tensors(path, {"w": torch.zeros(1)}, metadata)
    with pytest.raises(CheckpointError, match=r"weights\.safetensors: has no model that this"):
        load_model(path)


def test_models_of_one_arm_and_seed_are_told_apart(models: list[Loaded]) -> None:
    first, last = models[0], models[-1]
    assert first.label != last.label
    assert [model.label for model in distinct([first, last])] == [first.label, last.label]
    twin = replace(last, label=first.label)
    labels = [model.label for model in distinct([first, twin])]
    assert labels[0] == f"{first.label} ({first.run.fingerprint[:6]})"
    assert labels[1] == f"{first.label} ({last.run.fingerprint[:6]})"


def test_weights_of_another_shape(tmp_path: Path, rin: Loaded) -> None:
    path = tmp_path / "weights.safetensors"
    metadata = {
        "config": Config().override("model.feature_size", 7).flat(),
        "vocabulary": rin.vocabulary.to_json(),
    }
    save_tensors(path, rin.model.state_dict(), metadata)
    with pytest.raises(CheckpointError, match="has no model that this version can load"):
        load_model(path)


# --- the trace --------------------------------------------------------------------------------


def test_the_last_round_is_what_evaluation_finds(rin: Loaded) -> None:
    sentences = demo_corpus().test[:25]
    split = encode_split(sentences, rin.vocabulary, "first")
    decoded = decode(rin.model, split, torch.device("cpu"))
    spans = decode_spans(decoded.tags_NL)[:3].T.tolist()
    relations = rin.vocabulary.relations
    triples = [(n, i, relations[t], j) for n, i, t, j in decoded.triples_4N.T.tolist()]
    for n, sentence in enumerate(sentences):
        traced = trace(rin.model, rin.vocabulary, rin.config, sentence)
        said = {(t.subject, t.relation, t.object) for t in traced.triples if t.predicted}
        assert said == {rest for m, *rest_ in triples if m == n for rest in [tuple(rest_)]}
        ended = {(s.start, s.end) for s in traced.spans if s.predicted}
        assert ended == {(s, e) for m, s, e in spans if m == n}
    assert triples


def test_every_round_is_there(models: list[Loaded]) -> None:
    sentence = demo_corpus().test[0]
    for loaded, rounds in zip(models, (0, 2), strict=True):
        traced = trace(loaded.model, loaded.vocabulary, loaded.config, sentence)
        assert traced.rounds == rounds
        assert np.shape(traced.entity_words) == (rounds + 1, len(sentence.words))
        lengths = {len(t.probabilities or ()) for t in traced.triples}
        assert lengths | {len(s.decoded) for s in traced.spans} == {rounds + 1}
        assert all(max(t.probabilities or ()) >= WORTH_SHOWING for t in traced.triples)


def test_what_is_asked_for_is_followed(rin: Loaded) -> None:
    sentence = demo_corpus().test[0]
    known = rin.vocabulary.relations[0]
    facts = [(0, known, 0), (0, "no such relation", 1)]
    traced = trace(rin.model, rin.vocabulary, rin.config, sentence, facts, [Span(0, 3)])
    by_fact = {(t.subject, t.relation, t.object): t for t in traced.triples}
    assert len(by_fact[0, known, 0].probabilities or ()) == 3
    unknown = by_fact[0, "no such relation", 1]
    assert unknown.probabilities is None
    assert not unknown.predicted
    span = next(s for s in traced.spans if (s.start, s.end) == (0, 3))
    assert all(0 <= p <= 1 for p in span.probabilities)


def test_a_spans_probability_is_its_tags_product(rin: Loaded) -> None:
    sentence = demo_corpus().test[0]
    split = encode_split([sentence], rin.vocabulary, "first")
    with torch.inference_mode():
        batch = make_batch(split, np.zeros(1, np.int64), torch.device("cpu"))
        tags = torch.softmax(rin.model(batch).tags_BLT[0].double(), dim=-1)
    asked = [Span(0, 1), Span(0, 2), Span(1, 4)]
    traced = trace(rin.model, rin.vocabulary, rin.config, sentence, (), asked)
    found = {Span(s.start, s.end): s.probabilities[-1] for s in traced.spans}
    b, i, e, s = range(4)
    assert found[Span(0, 1)] == pytest.approx(float(tags[0, s]))
    assert found[Span(0, 2)] == pytest.approx(float(tags[0, b] * tags[1, e]))
    assert found[Span(1, 4)] == pytest.approx(float(tags[1, b] * tags[2, i] * tags[3, e]))


# --- cases ------------------------------------------------------------------------------------


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


@pytest.fixture(scope="module")
def recorded(study: tuple[Ledger, Plan], models: list[Loaded]) -> Path:
    ledger, _ = study
    corpus = demo_corpus()
    (number,) = find_refined(corpus.test, models, 1)
    found = from_test(corpus, number, "first", "chosen")
    given = CaseStudy(models=(), pretokenized=True)
    cases = [*from_paper(), *from_text("A <b>bold</b> & brewery", models, given), found]
    return ledger.record_cases("all", Cases(cases=[follow(case, models) for case in cases]))


def test_a_text_has_the_tags_that_a_predictor_gives_it(rin: Loaded) -> None:
    texts = [" ".join(s.words).replace(" .", ".") for s in demo_corpus().test[:40]]
    predictor = Predictor(rin.model, rin.vocabulary, rin.config)
    found: list[Extraction] = []
    for text in texts:
        (extraction,) = predictor.predict(predictor.split(text))
        found.append(extraction)
        (case,) = from_text(text, [rin], CaseStudy(models=()))
        traced = rin.trace(*case.read)
        assert extraction.pos is not None
        assert [s.probabilities[-1] for s in traced.spans if s.predicted] == pytest.approx(
            [e.probability for e in extraction.entities]
        )
        assert sorted(t.probabilities[-1] for t in traced.triples if t.predicted) == pytest.approx(
            sorted(t.probability for t in extraction.triples)
        )
    assert any(extraction.triples for extraction in found)


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


# --- the command ------------------------------------------------------------------------------


def test_command(study: tuple[Ledger, Plan], capsys: pytest.CaptureFixture[str]) -> None:
    ledger, plan = study
    names = tuple(planned.run.fingerprint for planned in plan.trials)
    options = CaseStudy(models=names, runs=ledger.root, data="demo", test=(1,), find=1, name="mine")
    assert options.run(Console()) == 0
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
        options.run(Console())


def test_a_model_that_is_not_there(study: tuple[Ledger, Plan]) -> None:
    ledger, _ = study
    with pytest.raises(ValueError, match="zzz: no such run in"):
        casestudy.load(ledger, "zzz")
    ledger.run("f00d").claim()
    with pytest.raises(LedgerError, match=r"f00d/weights\.safetensors: no weights"):
        casestudy.load(ledger, "f00d")


def test_corpora_are_recorded_by_a_command_of_their_own(tmp_path: Path) -> None:
    assert Record(data=("demo",), runs=tmp_path).run(Console()) == 0
    (path,) = (tmp_path / "corpora").glob("*.json")
    assert json.loads(path.read_text())["name"] == "demo"
