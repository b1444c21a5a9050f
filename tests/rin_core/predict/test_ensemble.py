"""Several models as one: what more than half of them find, and which models cannot vote."""

from __future__ import annotations

import copy
import dataclasses
import sys
from collections import Counter

import pytest
import torch

from reports.frames.predictions import Answer
from reports.tables.endpoints import majority
from rin_core.data.corpus import Fact, Span, entity_place
from rin_core.data.readers.unannotated import unannotated
from rin_core.data.vocabulary import Vocabulary
from rin_core.model.rin import RIN
from rin_core.predict.decoded import Confidence, DecodedSentence, WordTriple
from rin_core.predict.ensemble import Ensemble
from rin_core.predict.extraction import Extraction, FoundEntity, Mention, mention
from rin_core.predict.loading import ModelError
from rin_core.predict.predictor import Predictor
from tests.conftest import Trained


@pytest.fixture(autouse=True)
def no_tagger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textblob.en", None)


def disturbed(predictor: Predictor, seed: int, *, noise: float = 0.15) -> Predictor:
    """Return a model that makes other mistakes."""
    model = copy.deepcopy(predictor.model)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            spread = noise * parameter.std() if parameter.numel() > 1 else noise
            parameter.add_(spread * torch.randn(parameter.shape, generator=generator))
    return Predictor(model, predictor.vocabulary, predictor.config)


@pytest.fixture(scope="module")
def members(trained: Trained) -> list[Predictor]:
    predictor = Predictor.load(trained.weights)
    return [predictor, *(disturbed(predictor, seed) for seed in range(4))]


def facts(found: Extraction, entity_word: str = "first") -> frozenset[Fact]:
    def word(place: Mention) -> int:
        return entity_place(Span(place.start, place.end), entity_word)[0]

    return frozenset((word(t.subject), t.relation, word(t.object)) for t in found.triples)


def spans(found: Extraction) -> set[tuple[int, int]]:
    return {(e.mention.start, e.mention.end) for e in found.entities}


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_the_vote_is_that_of_the_tables(
    members: list[Predictor], trained: Trained, count: int
) -> None:
    sentences = trained.corpus.test
    own = [member.predict(sentences) for member in members[:count]]
    ensemble = Ensemble(members[:count])
    found = ensemble.predict(sentences)
    answers = [[Answer(frozenset(), facts(x)) for x in by_model] for by_model in own]
    assert [facts(x) for x in found] == [answer.predicted for answer in majority(answers)]
    assert any(facts(x) != facts(y) for x, y in zip(found, own[0], strict=True))
    for x, votes in zip(found, zip(*own, strict=True), strict=True):
        entities = Counter(place for one in votes for place in spans(one))
        assert spans(x) == {place for place, n in entities.items() if n >= ensemble.majority}
        assert x.words == votes[0].words
        assert x.pos == votes[0].pos


def test_votes_and_probabilities_are_those_of_the_models(
    members: list[Predictor], trained: Trained
) -> None:
    sentences = trained.corpus.dev
    found = Ensemble(members).predict(sentences)
    own = [member.predict(sentences) for member in members]
    seen = set()
    for n, extraction in enumerate(found):
        for triple in extraction.triples:
            same = [
                t.probability
                for x in own
                for t in x[n].triples
                if (t.subject.start, t.relation, t.object.start)
                == (triple.subject.start, triple.relation, triple.object.start)
            ]
            assert triple.votes == len(same) >= 3
            assert triple.probability == pytest.approx(sum(same) / len(same))
            assert triple.to_json()["votes"] == triple.votes
            seen.add(triple.votes)
        for entity in extraction.entities:
            assert entity.votes is not None
            assert 3 <= entity.votes <= 5
    assert seen == {3, 4, 5}


def test_models_that_agree_find_what_one_finds(trained: Trained) -> None:
    predictor = Predictor.load(trained.weights)
    text = " ".join(trained.corpus.train[0].words)
    ensemble = Ensemble([predictor] * 2)
    (one,), (found,) = (
        predictor.predict(predictor.split(text)),
        ensemble.predict(ensemble.split(text)),
    )
    assert found.triples
    plain = dataclasses.replace(
        found,
        entities=tuple(dataclasses.replace(e, votes=None) for e in found.entities),
        triples=tuple(dataclasses.replace(t, votes=None) for t in found.triples),
    )
    assert plain == one
    assert "votes" not in str(one.to_json())


def test_each_round_is_voted(members: list[Predictor], trained: Trained) -> None:
    ensemble = Ensemble(members[:3])
    rounds = ensemble.predict_rounds(trained.corpus.dev)
    assert [own[-1] for own in rounds] == ensemble.predict(trained.corpus.dev)
    own = [member.predict_rounds(trained.corpus.dev) for member in members[:3]]
    votes = [[Answer(frozenset(), facts(x[0])) for x in by_model] for by_model in own]
    assert [facts(x[0]) for x in rounds] == [answer.predicted for answer in majority(votes)]


def test_rounds_of_models_with_other_rounds_are_refused(trained: Trained) -> None:
    predictor = Predictor.load(trained.weights)
    config = predictor.config.with_overrides({"model.rounds": 1})
    other = Predictor(RIN(config, predictor.vocabulary), predictor.vocabulary, config)
    ensemble = Ensemble([predictor, other])
    assert len(ensemble.predict(trained.corpus.dev[:2])) == 2
    with pytest.raises(ModelError, match="1 and 2 rounds cannot vote after each round: give"):
        ensemble.predict_rounds(trained.corpus.dev[:2])


def test_empty_sentences(members: list[Predictor]) -> None:
    (found,) = Ensemble(members).predict([unannotated(())])
    assert (found.words, found.entities, found.triples) == ((), (), ())


class TestTypes:
    """A vote of models with entity types, on findings written by hand."""

    SENTENCE = unannotated(("New", "York", "is", "in", "America"))

    def voted(self, predictor: Predictor, *found: DecodedSentence) -> Extraction:
        vocabulary = dataclasses.replace(predictor.vocabulary, entity_types=("CITY", "LAND"))
        config = predictor.config.with_overrides({"data.entity_types": True})
        member = Predictor(RIN(config, vocabulary), vocabulary, config)
        ensemble = Ensemble([member] * len(found))
        return member.extraction(self.SENTENCE, self.SENTENCE, ensemble._vote(found))

    def found(self, *entities: tuple[int, int, str], subject: int = 0) -> DecodedSentence:
        return DecodedSentence(
            entities=tuple(
                FoundEntity(mention(self.SENTENCE.words, start, end), 0.9, kind)
                for start, end, kind in entities
            ),
            triples={WordTriple(subject, self.relation, 4): Confidence(0.8)},
        )

    @pytest.fixture(autouse=True)
    def a_relation(self, trained: Trained) -> None:
        self.relation = Predictor.load(trained.weights).vocabulary.relations[0]

    def test_an_argument_is_the_elected_entity_that_its_word_is_in(
        self, members: list[Predictor]
    ) -> None:
        land = (4, 5, "LAND")
        found = self.voted(
            members[0],
            self.found((0, 2, "CITY"), land, subject=1),
            self.found((0, 2, "CITY"), land, subject=1),
            self.found((0, 1, "CITY"), land),
        )
        assert [(e.mention.text, e.type, e.votes) for e in found.entities] == [
            ("New York", "CITY", 2),
            ("America", "LAND", 3),
        ]
        assert [(t.subject.text, t.object.text, t.votes) for t in found.triples] == [
            ("New York", "America", 2)
        ]

    def test_a_triple_without_two_elected_entities_is_left_out(
        self, members: list[Predictor]
    ) -> None:
        land = (4, 5, "LAND")
        found = self.voted(
            members[0],
            self.found((0, 2, "CITY"), land),
            self.found((0, 2, "LAND"), land),
            self.found((0, 1, "CITY"), land),
        )
        assert [(e.mention.text, e.votes) for e in found.entities] == [("America", 3)]
        assert found.triples == ()


class TestWhoCannotVote:
    def other(self, predictor: Predictor, vocabulary: Vocabulary) -> Predictor:
        return Predictor(RIN(predictor.config, vocabulary), vocabulary, predictor.config)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"relations": ("no-such",)}, "only one of them was trained with the relation '"),
            ({"entity_types": ("CITY",)}, "only one .* with the entity type 'CITY'"),
            ({"tagger": "textblob"}, "only one .* part-of-speech tags from textblob"),
        ],
    )
    def test_models_of_another_corpus(
        self, members: list[Predictor], change: dict[str, object], message: str
    ) -> None:
        vocabulary = dataclasses.replace(members[0].vocabulary, **change)  # type: ignore[arg-type]
        with pytest.raises(ModelError, match=f"model 1 and model 3 cannot vote: {message}") as told:
            Ensemble([*members[:2], self.other(members[0], vocabulary)])
        assert str(told.value).endswith("; give models of one corpus")

    @pytest.mark.parametrize(
        ("setting", "value", "message"),
        [
            ("data.entity_word", "last", r"--model a and --model b .* is first for the first and"),
            ("data.entity_types", True, r"data\.entity_types is False for the first and True for"),
        ],
    )
    def test_settings_that_change_what_a_triple_is(
        self, members: list[Predictor], setting: str, value: object, message: str
    ) -> None:
        config = members[0].config.with_overrides({setting: value})
        other = Predictor(members[0].model, members[0].vocabulary, config)
        with pytest.raises(ModelError, match=message):
            Ensemble([members[0], other], ["--model a", "--model b"])

    def test_words_of_another_tokenizer(self, members: list[Predictor]) -> None:
        words = (*members[0].vocabulary.words[:2], "Oslo,", "Rome.", "it.")
        vocabulary = dataclasses.replace(members[0].vocabulary, words=words)
        with pytest.raises(ModelError, match="split into words at spaces alone"):
            Ensemble([members[0], self.other(members[0], vocabulary)])

    def test_a_model_given_twice(self, trained: Trained) -> None:
        again = trained.weights.parent / ".." / trained.weights.parent.name / trained.weights.name
        with pytest.raises(ModelError, match=r"^a and b are the same model: give it once$"):
            Ensemble.load([trained.weights, again], names=["a", "b"])
        with pytest.raises(ModelError, match="are the same model: give it once"):
            Ensemble.load([trained.weights, trained.weights])


@pytest.mark.parametrize("order", [1, -1])
def test_only_some_models_read_tags(members: list[Predictor], trained: Trained, order: int) -> None:
    vocabulary = dataclasses.replace(members[0].vocabulary, pos=(), usual_pos=())
    config = members[0].config
    torch.manual_seed(0)
    without = [Predictor(RIN(config, vocabulary), vocabulary, config)]
    mixed = [members[1], *without, members[2]][::order]
    ensemble = Ensemble(mixed)
    assert ensemble.takes_tags
    assert ensemble.tag_source == members[0].tag_source
    assert not without[0].takes_tags
    sentences = [
        *trained.corpus.dev[:20],
        *(dataclasses.replace(s, pos=None) for s in trained.corpus.dev[20:40]),
    ]
    own = [member.predict(sentences) for member in mixed]
    answers = [[Answer(frozenset(), facts(x)) for x in by_model] for by_model in own]
    found = ensemble.predict(sentences)
    assert [facts(x) for x in found] == [answer.predicted for answer in majority(answers)]
    assert [x.pos for x in found] == [x.pos for x in members[1].predict(sentences)]
