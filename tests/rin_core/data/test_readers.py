"""Readers of every format, and their errors."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rin_core.data.corpus import CorpusError, Sentence, Span, Triple
from rin_core.data.readers.split import read_split
from tests.corpora import COPYRE, SPERT, TRIPLES, Record, as_spert, changed, write_lines, write_list


def text_of(sentence: Sentence, span: Span) -> str:
    return " ".join(sentence.words[span.start : span.end])


def as_triple_list(sentence: Sentence) -> Record:
    triples = [
        [text_of(sentence, t.subject), t.relation, text_of(sentence, t.object)]
        for t in sentence.triples
    ]
    return {
        "text": " ".join(sentence.words),
        "pos": None if sentence.pos is None else " ".join(sentence.pos),
        "triple_list": [*triples, *sentence.missing],
    }


NOWHERE = "nowhere to be found"


def as_copyre(sentence: Sentence) -> Record:
    facts = as_triple_list(sentence)["triple_list"]
    entities = [{"start": 0, "text": text_of(sentence, span)} for span in sentence.entities]
    return {
        "sentText": " ".join(sentence.words),
        "pos": sentence.pos,
        "relationMentions": [{"em1Text": s, "label": r, "em2Text": o} for s, r, o in facts],
        "entityMentions": [*entities, {"start": 0, "text": NOWHERE}],
    }


@st.composite
def sentences(draw: st.DrawFn, by_text: bool) -> Sentence:
    """Sentences a format can hold; ``by_text`` ones have spans that are first occurrences."""
    visible = st.sampled_from(["a", "b", "ab", "Ä", "日本", '"', "\\", "\u200b", "{"])
    words = tuple(draw(st.lists(visible, min_size=1, max_size=8)))
    bounds = st.tuples(st.integers(0, len(words) - 1), st.integers(1, 3))
    spans = [Span(s, min(s + n, len(words))) for s, n in draw(st.lists(bounds, max_size=4))]
    if by_text:
        spans = [s for s in spans if first_occurrence(words, s) == s]
    triples: list[Triple] = []
    if spans:
        ends = st.sampled_from(spans)
        triples = draw(st.lists(st.builds(Triple, ends, st.sampled_from(["r", "é s"]), ends)))
    if by_text and not draw(st.booleans()):
        spans = [end for t in triples for end in (t.subject, t.object)]
    has_pos = draw(st.booleans())
    lacks = by_text and draw(st.booleans())
    return Sentence(
        words=words,
        pos=tuple("NN" for _ in words) if has_pos else None,
        entities=tuple(sorted(set(spans))),
        triples=tuple(dict.fromkeys(triples)),
        missing=(("no such", "r", "thing"),) if lacks else (),
        missing_entities=("no such", "thing") if lacks else (),
    )


def first_occurrence(words: tuple[str, ...], span: Span) -> Span:
    """Find a span's words by trying every position in turn."""
    size = span.end - span.start
    starts = range(len(words) - size + 1)
    start = next(i for i in starts if words[i : i + size] == words[span.start : span.end])
    return Span(start, start + size)


many = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class TestRoundTrip:
    @many
    @given(batch=st.lists(sentences(by_text=True), min_size=1, max_size=3), lines=st.booleans())
    def test_copyre(self, tmp_path: Path, batch: list[Sentence], lines: bool) -> None:
        write = write_lines if lines else write_list
        wanted = tuple(
            dataclasses.replace(s, missing_entities=(NOWHERE, *s.missing_entities)) for s in batch
        )
        assert read_split(write(tmp_path / "x", [as_copyre(s) for s in batch])) == wanted

    @many
    @given(batch=st.lists(sentences(by_text=True), min_size=1, max_size=3), lines=st.booleans())
    def test_triple_list(self, tmp_path: Path, batch: list[Sentence], lines: bool) -> None:
        write = write_lines if lines else write_list
        read = read_split(write(tmp_path / "x", [as_triple_list(s) for s in batch]))
        for got, wanted in zip(read, batch, strict=True):
            ends = {end for t in wanted.triples for end in (t.subject, t.object)}
            # The format knows no entities but arguments.
            assert got == dataclasses.replace(wanted, entities=tuple(sorted(ends)))

    @many
    @given(batch=st.lists(sentences(by_text=False), min_size=1, max_size=3), lines=st.booleans())
    def test_spert(self, tmp_path: Path, batch: list[Sentence], lines: bool) -> None:
        write = write_lines if lines else write_list
        wanted = [dataclasses.replace(s, types=("thing",) * len(s.entities)) for s in batch]
        assert read_split(write(tmp_path / "x", [as_spert(s) for s in batch])) == tuple(wanted)


class TestReading:
    @pytest.mark.parametrize("record", [TRIPLES, SPERT, COPYRE])
    def test_the_formats_agree(self, tmp_path: Path, record: Record) -> None:
        (sentence,) = read_split(write_lines(tmp_path / "x.json", [record]))
        assert sentence.triples == (Triple(Span(0, 1), "crew", Span(2, 4)),)
        assert sentence.entities == (Span(0, 1), Span(2, 4))

    def test_an_argument_is_its_first_whole_occurrence(self, tmp_path: Path) -> None:
        record = {"text": "New Delhi New York New York", "triple_list": [["New York", "r", "New"]]}
        (sentence,) = read_split(write_lines(tmp_path / "x", [record]))
        assert sentence.triples == (Triple(Span(2, 4), "r", Span(0, 1)),)

    def test_triples_are_a_set_and_an_argument_may_be_both_ends(self, tmp_path: Path) -> None:
        record = {"text": "a b", "triple_list": [["b", "r", "b"], ["a", "r", "b"], ["b", "r", "b"]]}
        (sentence,) = read_split(write_lines(tmp_path / "x", [record]))
        a, b = Span(0, 1), Span(1, 2)
        assert sentence.triples == (Triple(b, "r", b), Triple(a, "r", b))

    def test_a_sentence_without_triples_is_legal(self, tmp_path: Path) -> None:
        (sentence,) = read_split(write_lines(tmp_path / "x", [{"text": "a", "triple_list": []}]))
        assert (sentence.words, sentence.entities, sentence.triples) == (("a",), (), ())

    def test_the_found_end_of_a_missing_triple_is_an_entity(self, tmp_path: Path) -> None:
        record = {"text": "a b", "triple_list": [["b", "r", "zz"], ["b", "r", "zz"]]}
        (sentence,) = read_split(write_lines(tmp_path / "x", [record]))
        assert sentence.missing == (("b", "r", "zz"),)
        assert sentence.entities == (Span(1, 2),)
        assert sentence.missing_entities == ("zz",)

    def test_entities_that_are_not_in_their_sentence_are_kept_as_text(self, tmp_path: Path) -> None:
        mentions = [{"text": text} for text in ("b", "no  such", "no such")]
        relations = [{"em1Text": "b", "em2Text": "gone", "label": "r"}]
        record = {"sentText": "a b", "relationMentions": relations, "entityMentions": mentions}
        (sentence,) = read_split(write_lines(tmp_path / "x", [record]))
        assert sentence.entities == (Span(1, 2),)
        assert sentence.missing_entities == ("no such", "gone")

    def test_without_a_list_of_entities_they_are_the_arguments(self, tmp_path: Path) -> None:
        relations = [{"em1Text": "b c", "em2Text": "a", "label": "r"}]
        record = {"sentText": "a b c d", "relationMentions": relations}
        (sentence,) = read_split(write_lines(tmp_path / "x", [record]))
        assert sentence.entities == (Span(0, 1), Span(1, 3))
        assert sentence.triples == (Triple(Span(1, 3), "r", Span(0, 1)),)

    def test_blank_lines_a_byte_order_mark_and_windows_ends(self, tmp_path: Path) -> None:
        path = tmp_path / "x.json"
        line = json.dumps(TRIPLES).encode()
        path.write_bytes(b"\xef\xbb\xbf\r\n" + line + b"\r\n\r\n" + line)
        assert len(read_split(path)) == 2
        path.write_bytes(b"\xef\xbb\xbf\n [" + line + b"]")
        assert len(read_split(path)) == 1


def spert_with(key: str, **fields: object) -> Record:
    return changed(SPERT, **{key: [*SPERT[key], {**SPERT[key][0], **fields}]})


BROKEN = {
    "unknown format": (
        {"words": []},
        r"unknown format: found the fields \['words'\]; the simplest .* read: SpERT, CopyRE",
    ),
    "no object": ([1], r"record 2: found \[1\], expected an object"),
    "no triple_list": ({"text": "a"}, r"unknown format: found the fields \['text'\]"),
    "text a number": (changed(TRIPLES, text=3), "field text: found 3, expected text"),
    "text blank": (changed(TRIPLES, text=" "), "field text: found ' ', expected text that is not"),
    "half a pair": (changed(TRIPLES, text="a \ud800"), "field text: found an unpaired surrogate"),
    "two in a triple": (
        changed(TRIPLES, triple_list=[["a", "b"]]),
        r"field triple_list\[0\]: found \['a', 'b'\], expected \[subject, relation, object\]",
    ),
    "empty argument": (
        changed(TRIPLES, triple_list=[["Bean", "r", ""]]),
        r"field triple_list\[0\]\[2\]: found '', expected text",
    ),
    "list for a relation": (
        changed(TRIPLES, triple_list=[["Bean", ["r"], "12"]]),
        r"field triple_list\[0\]\[1\]: found \['r'\], expected text",
    ),
    "pos too short": (
        changed(TRIPLES, pos=["NN"]),
        "field pos: found 1 tags, expected 5, one per word",
    ),
    "pos too long": (changed(TRIPLES, pos="A B C D E F"), "field pos: found 6 tags, expected 5"),
    "pos a number": (changed(TRIPLES, pos=5), "field pos: found 5, expected a list"),
    "label missing": (
        changed(COPYRE, relationMentions=[{"em1Text": "Bean", "em2Text": "12"}]),
        r"field relationMentions\[0\].label: found only the fields",
    ),
    "mention not an object": (
        changed(COPYRE, entityMentions=["Bean"]),
        r"field entityMentions\[0\]: found 'Bean', expected an object",
    ),
    "mention null": (
        changed(COPYRE, entityMentions=[{"text": None}]),
        r"field entityMentions\[0\].text: found None, expected text",
    ),
    "mentions null": (changed(COPYRE, relationMentions=None), "relationMentions: found None"),
    "no tokens": (changed(SPERT, tokens=[]), r"field tokens: found \[\], expected at least one"),
    "token": (changed(SPERT, tokens=["a", 3]), r"field tokens\[1\]: found 3"),
    "span past the end": (
        spert_with("entities", end=5),
        r"field entities\[2\]: found start 0 and end 5, expected 0 <= start < end <= 4",
    ),
    "span negative": (spert_with("entities", start=-1), "found start -1 and end 1"),
    "span empty": (spert_with("entities", start=1), "found start 1 and end 1"),
    "start a float": (spert_with("entities", start=0.0), r"\.start: found 0.0, expected a whole"),
    "head out of range": (
        spert_with("relations", head=2),
        r"field relations\[1\].head: found 2, expected an index into 2 entities",
    ),
    "tail negative": (spert_with("relations", tail=-1), r"relations\[1\].tail: found -1"),
    "head true": (
        spert_with("relations", head=True),
        r"\.head: found True, expected a whole",
    ),
}


class TestBrokenRecords:
    @pytest.mark.parametrize(("record", "message"), BROKEN.values(), ids=BROKEN)
    def test_names_line_record_and_field(
        self, tmp_path: Path, record: Record, message: str
    ) -> None:
        path = tmp_path / "dev.json"
        path.write_text(json.dumps(TRIPLES) + "\n\n" + json.dumps(record) + "\n")
        with pytest.raises(CorpusError, match=rf"dev\.json:3: record 2: .*{strip(message)}"):
            read_split(path)

    def test_a_list_names_the_record(self, tmp_path: Path) -> None:
        path = write_list(tmp_path / "dev.json", [TRIPLES, changed(TRIPLES, text=3)])
        with pytest.raises(CorpusError, match=r"dev\.json: record 2: field text: found 3"):
            read_split(path)

    @many
    @given(
        record=st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        [*TRIPLES, *SPERT, *COPYRE, "pos", "start", "end", "head", "tail", "type"]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        )
    )
    def test_no_record_ends_in_another_error(self, tmp_path: Path, record: object) -> None:
        path = tmp_path / "x"
        path.write_text(json.dumps([TRIPLES, record]))
        try:
            assert 1 <= len(read_split(path)) <= 2  # one without words is left out
        except CorpusError as error:
            if "record 2: " not in str(error):
                raise


def strip(message: str) -> str:
    """Drop the place, which the test itself asks for."""
    return message.removeprefix("record 2: ")


BROKEN_FILES: dict[str, tuple[bytes, str]] = {
    "cut short": (json.dumps(TRIPLES).encode() + b'\n{"text": "a', r"x:2: not valid JSON \(Unter"),
    "cut short before another": (b'{"text": "a"\n{"text": "b"}\n', r"x:1: not valid JSON"),
    "list cut short": (b'[\n{"text": "a"},\n', r"x:3: not valid JSON \(Expecting value"),
    "not UTF-8": (b'{"text": "a"}\n'.replace(b"a", b"\xff"), r"x:1: not UTF-8 text"),
    "list not UTF-8": (b'[{"text":\n"\xff"}]', r"x:2: not UTF-8 text"),
    "empty": (b"\n \n", "x: the file has no sentences"),
    "empty list": (b"[]", "x: the file has no sentences"),
    "not JSON": (b"hello", r"x:1: not valid JSON"),
    "too deep": (b"[" * 100_000, r"x:1: not readable as JSON"),
    "deep line": (b'{"text":' * 100_000, r"x:1: not readable as JSON"),
    "huge number": (b'{"text":' + b"9" * 5000 + b"}", r"x:1: not readable as JSON"),
    "NUL": (b"\0\0\0", r"x:1: not valid JSON"),
}


class TestBrokenFiles:
    @pytest.mark.parametrize(("content", "message"), BROKEN_FILES.values(), ids=BROKEN_FILES)
    def test_names_the_line(self, tmp_path: Path, content: bytes, message: str) -> None:
        path = tmp_path / "x"
        path.write_bytes(content)
        with pytest.raises(CorpusError, match=message):
            read_split(path)

    def test_a_file_that_cannot_be_opened(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match=r"gone: cannot be read \(No such file"):
            read_split(tmp_path / "gone")
        with pytest.raises(CorpusError, match=r"cannot be read \(Is a directory"):
            read_split(tmp_path)
