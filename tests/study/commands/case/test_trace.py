"""Models from a ledger, and sentences followed through them round by round."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from reports.frames.predictions import read_counts
from reports.frames.trials import read_ledger
from reports.stats.tests import f1
from rin_core.data.batches import make_batch
from rin_core.data.corpus import Span
from rin_core.data.demo import demo_corpus
from rin_core.data.encoding import encode_split
from rin_core.data.tags import decode_spans
from rin_core.predict.extraction import Extraction
from rin_core.predict.predictor import Predictor
from rin_core.predict.rounds import WORTH_SHOWING, trace
from rin_core.train.metrics import decode
from study.commands.arguments import CaseStudy
from study.commands.case.models import Loaded, distinct
from study.commands.case.sentences import from_text
from study.ledger.ledger import Ledger
from study.planning.corpora import record_corpora
from study.planning.grid import Plan

pytestmark = pytest.mark.slow


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


def test_models_of_one_arm_and_seed_are_told_apart(models: list[Loaded]) -> None:
    first, last = models[0], models[-1]
    assert first.label != last.label
    assert [model.label for model in distinct([first, last])] == [first.label, last.label]
    twin = replace(last, label=first.label)
    labels = [model.label for model in distinct([first, twin])]
    assert labels[0] == f"{first.label} ({first.run.fingerprint[:6]})"
    assert labels[1] == f"{first.label} ({last.run.fingerprint[:6]})"


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


def test_a_text_has_the_tags_that_a_predictor_gives_it(rin: Loaded) -> None:
    texts = [" ".join(s.words).replace(" .", ".") for s in demo_corpus().test[:40]]
    predictor = Predictor(rin.model, rin.vocabulary, rin.config)
    found: list[Extraction] = []
    for text in texts:
        (extraction,) = predictor.predict(predictor.split(text))
        found.append(extraction)
        (case,) = from_text(text, [rin], CaseStudy(models=()))
        (as_read,) = case.read
        traced = rin.trace(as_read)
        assert extraction.pos is not None
        assert [s.probabilities[-1] for s in traced.spans if s.predicted] == pytest.approx(
            [e.probability for e in extraction.entities]
        )
        triples = [t.probabilities for t in traced.triples if t.predicted]
        assert None not in triples
        assert sorted(p[-1] for p in triples if p is not None) == pytest.approx(
            sorted(t.probability for t in extraction.triples)
        )
    assert any(extraction.triples for extraction in found)
