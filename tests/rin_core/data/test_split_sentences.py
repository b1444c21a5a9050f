"""Records of several sentences become one a sentence; what is between two is counted."""

from __future__ import annotations

from rin_core.data.corpus import Sentence, Span, Triple
from rin_core.data.split_sentences import sentence_spans, split_sentences

ANN, BOB, HE, DR = Span(0, 1), Span(2, 3), Span(4, 5), Span(6, 9)
RECORD = Sentence(
    words=("Ann", "met", "Bob", ".", "He", "knows", "Dr", ".", "Lee", "."),
    pos=tuple("NVN.PVNNN."),
    entities=(ANN, Span(2, 5), BOB, HE, DR),
    triples=(Triple(ANN, "met", BOB), Triple(HE, "is", BOB), Triple(HE, "knows", DR)),
    missing=(("Ann", "r", "Eve"),),
    missing_entities=("Eve",),
    types=("P", "X", "P", "", "P"),
)


def test_spans_are_those_of_the_parts() -> None:
    (first, second), _ = split_sentences([RECORD])
    assert first == Sentence(
        words=("Ann", "met", "Bob", "."),
        pos=tuple("NVN."),
        entities=(ANN, BOB),
        triples=(Triple(ANN, "met", BOB),),
        missing=(("Ann", "r", "Eve"),),
        missing_entities=("Eve",),
        types=("P", "P"),
    )
    assert second.words == ("He", "knows", "Dr", ".", "Lee", ".")
    assert second.triples == (Triple(Span(0, 1), "knows", Span(2, 5)),)
    assert (second.types, second.missing) == (("", "P"), ())


def test_what_is_between_two_sentences_is_counted() -> None:
    _, findings = split_sentences([RECORD, RECORD], "dev")
    assert [(f.code, f.split, f.count) for f in findings] == [
        ("entities-across-sentences", "dev", 2),
        ("relations-across-sentences", "dev", 2),
    ]


def test_a_record_of_one_sentence_stays() -> None:
    record = Sentence(words=("a", "b.C", "。d"), pos=None, entities=(ANN,), triples=())
    assert split_sentences([record]) == ((record,), ())


def test_chinese_marks_end_a_sentence() -> None:
    assert sentence_spans([*"他走。她来。"]) == [Span(0, 3), Span(3, 6)]
