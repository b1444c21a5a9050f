"""What looks wrong in a corpus is found, with the number, and nothing is found in a good one."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

from rin_core.data.corpus import Corpus, Finding, Sentence, Span, Triple
from rin_core.data.demo import demo_corpus
from rin_core.data.findings import findings_of, missing_findings, vector_findings
from rin_core.data.span_findings import shifted_spans, untagged
from rin_core.data.vectors import WordVectors
from rin_core.data.vocabulary import build_vocabulary

DEMO = demo_corpus()


def sentence(text: str, *relations: str, types: tuple[str, ...] = ()) -> Sentence:
    """Return a sentence with relations from its first to its second word."""
    ends = (Span(0, 1), Span(1, 2))
    return Sentence(
        words=tuple(text.split()),
        pos=None,
        entities=ends,
        triples=tuple(Triple(ends[0], relation, ends[1]) for relation in relations),
        types=types,
    )


def sentences(count: int, start: int, *relations: str) -> tuple[Sentence, ...]:
    return tuple(sentence(f"a b {k}", *relations) for k in range(start, start + count))


TRAIN = sentences(500, 0, "r", "q")
DEV = sentences(50, 1000, "r", "q")
TEST = sentences(50, 2000, "r", "q")


def corpus(
    train: tuple[Sentence, ...] = TRAIN,
    dev: tuple[Sentence, ...] = DEV,
    test: tuple[Sentence, ...] = TEST,
) -> Corpus:
    """Return a corpus without findings, but for the given splits."""
    return Corpus(name="x", train=train, dev=dev, test=test)


def found(made: Corpus) -> dict[tuple[str, str], int]:
    """Return the counts by code and split."""
    return {(finding.code, finding.split): finding.count for finding in findings_of(made)}


def with_span(text: str, *spans: tuple[int, int]) -> Sentence:
    spans_of = tuple(Span(*span) for span in spans)
    return Sentence(words=tuple(text.split()), pos=None, entities=spans_of, triples=())


GOOD = corpus()
MISSING = Sentence(
    words=("Anna", "met", "Bob."),
    pos=None,
    entities=(),
    triples=(),
    missing=(("Anna", "met", "Bob"), ("Ann", "met", "Eve")),
    missing_entities=("Bob", "Ann", "Eve"),
)
EXPECTED = {
    "arguments": (
        {"dev": (*GOOD.dev, MISSING)},
        {("argument-inside-word", "dev"): 1, ("argument-not-found", "dev"): 1}
        | {("relations-not-in-train", "dev"): 2},
    ),
    "repeated in train": (
        {"train": GOOD.train * 2},
        {("repeated-sentences", "train"): 500},
    ),
    "dev equal to train": (
        {"dev": GOOD.train, "train": GOOD.train},
        {("split-equals-train", "dev"): 500},
    ),
    "dev equal to train in another order": (
        {"dev": GOOD.train[::-1]},
        {("split-equals-train", "dev"): 500},
    ),
    "shared with train but for capitals and marks": (
        {"test": (*GOOD.test, sentence("A B 1", "r"), sentence("a b 2 !", "r"))},
        {("sentences-in-train", "test"): 2},
    ),
    "HTML": (
        {
            "train": (
                *GOOD.train,
                *map(sentence, ("AT &amp; T", "< b > a", "x < b", "R&D b ;", "a b &quot ;")),
            )
        },
        {("html-in-text", ""): 3},
    ),
    "another encoding": (
        {"dev": (*GOOD.dev, *map(sentence, ("Ã©tÃ© ici", "été ici", "â€“ a", "ÄŸ a", "20 Â°C")))},
        {("wrong-encoding", ""): 4},
    ),
    "lost and invisible characters": (
        {"dev": (*GOOD.dev, *map(sentence, ("M\ufffd a", "a\u200bb c", "Ne\u00adwYork a")))},
        {("replacement-characters", ""): 1, ("invisible-characters", ""): 2},
    ),
    "a run without entities": (
        {"train": (*GOOD.train, *(with_span(f"c {k}") for k in range(10)))},
        {("unlabelled-run", "train"): 10},
    ),
    "sentences without entities among others": (
        {"train": tuple(x for k, s in enumerate(GOOD.train) for x in (s, with_span(f"c {k}")))},
        {("unlabelled-sentences", ""): 500},
    ),
    "shared with train": (
        {"test": (*GOOD.test, *GOOD.train[:2])},
        {("sentences-in-train", "test"): 2},
    ),
    "test shared with dev": (
        {"test": (*GOOD.test, *GOOD.dev[:3])},
        {("sentences-in-dev", "test"): 3},
    ),
    "relation in test alone": (
        {"test": (*GOOD.test, sentence("c d", "rare"))},
        {("relations-not-in-train", "test"): 1},
    ),
    "type in dev alone": (
        {
            "train": tuple(dataclasses.replace(s, types=("LOC", "")) for s in GOOD.train),
            "dev": (*GOOD.dev, sentence("c d", types=("PER", "LOC"))),
        },
        {("types-not-in-train", "dev"): 1, ("untyped-entities", ""): 700},
    ),
    "types in dev and none in train": (
        {"dev": (*GOOD.dev, sentence("c d", types=("PER", "LOC")))},
        {("untyped-entities", ""): 1200},
    ),
    "a type that is none": (
        {
            split: tuple(dataclasses.replace(s, types=("LOC", "O")) for s in sentences)
            for split, sentences in GOOD.splits().items()
        },
        {("none-entity-type", ""): 600},
    ),
    "no relation": (
        {"train": (*GOOD.train, *(sentence(f"c {k}", "No-Relation") for k in range(7)))},
        {("none-relation-name", ""): 7},
    ),
    "names of negative examples": (
        {
            "train": (
                *GOOD.train,
                *(sentence(f"c {k}", "DDI-false") for k in range(7)),
                *(sentence(f"d {k}", "none of the above") for k in range(7)),
            )
        },
        {("none-relation-name", ""): 7},
    ),
    "one relation": (
        {
            split: tuple(sentence(f"a {split} {k}", "r") for k in range(500))
            for split in ("train", "dev", "test")
        },
        {("single-relation", ""): 1},
    ),
    "ends one word short": (
        {"train": tuple(with_span(f"Ann Lee met {k}", (0, 1)) for k in range(500))},
        {("shifted-spans", ""): 500},
    ),
    "ends that are right": (
        {"train": (*GOOD.train, *(with_span(f"Ann Lee met {k}", (0, 2)) for k in range(20)))},
        {},
    ),
    "nested": (
        {"train": (*GOOD.train, with_span("a b c d", (0, 1), (0, 3), (2, 4), (3, 4)))},
        {("overlapping-entities", ""): 2},
    ),
    "long": (
        {"dev": (*GOOD.dev, sentence("w " * 201))},
        {("long-sentences", ""): 1},
    ),
    "few sentences": (
        {"train": GOOD.train[:150]},
        {("few-sentences", "train"): 150},
    ),
    "few triples": (
        {"test": GOOD.test[:4]},
        {("few-triples", ""): 8},
    ),
    "names that differ in case": (
        {"dev": (*GOOD.dev, sentence("c d", "R "), sentence("c e", "q"))},
        {("relation-names-alike", ""): 1, ("relations-not-in-train", "dev"): 1},
    ),
    "types that differ in case": (
        {
            "train": (
                *GOOD.train,
                sentence("c d", types=("LOC", "PER")),
                sentence("c f", types=("Loc", "PER")),
            )
        },
        {("type-names-alike", ""): 1, ("untyped-entities", ""): 1200},
    ),
    "rare relations": (
        {"train": (*GOOD.train, sentence("c d", "s"), sentence("c e", "s", "t"))},
        {("rare-relations", "train"): 3},
    ),
    "a mark at the end of a name": (
        {"train": (*GOOD.train, with_span("Acme Inc . , Oslo", (0, 3), (0, 4), (3, 5)))},
        {("punctuation-at-ends", ""): 2, ("overlapping-entities", ""): 2},
    ),
    "a mark attached to a name": (
        {"train": (*GOOD.train, with_span("in Oslo, at U.S., f(x): 7,", (1, 2), (4, 5), (0, 1)))},
        {("punctuation-at-ends", ""): 1},
    ),
    "words of a transformer": (
        {
            "train": (
                *GOOD.train,
                *map(sentence, ("Os ##lo", "[CLS] Oslo a", "Ġin ĠOslo", "# 1", "## a", "a [sic]")),
            )
        },
        {("word-pieces", ""): 3},
    ),
    "several words in one": (
        {"dev": (*GOOD.dev, dataclasses.replace(GOOD.dev[0], words=("New York", "is", "a\xa0b")))},
        {("words-with-spaces", ""): 1},
    ),
    "several sentences": (
        {"train": tuple(sentence(f"a b {k} cats . Dr . C left .", "r", "q") for k in range(500))},
        {("several-sentences", ""): 500},
    ),
    "a few texts of several sentences": (
        {"train": (*GOOD.train, sentence("a b . C left .", "r"))},
        {},
    ),
    "letters and accents": (
        {"dev": (*GOOD.dev, sentence("Ko\u0308ln Köln", "r"))},
        {("decomposed-words", ""): 1},
    ),
    "another distribution": (
        {"test": sentences(200, 2000, "r")},
        {("relation-distribution", "test"): 200},
    ),
}


@pytest.mark.parametrize(("splits", "expected"), EXPECTED.values(), ids=EXPECTED)
def test_findings_have_their_number_and_are_one_line(
    splits: dict[str, tuple[Sentence, ...]], expected: dict[tuple[str, str], int]
) -> None:
    made = findings_of(corpus(**splits))
    assert {(finding.code, finding.split): finding.count for finding in made} == expected
    for finding in made:
        assert "\n" not in finding.text
        assert len(finding.text) < 320, finding.text


def test_nothing_is_found_in_good_corpora() -> None:
    assert found(GOOD) == {}
    assert found(DEMO) == {}


def test_chance_is_no_distribution() -> None:
    """Twelve triples of two relations may fall to one side."""
    dev = (*sentences(9, 1000, "r"), *sentences(3, 1500, "q"))
    assert ("relation-distribution", "dev") not in found(corpus(dev=dev))


def test_a_repeated_sentence_with_another_annotation_is_told() -> None:
    train = (*GOOD.train, sentence("a b 1", "r"), sentence("a b 2", "r", "q"))
    (finding,) = findings_of(corpus(train=train))
    assert "2 of 502, 1 with other entities or triples" in finding.text


def test_the_place_of_the_first_is_told() -> None:
    train = (*GOOD.train, dataclasses.replace(GOOD.train[3], place="all.jsonl:7"))
    placed = tuple(dataclasses.replace(s, place=f"x.json:{k}") for k, s in enumerate(train))
    (finding,) = findings_of(corpus(train=placed))
    assert "the first is 'a b 3' in x.json:3" in finding.text


def test_a_cut_split_is_not_to_be_shuffled() -> None:
    cut = Finding(code="cut-split", level="note", text="cut", split="test")
    made = corpus(test=sentences(200, 2000, "r"))
    texts = [findings_of(dataclasses.replace(made, findings=f))[0].text for f in ((), (cut,))]
    assert ["shuffle" in text for text in texts] == [True, False]


def test_readers_findings_are_included_and_warnings_come_first() -> None:
    note = Finding(code="tokenized", level="note", text="text: split")
    made = Corpus(name="x", train=GOOD.train[:9], dev=GOOD.dev, test=GOOD.test, findings=(note,))
    assert [f.code for f in findings_of(made)] == ["few-sentences", "tokenized"]


def test_both_kinds_of_missing_arguments_name_their_remedy() -> None:
    inside, absent = missing_findings("dev", (MISSING,))
    assert "('Anna', 'met', 'Bob')" in inside.text
    assert "put spaces" in inside.text
    assert "max_missing" not in inside.text
    assert "('Ann', 'met', 'Eve')" in absent.text


@pytest.mark.parametrize(
    ("spans", "lost"),
    [([(0, 1), (1, 3)], 0), ([(0, 2), (1, 3)], 1), ([(0, 4), (1, 2), (2, 3)], 2), ([], 0)],
)
def test_entities_that_tags_cannot_hold(spans: list[tuple[int, int]], lost: int) -> None:
    assert untagged([Span(*span) for span in spans], 4) == lost


class TestVectors:
    TRAIN = (sentence("a b a a"),)
    VOCABULARY = build_vocabulary(TRAIN, lowercase=True, use_pos=False)

    def codes(self, *with_vector: str, has_header: bool = False) -> dict[str, int]:
        has = np.array([word in with_vector for word in self.VOCABULARY.words])
        vectors = WordVectors(
            name="v",
            matrix=np.zeros((4, 1), np.float32),
            found=has,
            digest="0",
            has_header=has_header,
        )
        found = vector_findings(self.TRAIN, self.VOCABULARY, vectors)
        return {finding.code: finding.count for finding in found}

    def test_coverage_is_of_running_words(self) -> None:
        assert self.codes("a") == {}
        assert self.codes("b") == {"vectors-coverage": 1}

    def test_a_header_is_said(self) -> None:
        assert self.codes("a", "b", has_header=True) == {"vectors-header": 0}


@pytest.mark.slow
def test_the_time_grows_with_the_sentences_and_not_faster() -> None:
    """A study waits for it. Comparing all pairs of sentences would take 16 times as long."""

    def seconds(made: Corpus) -> float:
        started = time.process_time()
        findings_of(made)
        return time.process_time() - started

    small, large = (demo_corpus(sentences=count) for count in (2_500, 10_000))
    assert min(seconds(large) for _ in range(3)) < 8 * min(seconds(small) for _ in range(3))


NAMES = tuple(
    f"he met Ann Lee in Oslo on {k} May ." if k % 2 else f"then , Ann Lee , left {k}"
    for k in range(20)
)


@pytest.mark.parametrize(
    ("start", "end"), [(0, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, 0), (-1, 0)]
)
def test_spans_that_are_one_word_off(start: int, end: int) -> None:
    dev = tuple(with_span(text, (2 + start, 4 + end)) for text in NAMES)
    made = {f.code: f for f in findings_of(corpus(dev=dev))}
    assert ("shifted-spans" in made) == ((start, end) != (0, 0))
    if finding := made.get("shifted-spans"):
        assert "dev 20" in finding.text
        assert "for 'Ann Lee' in" in finding.text
        changes = {"start": -start, "end": -end}
        wanted = [f"{by:+d} to each {name}" for name, by in changes.items() if by]
        assert finding.text.endswith(f"add {' and '.join(wanted)}")


def test_names_that_end_in_a_small_word_are_not_shifted() -> None:
    train = tuple(with_span(f"the Escherichia coli {k} .", (1, 3)) for k in range(40))
    assert "shifted-spans" not in {f.code for f in findings_of(corpus(train=train))}


def test_the_example_is_a_name_after_the_shift() -> None:
    dev = tuple(with_span(text, (1, 4)) for text in (*NAMES, *NAMES))
    other = with_span("it was red and blue", (1, 2))
    (finding,) = shifted_spans(corpus(dev=(other, *dev)))
    assert finding.count == 40
    assert "', Ann Lee' for 'Ann Lee'" in finding.text


def test_lower_case_entities_show_no_shift() -> None:
    train = tuple(with_span(f"the Ann method {k} of a paper", (2, 3), (6, 7)) for k in range(40))
    assert "shifted-spans" not in {f.code for f in findings_of(corpus(train=train))}
