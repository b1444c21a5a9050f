"""A trained model at work: as evaluation found, whatever the batch, for any text."""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from rin_core.config import Config
from rin_core.data.batches import make_batch
from rin_core.data.corpus import Sentence, Span, entity_place
from rin_core.data.encoding import corpus_vocabulary, encode_corpus, encode_split
from rin_core.data.pretrained import load_pretrained
from rin_core.data.readers.unannotated import unannotated
from rin_core.data.tags import TAGS, decode_spans
from rin_core.data.vocabulary import Vocabulary
from rin_core.layout import WEIGHTS
from rin_core.model.heads import FactoredScores
from rin_core.model.rin import RIN, Prediction
from rin_core.predict.extraction import Extraction
from rin_core.predict.predictor import Predictor
from rin_core.train.loop import train
from rin_core.train.metrics import Decoded, decode, score
from tests.conftest import Trained
from tests.rin_core.data.test_tagging import install_tagger
from tests.trainings import padded_tags


@pytest.fixture(scope="module")
def predictor(trained: Trained) -> Predictor:
    return Predictor.load(trained.weights)


@pytest.fixture(autouse=True)
def no_tagger(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tagger that happens to be installed must not decide what a test sees."""
    monkeypatch.setitem(sys.modules, "textblob.en", None)


EntityWord = Literal["first", "last"]


def triple_rows(
    found: list[Extraction], vocabulary: Vocabulary, entity_word: EntityWord
) -> set[tuple[int, ...]]:
    def word(start: int, end: int) -> int:
        return entity_place(Span(start, end), entity_word)[0]

    return {
        (
            n,
            word(t.subject.start, t.subject.end),
            vocabulary.relation_ids[t.relation],
            word(t.object.start, t.object.end),
        )
        for n, extraction in enumerate(found)
        for t in extraction.triples
    }


def span_rows(found: list[Extraction]) -> set[tuple[int, ...]]:
    return {(n, e.mention.start, e.mention.end) for n, x in enumerate(found) for e in x.entities}


def columns(table: np.ndarray) -> set[tuple[int, ...]]:
    return set(map(tuple, table.T.tolist()))


class TestAsEvaluationFound:
    @pytest.mark.parametrize("split", ["train", "dev", "test"])
    def test_triples_and_entities(self, predictor: Predictor, trained: Trained, split: str) -> None:
        decoded = decode(predictor.model, getattr(trained.encoded, split), torch.device("cpu"))
        found = predictor.predict(getattr(trained.corpus, split))
        rows = triple_rows(found, predictor.vocabulary, "first")
        assert rows == columns(decoded.triples_4N)
        assert len(rows) == sum(len(x.triples) for x in found) > 10
        assert span_rows(found) == columns(decode_spans(decoded.tags_NL)[:3])

    def test_the_recorded_scores_come_back(self, predictor: Predictor, trained: Trained) -> None:
        """Score what was predicted, read off the extractions alone."""
        found = predictor.predict(trained.corpus.test)
        split = trained.encoded.test
        rows = sorted(triple_rows(found, predictor.vocabulary, "first"))
        said = encode_split(
            [
                Sentence(
                    words=x.words,
                    pos=None,
                    entities=tuple(Span(e.mention.start, e.mention.end) for e in x.entities),
                    triples=(),
                )
                for x in found
            ],
            predictor.vocabulary,
            "first",
        )
        decoded = Decoded(np.array(rows).T, padded_tags(said))
        assert score(decoded, split, "first").flat() == trained.result.test_scores
        assert 0 < trained.result.test_scores["f1"] < 1
        assert 0 < trained.result.test_scores["exact_f1"] < trained.result.test_scores["f1"]

    def test_rounds_end_in_the_answer(self, predictor: Predictor, trained: Trained) -> None:
        sentences = trained.corpus.dev
        rounds = predictor.predict_rounds(sentences)
        assert {len(each) for each in rounds} == {3}
        assert [each[-1] for each in rounds] == predictor.predict(sentences)
        assert any(each[0].triples != each[-1].triples for each in rounds)


@pytest.mark.parametrize("threshold", [0.2, 0.8])
def test_a_threshold_finds_the_triples_with_this_probability(
    predictor: Predictor, trained: Trained, threshold: float
) -> None:
    sentences = trained.corpus.test
    found = Predictor.load(trained.weights, threshold=threshold).predict(sentences)
    lowest = Predictor.load(trained.weights, threshold=0.01).predict(sentences)
    rows = triple_rows(found, predictor.vocabulary, "first")
    likely = [
        dataclasses.replace(x, triples=tuple(t for t in x.triples if t.probability >= threshold))
        for x in lowest
    ]
    assert rows == triple_rows(likely, predictor.vocabulary, "first")
    usual = triple_rows(predictor.predict(sentences), predictor.vocabulary, "first")
    assert rows > usual if threshold < 0.5 else rows < usual


@pytest.mark.parametrize("threshold", [0.0, 1.0, -1.0, float("nan")])
def test_a_threshold_is_a_probability(trained: Trained, threshold: float) -> None:
    with pytest.raises(ValueError, match=f"threshold {threshold}: must be between 0 and 1"):
        Predictor.load(trained.weights, threshold=threshold)


OTHER_MODELS: dict[str, dict[str, object]] = {
    "concat": {"model.scorer": "concat"},
    "biaffine": {"model.scorer": "biaffine"},
    "camera-ready": {"model.architecture": "camera_ready", "model.scorer": "concat"},
    "linear": {"model.cell": "linear"},
    "no rounds": {"model.rounds": 0},
    "no tags": {"data.pos": "off"},
    "transformer": {"encoder.kind": "transformer"},
}


class TestEveryModel:
    """What is not the paper's GRU: after an epoch, and a bias of 0, there are triples enough."""

    @pytest.mark.parametrize("name", OTHER_MODELS)
    def test_as_evaluation_finds(
        self, name: str, trained: Trained, tiny_bert: Path, tmp_path: Path
    ) -> None:
        small: dict[str, object] = {
            "encoder.hidden_size": 16,
            "model.feature_size": 16,
            "training.max_epochs": 1,
        }
        changes = small | {"model.relation_bias": 0.0} | OTHER_MODELS[name]
        if name == "transformer":
            changes["encoder.model"] = str(tiny_bert)
        config = Config().with_overrides(changes)
        corpus = dataclasses.replace(trained.corpus, test=trained.corpus.test[:20])
        pretrained = load_pretrained(str(tiny_bert), 40) if name == "transformer" else None
        vocabulary = corpus_vocabulary(corpus, config.data)
        encoded = encode_corpus(corpus, config.data, None, vocabulary, pretrained)
        wanted = train(config, encoded, directory=tmp_path).test_decoded
        predictor = Predictor.load(tmp_path / WEIGHTS)
        found = predictor.predict(corpus.test)
        assert triple_rows(found, vocabulary, "first") == columns(wanted.triples_4N)
        assert wanted.triples_4N.shape[1] > 20
        assert all(t.probability > 0.499 for x in found for t in x.triples)
        has_tags = name not in ("no tags", "transformer")
        assert all((x.pos is not None) == has_tags for x in found)


class TestProbabilities:
    def test_of_triples_are_those_of_the_grid(self, predictor: Predictor, trained: Trained) -> None:
        sentence = next(s for s in trained.corpus.train if predictor.predict([s])[0].triples)
        (found,) = predictor.predict([sentence])
        grid_LLR = torch.sigmoid(refined(predictor, sentence).scores.logits()[0])
        for triple in found.triples:
            i, j = triple.subject.start, triple.object.start
            t = predictor.vocabulary.relation_ids[triple.relation]
            assert triple.probability == pytest.approx(grid_LLR[i, j, t].item(), abs=1e-6)
            assert triple.probability >= 0.5

    def test_of_entities_are_products(self, predictor: Predictor, trained: Trained) -> None:
        lengths = set()
        for sentence in trained.corpus.train[:30]:
            (found,) = predictor.predict([sentence])
            tags_LT = torch.softmax(refined(predictor, sentence).tags_BLT[0].double(), -1)
            for entity in found.entities:
                start, end = entity.mention.start, entity.mention.end
                wanted = tags_LT[start:end].amax(-1).prod().item()
                assert entity.probability == pytest.approx(wanted)
                lengths.add(end - start)
        assert {1, 2} <= lengths


def refined(predictor: Predictor, sentence: Sentence) -> Prediction:
    split = encode_split([sentence], predictor.vocabulary, "first")
    with torch.inference_mode():
        prediction: Prediction = predictor.model(
            make_batch(split, np.array([0]), torch.device("cpu"))
        )
    return prediction


class TestArguments:
    """Which words an argument is shown with, on scores and tags written by hand."""

    SENTENCE = unannotated(("New", "York", "is", "in", "America"))

    def extraction(self, predictor: Predictor, entity_word: EntityWord, tags: str) -> Extraction:
        """Relate words 0 and 1, each with word 4."""
        subject, object_ = torch.full((2, 1, 1, 5), -9.0)
        subject[0, 0, :2], object_[0, 0, 4] = 3, 8
        R = len(predictor.vocabulary.relations)
        none = torch.full((R - 1, 1, 5), -9.0)
        scores = FactoredScores(
            torch.cat([subject, none]), torch.cat([object_, none]), torch.tensor([5]), None
        )
        logits = torch.tensor([[[9.0 * (tag == name) for name in TAGS] for tag in tags]])
        data = dataclasses.replace(predictor.config.data, entity_word=entity_word)
        config = dataclasses.replace(predictor.config, data=data)
        other = Predictor(predictor.model, predictor.vocabulary, config)
        (found,) = other._decode([self.SENTENCE], Prediction(scores, logits))
        return other.extraction(self.SENTENCE, self.SENTENCE, found)

    @pytest.mark.parametrize(
        ("entity_word", "tags", "subjects"),
        [
            ("first", "BEOOS", ["New York", "York"]),
            ("last", "BEOOS", ["New", "New York"]),
            ("first", "OOOOS", ["New", "York"]),
            ("first", "BIIOS", ["New", "York"]),
            ("first", "SSOOO", ["New", "York"]),
        ],
    )
    def test_the_entity_its_word_stands_for_or_else_the_word(
        self, predictor: Predictor, entity_word: EntityWord, tags: str, subjects: list[str]
    ) -> None:
        found = self.extraction(predictor, entity_word, tags)
        assert sorted(t.subject.text for t in found.triples) == sorted(subjects)
        assert {(t.object.start, t.object.end, t.object.text) for t in found.triples} == {
            (4, 5, "America")
        }


class TestAnyText:
    def test_order_and_batches_make_no_difference(
        self, predictor: Predictor, trained: Trained
    ) -> None:
        sentences = [*trained.corpus.train[:40], *trained.corpus.test[:40], unannotated(())]
        alone = [predictor.predict([s])[0] for s in sentences]
        for batch_tokens in (1, 50, 700, 10**6):
            assert_alike(predictor.predict(sentences, batch_tokens=batch_tokens), alone)
        assert_alike(predictor.predict(sentences[::-1])[::-1], alone)

    def test_thousands_keep_their_order(self, predictor: Predictor, trained: Trained) -> None:
        sentences = list(itertools.islice(itertools.cycle(trained.corpus.test), 3000))
        found = predictor.predict(sentences)
        assert [x.words for x in found] == [s.words for s in sentences]
        period = len(trained.corpus.test)
        assert_alike(found[period:], found[:-period])

    def test_raw_text_is_split_as_the_corpora_are(
        self, predictor: Predictor, trained: Trained
    ) -> None:
        sentence = trained.corpus.train[0]
        raw = " ".join(sentence.words).replace(" .", ".").replace(" ,", ",")
        bare = dataclasses.replace(sentence, pos=None)
        (found,) = predictor.predict(predictor.split(raw))
        (wanted,) = predictor.predict([bare])
        assert (found.words, found.pos) == (wanted.words, wanted.pos)
        assert probabilities(found) == probabilities(wanted)
        assert [e.mention.start for e in found.entities] == [
            e.mention.start for e in wanted.entities
        ]

    @pytest.mark.parametrize(
        "text",
        [
            "Zoë founded 東 京 🎉 👩‍👩‍👧 .",
            "xyzzy plugh",
            "pad unk",
            "\u202eabc",
            "a" * 5000,
            ".",
        ],
    )
    def test_unknown_words(self, predictor: Predictor, text: str) -> None:
        (found,) = predictor.predict(predictor.split(text))
        assert " ".join(found.words) == text
        json.dumps(found.to_json(), allow_nan=False)

    def test_a_blank_text_has_no_sentences(self, predictor: Predictor) -> None:
        assert predictor.split("") == predictor.split(" \n\t") == ()

    @pytest.mark.parametrize("empty", [unannotated(()), unannotated((), ())])
    def test_no_words_no_triples(self, predictor: Predictor, empty: Sentence) -> None:
        found = predictor.predict([*predictor.split("Ann met Bob ."), empty])[1]
        assert (found.words, found.entities, found.triples) == ((), (), ())
        assert predictor.predict_rounds([empty])[0] == (found,) * 3

    def test_no_sentences(self, predictor: Predictor) -> None:
        assert predictor.predict([]) == []
        assert predictor.predict_rounds([]) == []

    def test_a_very_long_sentence(self, predictor: Predictor, trained: Trained) -> None:
        """Longer than a batch, beside short ones; its first words have entities all the same."""
        words = tuple(itertools.chain.from_iterable(s.words for s in trained.corpus.train))
        long = unannotated(words * 6)
        assert len(long.words) > 3000
        short = trained.corpus.train[0]
        found = predictor.predict([short, long, short])
        assert found[1].words == long.words
        assert len(found[1].entities) > 200
        assert_alike(found[:1] + found[2:], predictor.predict([short, short]))


def assert_alike(found: list[Extraction], wanted: list[Extraction]) -> None:
    """The same but for the rounding of probabilities."""
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        assert (a.words, a.pos) == (b.words, b.pos)
        assert [e.mention for e in a.entities] == [e.mention for e in b.entities]
        assert [(t.subject, t.relation, t.object) for t in a.triples] == [
            (t.subject, t.relation, t.object) for t in b.triples
        ]
        assert probabilities(a) == pytest.approx(probabilities(b), abs=1e-5)


def probabilities(extraction: Extraction) -> list[float]:
    entities = [entity.probability for entity in extraction.entities]
    return entities + [triple.probability for triple in extraction.triples]


class TestTags:
    WORDS = ("Ann", "met", "Bob", ".")

    def test_given_tags_are_used(self, predictor: Predictor) -> None:
        tags = ("NNP", "VBD", "NNP", ".")
        assert predictor.predict([unannotated(self.WORDS, tags)])[0].pos == tags

    def test_usual_tags_where_no_tagger_is_installed(self, trained: Trained) -> None:
        predictor = Predictor.load(trained.weights)
        assert predictor.tag_source == "usual"
        (found,) = predictor.predict([unannotated(self.WORDS)])
        assert found.pos == predictor.vocabulary.usual_tags(self.WORDS) == (
            "NNP", "VBD", "NNP", ".",
        )  # fmt: skip
        assert found == predictor.predict([unannotated(self.WORDS, found.pos)])[0]

    def test_the_tagger_that_tagged_the_training_split(
        self, trained: Trained, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        install_tagger(monkeypatch, lambda _: "VBD")
        new = Predictor.load(trained.weights)
        assert new.tag_source == "usual", "the corpus had tags of its own"
        vocabulary = dataclasses.replace(new.vocabulary, tagger="textblob")
        predictor = Predictor(new.model, vocabulary, new.config)
        assert predictor.tag_source == "textblob"
        own = ("NNP", "VBD", "NNP", ".")
        found = predictor.predict(
            [unannotated(self.WORDS), unannotated(self.WORDS, own), unannotated(())]
        )
        assert [x.pos for x in found] == [("VBD",) * 4, own, None]

    def test_a_model_that_predates_usual_tags_gets_none(self, trained: Trained) -> None:
        new = Predictor.load(trained.weights)
        vocabulary = dataclasses.replace(new.vocabulary, usual_pos=())
        old = Predictor(new.model, vocabulary, new.config)
        assert old.tag_source == "none"
        assert old.predict([unannotated(self.WORDS)])[0].pos is None

    def test_a_model_without_tags_ignores_them(self, trained: Trained) -> None:
        new = Predictor.load(trained.weights)
        vocabulary = dataclasses.replace(new.vocabulary, pos=(), usual_pos=())
        plain = Predictor(RIN(new.config, vocabulary), vocabulary, new.config)
        assert plain.tag_source is None
        tagged, bare = (unannotated(self.WORDS, pos) for pos in (("X",) * 4, None))
        assert plain.predict([tagged]) == plain.predict([bare])
        assert plain.predict([tagged])[0].pos is None
