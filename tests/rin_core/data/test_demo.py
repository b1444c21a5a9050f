"""The embedded corpus has what it promises."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from rin_core.data.corpus import Corpus, Sentence, Span
from rin_core.data.demo import demo_corpus


@pytest.fixture(scope="module")
def demo() -> Corpus:
    return demo_corpus()


@pytest.fixture(scope="module")
def sentences(demo: Corpus) -> list[Sentence]:
    return [s for split in demo.splits().values() for s in split]


def surface(sentence: Sentence, span: Span) -> str:
    return " ".join(sentence.words[span.start : span.end])


def test_sizes(demo: Corpus, sentences: list[Sentence]) -> None:
    assert [len(s) for s in demo.splits().values()] == [1600, 200, 200]
    assert len({s.words for s in sentences}) == 2000
    assert 16 <= sum(len(s.words) for s in sentences) / 2000 <= 22


def test_the_seed_decides() -> None:
    assert demo_corpus(50, seed=3) == demo_corpus(50, seed=3)
    assert demo_corpus(50, seed=3).digest() != demo_corpus(50, seed=4).digest()


def test_every_size_fills_three_splits() -> None:
    for size in (10, 11, 57):
        lengths = [len(s) for s in demo_corpus(size).splits().values()]
        assert sum(lengths) == size
        assert lengths[1] == lengths[2] == size // 10
    with pytest.raises(ValueError, match="sentences = 9: must be at least 10"):
        demo_corpus(9)


def test_annotation_is_sound(sentences: list[Sentence]) -> None:
    for s in sentences:
        assert s.pos is not None
        assert len(s.pos) == len(s.words)
        assert all(0 <= e.start < e.end <= len(s.words) for e in s.entities)
        ends = [a.end <= b.start for a, b in zip(s.entities, s.entities[1:], strict=False)]
        assert all(ends), "entities overlap"
        assert {end for t in s.triples for end in (t.subject, t.object)} <= set(s.entities)
        assert all(t.subject != t.object for t in s.triples)
        assert len(set(s.triples)) == len(s.triples)
        assert len({surface(s, e) for e in s.entities}) == len(s.entities)
        assert not s.missing


def test_sentences_read_as_sentences(sentences: list[Sentence]) -> None:
    for s in sentences:
        text = " ".join(s.words)
        assert s.words[0][0].isupper()
        assert text.endswith(" .")
        assert not any(bad in text for bad in (" , ,", ", .", "'s the ", "YEAR", "DAY", "_"))
        assert not any(len(w) == 1 and w.isalpha() and w not in "aA" for w in s.words)


def test_relations_all_occur_and_some_are_rare(demo: Corpus) -> None:
    counts = {
        name: Counter(t.relation for s in split for t in s.triples)
        for name, split in demo.splits().items()
    }
    assert len(counts["train"]) == 12
    assert set(counts["train"]) == set(counts["dev"]) == set(counts["test"])
    assert max(counts["train"].values()) > 8 * min(counts["train"].values())


def test_overlapping_triples(sentences: list[Sentence]) -> None:
    shared_pair = sum(
        max(Counter(frozenset(t[::2]) for t in s.triples).values(), default=0) > 1
        for s in sentences
    )
    shared_entity = sum(
        max(Counter(e for t in s.triples for e in t[::2]).values(), default=0) > 1
        for s in sentences
    )
    assert shared_pair > 100
    assert shared_entity > 600


def test_sentences_without_triples_and_entities_without_relation(
    sentences: list[Sentence],
) -> None:
    assert 0.05 < sum(not s.triples for s in sentences) / len(sentences) < 0.2
    idle = [set(s.entities) - {e for t in s.triples for e in t[::2]} for s in sentences]
    assert sum(map(bool, idle)) > 600


def test_entities_of_several_words_and_repeated_words(sentences: list[Sentence]) -> None:
    spans = [e for s in sentences for e in s.entities]
    assert 0.4 < sum(e.end - e.start > 1 for e in spans) / len(spans) < 0.9
    repeated = 0
    for s in sentences:
        names = Counter(w for e in s.entities for w in s.words[e.start : e.end] if w[0].isupper())
        repeated += max(names.values()) > 1
    assert repeated > 200


def test_a_name_can_be_of_several_types(sentences: list[Sentence]) -> None:
    """Types show in which end of which relation a name takes."""
    people, places = set(), set()
    for s in sentences:
        for t in s.triples:
            if t.relation in {"birthPlace", "residence"}:
                people.add(surface(s, t.subject))
                places.add(surface(s, t.object))
    assert len(people & places) >= 5


def test_the_same_words_between_two_names_mean_several_relations(
    sentences: list[Sentence],
) -> None:
    meanings: dict[str, set[str]] = defaultdict(set)
    for s in sentences:
        for t in s.triples:
            first, second = sorted((t.subject, t.object))
            between = " ".join(s.words[first.end : second.start])
            meanings[between].add(t.relation)
    for words, relations in {
        "of": {"employer", "residence", "base"},
        "in": {"base", "country"},
        "by": {"author", "director"},
        "took over": {"leader", "owner"},
        "'s": {"base", "country", "owner"},
    }.items():
        assert meanings[words] >= relations, words


def test_direction_depends_on_the_wording(sentences: list[Sentence]) -> None:
    for relation in ("author", "director", "founder", "leader", "owner"):
        forward = [
            t.subject < t.object for s in sentences for t in s.triples if t.relation == relation
        ]
        assert 0.25 < sum(forward) / len(forward) < 0.75, relation


def test_dev_has_words_and_names_that_train_has_not(demo: Corpus) -> None:
    words = {w for s in demo.train for w in s.words}
    names = {surface(s, e) for s in demo.train for e in s.entities}
    assert len({w for s in demo.dev for w in s.words} - words) > 10
    unseen = [surface(s, e) not in names for s in demo.dev for e in s.entities]
    assert sum(unseen) > 0.3 * len(unseen)
