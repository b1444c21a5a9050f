"""Records to annotate: their words and tags, their faults, and what an answer has."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rin_core.data.corpus import CorpusError
from rin_core.data.vocabulary import SPECIAL, Vocabulary
from rin_core.predict.extraction import Extraction, FoundEntity, FoundTriple, mention
from rin_core.predict.records import RecordReader, answer, record_of, to_line
from rin_core.predict.texts import TextSentence, TextSplitter
from tests.texts import TEXTS

WORDS = ("ann", "'s", "here", ".")
VOCABULARY = Vocabulary(words=(*SPECIAL, *WORDS), pos=(), relations=("met",), lowercase=True)
SPLITTER = TextSplitter(VOCABULARY)


@pytest.mark.parametrize(
    ("record", "words", "pos"),
    [
        ({"text": "Ann's here."}, "Ann 's here .", None),
        ({"text": "Ann's here.", "pos": "N V"}, "Ann's here.", "N V"),
        ({"sentText": "Ann's here. He"}, "Ann's here. He", None),
        ({"tokens": ["Ann's", "here."], "pos": ["N", "V"]}, "Ann's here.", "N V"),
        ({"tokens": ["New York"], "text": "ignored"}, ["New York"], None),
        ({"tokens": [{"text": "Ann"}, {"text": " "}, {"text": "ran"}]}, "Ann ran", None),
        ({"text": "a", "triple_list": "broken", "relationMentions": 3}, "a", None),
    ],
    ids=str,
)
def test_words_and_tags(record: dict[str, Any], words: Any, pos: str | None) -> None:
    read = record_of(record, SPLITTER)
    (sentence,) = read.sentences
    assert read.fields == record
    assert sentence.words == tuple(words.split() if isinstance(words, str) else words)
    assert sentence.pos == (tuple(pos.split()) if pos else None)


@pytest.mark.parametrize(
    "record", [{"text": " \t"}, {"text": ""}, {"tokens": []}, {"sentText": ""}]
)
def test_a_record_without_words_has_no_sentence(record: dict[str, Any]) -> None:
    read = record_of(record, SPLITTER)
    assert list(read.sentences) == []
    assert answer(read, []) == record | {"sentences": []}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([1], r"found \[1\], expected an object with fields"),
        ({"id": 1}, r"found the fields \['id'\], expected text or tokens"),
        ({"text": 5}, "field text: found 5, expected text"),
        ({"text": "half \ud83d"}, "field text: found an unpaired surrogate"),
        ({"tokens": "a b"}, "field tokens: found 'a b', expected a list"),
        ({"tokens": ["a", ""]}, r"field tokens\[1\]: found '', expected text that is not"),
        ({"text": "a b", "pos": ["N"]}, "field pos: found 1 tags, expected 2, one per word"),
    ],
    ids=str,
)
def test_faults_name_the_field(record: object, message: str) -> None:
    with pytest.raises(CorpusError, match=f"^x:7: {message}"):
        record_of(record, SPLITTER, "x:7: ")


def everything(sentence: TextSentence) -> Extraction:
    """Return what a model finds that takes every pair of words for an entity and relates all."""
    words = sentence.sentence.words
    mentions = [mention(words, k, min(k + 2, len(words))) for k in range(len(words))]
    return Extraction(
        words=words,
        pos=None,
        entities=tuple(FoundEntity(m, 1.0) for m in mentions),
        triples=tuple(FoundTriple(m, "met", mentions[0], 1.0) for m in mentions),
    ).located(sentence.text, sentence.offsets)


@given(TEXTS, st.booleans(), st.booleans())
def test_places_of_an_answer_are_those_of_the_text(
    text: str, one_sentence: bool, pretokenized: bool
) -> None:
    splitter = TextSplitter(VOCABULARY, one_sentence=one_sentence, pretokenized=pretokenized)
    try:
        read = record_of({"text": text, "n": 1}, splitter)
    except CorpusError:  # half a character pair
        assert any("\ud800" <= char <= "\udfff" for char in text)
        return
    found = [(everything(s),) for s in read.sentences if isinstance(s, TextSentence)]
    row = json.loads(to_line(answer(read, found)))
    assert (row["text"], row["n"]) == (text, 1)
    covered = []
    for sentence in row["sentences"]:
        assert text[sentence["start_char"] : sentence["end_char"]] == sentence["text"]
        written = [text[start:end] for start, end in sentence["offsets"]]
        assert written == sentence["tokens"]
        ends = [t[key] for t in sentence["triples"] for key in ("subject", "object")]
        for found_here in (*sentence["entities"], *ends):
            start, end = found_here["start_char"], found_here["end_char"]
            assert text[start:end] == found_here["text"]
            assert start == sentence["offsets"][found_here["start"]][0]
            assert end == sentence["offsets"][found_here["end"] - 1][1]
        covered += [place for start, end in sentence["offsets"] for place in range(start, end)]
    assert covered == [place for place, char in enumerate(text) if not char.isspace()]


@given(st.lists(TEXTS.map(lambda text: text.replace("\n", " ").replace("\r", " "))))
def test_a_line_of_text_is_a_record(texts: list[str]) -> None:
    texts = [text.encode(errors="replace").decode().replace("\0", "") for text in texts]
    reader = RecordReader(SPLITTER)
    lines = ["Text", *texts]
    records = list(reader.read([f"{text}\r\n".encode() for text in lines], "x"))
    filled = [(n, text) for n, text in enumerate(lines, 1) if text.encode().strip()]
    assert [(r.fields["line"], r.fields["text"]) for r in records] == filled
    assert reader.blank == len(lines) - len(filled)
