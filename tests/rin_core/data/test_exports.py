"""Exports of annotation tools as people have them: wrong offsets, cancelled work, empty lines."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from rin_core.data.corpus import CorpusError, Span, Triple
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.split import read_files, read_split
from rin_core.data.splits import find_splits
from tests.corpora import TRIPLES, Record, changed, write_lines, write_list
from tests.formats import (
    ANN,
    BOB,
    DOCCANO,
    LABEL_STUDIO,
    MET,
    PRODIGY,
    RELATION,
    TEXT,
    WORDS,
    labelled,
)

_ENDS = [{"type": "PER", "offset": [0, 1, 2]}, {"type": "PER", "offset": [4]}]
_MET = [{"type": "met", "head": 0, "tail": 1}]
#: The annotations of a sentence with a blank token in its first entity, and one at its end.
BLANKS: dict[str, Record] = {
    "SpERT": {
        "entities": [
            {"type": "PER", "start": 0, "end": 3},
            {"type": "PER", "start": 4, "end": 5},
        ],
        "relations": _MET,
    },
    "tags": {"tags": ["B-PER", "I-PER", "I-PER", "O", "B-PER", "O", "O"], "relations": _MET},
    "UIE": {"entity": _ENDS, "relation": [{"type": "met", "args": _ENDS}]},
    "DyGIE++": {
        "ner": [[[0, 2, "PER"], [4, 4, "PER"]], []],
        "relations": [[[0, 2, 4, 4, "met"]], []],
    },
}


def read_tasks(folder: Path, *records: Record) -> tuple[list[tuple[Triple, ...]], Reading]:
    """Read records, and return their triples."""
    reading = Reading(tokenizes=True)
    sentences = read_split(write_list(folder / "x.json", list(records)), reading)
    return [s.triples for s in sentences], reading


class TestBrat:
    ANN_FILE = "T1\tPER 0 7\tAnn Lee\nT2\tPER 17 20\tBob\nR1\tknows Arg1:T1 Arg2:T2\n"
    LINES = "Ann Lee met Eve.\nBob met Ann Lee.\n"

    def read(self, folder: Path, text: str, ann: str) -> tuple[list[list[str]], Reading]:
        """Read a document, and return the entities of each sentence."""
        (folder / "d.txt").write_bytes(text.encode())
        (folder / "d.ann").write_bytes(ann.encode())
        reading = Reading()
        sentences = read_split(folder, reading)
        names = [[" ".join(s.words[slice(*span)]) for span in s.entities] for s in sentences]
        return names, reading

    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_offsets_from_before_an_editor_changed_the_text(
        self, tmp_path: Path, mark: str, end: str
    ) -> None:
        names, reading = self.read(tmp_path, mark + self.LINES.replace("\n", end), self.ANN_FILE)
        assert names == [["Ann Lee"], ["Bob"]]
        assert bool(reading.units) == (mark + end != "\n")
        assert list(reading.counts) == ["relations-across-sentences"]

    def test_offsets_that_count_every_character(self, tmp_path: Path) -> None:
        text = "\ufeff" + self.LINES.replace("\n", "\r\n")
        shifted = self.ANN_FILE.replace("0 7", "1 8").replace("17 20", "19 22")
        names, reading = self.read(tmp_path, text, shifted)
        assert names == [["Ann Lee"], ["Bob"]]
        assert not reading.units

    def test_a_byte_order_mark_hides_no_entity(self, tmp_path: Path) -> None:
        names, _ = self.read(tmp_path, self.LINES, "\ufeff" + self.ANN_FILE)
        assert names == [["Ann Lee"], ["Bob"]]

    def test_an_entity_is_where_its_text_is(self, tmp_path: Path) -> None:
        ann = "T1\tPER 25 32\tAnn Lee\nT2\tPER 13 16\tEve\n"
        names, reading = self.read(tmp_path, self.LINES, ann.replace("13 16", "11 14"))
        assert names == [["Eve"], ["Ann Lee"]], "the second Ann Lee, which is nearer"
        assert reading.counts["moved-entities"][0] == 1
        assert "('Eve', ' Ev') in" in reading.counts["moved-entities"][1]

    def test_offsets_count_where_the_text_is_nowhere(self, tmp_path: Path) -> None:
        names, reading = self.read(tmp_path, self.LINES, "T1\tPER 0 3\tZoe\n")
        assert names == [["Ann"], []]
        assert reading.counts["other-text"] == (1, f"('Zoe', 'Ann') in {tmp_path.name}/d.ann")

    def test_the_object_may_be_first(self, tmp_path: Path) -> None:
        for arguments in ("Arg1:T1 Arg2:T2", "Arg2:T2 Arg1:T1"):
            ann = f"T1\tPER 0 7\tAnn Lee\nT2\tPER 12 15\tEve\nR1\tknows {arguments}\n"
            self.read(tmp_path, self.LINES, ann)
            first, _ = read_split(tmp_path)
            assert first.triples == (Triple(Span(0, 2), "knows", Span(3, 4)),)

    def test_a_text_without_annotations_is_counted(self, tmp_path: Path) -> None:
        (tmp_path / "e.txt").write_text("Bob met Zoe.\n")
        names, reading = self.read(tmp_path, self.LINES, self.ANN_FILE)
        assert names == [["Ann Lee"], ["Bob"]]
        assert reading.counts["unannotated-tasks"][0] == 1
        assert "e.txt" in reading.counts["unannotated-tasks"][1]

    def test_folders_below_are_read(self, tmp_path: Path) -> None:
        below = tmp_path / "train" / "ann" / "2024"
        below.mkdir(parents=True)
        self.read(below, self.LINES, self.ANN_FILE)
        assert len(read_split(tmp_path / "train")) == 2
        assert find_splits(tmp_path) == {"train": (tmp_path / "train",)}

    def test_a_text_in_another_encoding_is_named(self, tmp_path: Path) -> None:
        self.read(tmp_path, self.LINES, self.ANN_FILE)
        (tmp_path / "d.txt").write_bytes("Ann\nLée".encode("latin-1"))
        with pytest.raises(CorpusError, match=r"d\.txt:2: not UTF-8 text .*save it as UTF-8"):
            read_split(tmp_path)

    def test_a_line_with_spaces_for_tabs_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match=r"line 1: found 'T1 PER 0 3 Ann', expected an id, a"):
            self.read(tmp_path, self.LINES, "T1 PER 0 3 Ann\n")

    def test_what_is_no_annotation_is_counted(self, tmp_path: Path) -> None:
        others = "#1\tNote T1\tx\n*\tEquiv T1 T2\nA1\tNeg T1\n"
        _, reading = self.read(tmp_path, self.LINES, self.ANN_FILE + others)
        assert "other-lines" not in reading.counts
        _, reading = self.read(tmp_path, self.LINES, self.ANN_FILE + "PER 0 3 Ann\n")
        assert reading.counts["other-lines"][0] == 1


class TestLabelStudio:
    def task(self, *annotations: Record, **fields: object) -> Record:
        return changed(LABEL_STUDIO, annotations=list(annotations), **fields)

    WHOLE: Record = LABEL_STUDIO["annotations"][0]

    def test_the_text_may_have_another_name(self, tmp_path: Path) -> None:
        data = {"sentence": TEXT, "url": "http://x", "year": 3}
        assert read_tasks(tmp_path, changed(LABEL_STUDIO, data=data))[0] == [(MET,)]

    def test_a_browser_counts_an_emoji_twice(self, tmp_path: Path) -> None:
        results = [labelled("a", 3, 10, "Ann Lee"), labelled("b", 15, 18, "Bob"), RELATION]
        task = self.task({"result": results}, data={"text": f"🎉 {TEXT[:-1]}"})
        triples, reading = read_tasks(tmp_path, task)
        assert triples == [(Triple(Span(1, 3), "met", Span(4, 5)),)], "beyond the end of the text"
        assert [unit.name for unit in reading.units] == ["UTF-16 units, as JavaScript does"]
        assert not reading.counts

    def test_cancelled_work_is_no_annotation(self, tmp_path: Path) -> None:
        cancelled = {"result": [], "was_cancelled": True}
        triples, reading = read_tasks(
            tmp_path, self.task(cancelled, self.WHOLE), self.task(cancelled), self.task()
        )
        assert triples == [(MET,)], "tasks without an annotation are no negative examples"
        assert reading.counts["unannotated-tasks"][0] == 2

    def test_the_ground_truth_is_read(self, tmp_path: Path) -> None:
        triples, reading = read_tasks(
            tmp_path, self.task({"result": []}, {**self.WHOLE, "ground_truth": True})
        )
        assert triples == [(MET,)]
        assert reading.counts["further-annotations"][0] == 1

    @pytest.mark.parametrize(
        ("direction", "ends"),
        [("right", [(ANN, BOB)]), ("left", [(BOB, ANN)]), ("bi", [(ANN, BOB), (BOB, ANN)])],
    )
    def test_directions(
        self, tmp_path: Path, direction: str, ends: list[tuple[Span, Span]]
    ) -> None:
        results = [*self.WHOLE["result"][:2], {**RELATION, "direction": direction, "labels": []}]
        triples, reading = read_tasks(tmp_path, self.task({"result": results}))
        assert triples == [tuple(Triple(head, "related", tail) for head, tail in ends)]
        assert reading.counts["relations-without-name"][0] == 1
        assert ("relations-both-ways" in reading.counts) == (direction == "bi")

    def test_each_label_of_a_relation_is_a_triple(self, tmp_path: Path) -> None:
        results = [*self.WHOLE["result"][:2], {**RELATION, "labels": ["met", "knows"]}]
        triples, reading = read_tasks(tmp_path, self.task({"result": results}))
        assert triples == [(MET, Triple(ANN, "knows", BOB))]
        assert not reading.counts

    def test_further_labels_of_an_entity_are_counted(self, tmp_path: Path) -> None:
        results = [*self.WHOLE["result"][1:], labelled("a", 0, 7, "Ann Lee", "PER", "VIP")]
        _, reading = read_tasks(tmp_path, self.task({"result": results}))
        assert reading.counts == {
            "further-types": (1, "('Ann Lee', ['PER', 'VIP']) in x.json: record 1")
        }


class TestProdigy:
    def test_tokens_are_kept_and_blank_ones_are_not(self, tmp_path: Path) -> None:
        blank = {"text": "\n", "start": 16, "end": 17, "id": 5}
        record = changed(PRODIGY, text=f"{TEXT}\n", tokens=[*PRODIGY["tokens"], blank])
        (sentence,) = read_split(write_lines(tmp_path / "x", [record]))
        assert (sentence.words, sentence.triples) == (WORDS, (MET,))
        assert sentence.types == ("PER", "PER")

    def test_tokens_are_words_inside_a_run_of_letters(self, tmp_path: Path) -> None:
        """As spaCy splits 10km."""
        places = [(0, 3), (4, 7), (8, 10), (10, 12)]
        record = {
            "text": "Ann ran 10km",
            "tokens": [{"start": start, "end": end} for start, end in places],
            "spans": [{"start": 8, "end": 10, "label": "NUM"}],
            "relations": [],
        }
        reading = Reading()
        (sentence,) = read_split(write_lines(tmp_path / "x", [record]), reading)
        assert (sentence.entities, reading.counts) == ((Span(2, 3),), {})

    def test_what_was_rejected_is_left_out(self, tmp_path: Path) -> None:
        rejected = [changed(PRODIGY, answer=answer) for answer in ("reject", "ignore")]
        triples, reading = read_tasks(tmp_path, PRODIGY, *rejected)
        assert triples == [(MET,)]
        assert reading.counts["rejected-answers"][0] == 2


class TestRecords:
    def test_one_without_words_is_left_out_and_counted(self, tmp_path: Path) -> None:
        blank = changed(DOCCANO, text=" ", entities=[], relations=[])
        tokens: Record = {"tokens": [], "entities": [], "relations": []}
        line = changed(tokens, tokens=["\n"])
        triples, reading = read_tasks(tmp_path, DOCCANO, blank, tokens, line)
        assert triples == [(MET,)]
        assert reading.counts["blank-records"][0] == 3

    @pytest.mark.parametrize("blank", ["", " ", "\u00a0\n"])
    @pytest.mark.parametrize("name", BLANKS)
    def test_blank_tokens_are_left_out_and_spans_keep_their_words(
        self, tmp_path: Path, name: str, blank: str
    ) -> None:
        words = ["Ann", blank, "Lee", "met", "Bob", ".", blank]
        key, value = ("sentences", [words, [blank]]) if name == "DyGIE++" else ("tokens", words)
        record = {key: value, **BLANKS[name]}
        reading = Reading()
        (sentence,) = read_split(write_lines(tmp_path / "x.json", [record]), reading)
        assert (sentence.words, sentence.entities, sentence.triples) == (WORDS, (ANN, BOB), (MET,))
        assert sentence.types == ("PER", "PER")
        assert reading.counts["blank-words"][0] == 2 + ("ner" in record)

    def test_an_entity_without_a_word_is_refused(self, tmp_path: Path) -> None:
        entity = {"type": "PER", "start": 1, "end": 2}
        record = {"tokens": ["Ann", " "], "entities": [entity], "relations": []}
        with pytest.raises(CorpusError, match=r"x\.json:1: .* entity of token 1 is blank: remove"):
            read_split(write_lines(tmp_path / "x.json", [record]))

    def test_each_finding_names_the_place_of_the_first(self, tmp_path: Path) -> None:
        cut = changed(DOCCANO, entities=[{"id": 7, "label": "P", "start": 0, "end": 2}])
        path = write_lines(tmp_path / "all.jsonl", [DOCCANO, changed(cut, relations=[])])
        reading = Reading(tokenizes=True)
        sentences = read_split(path, reading)
        assert reading.counts["cut-words"] == (1, "('An', 'Ann') in all.jsonl:2")
        assert [s.place for s in sentences] == ["all.jsonl:1", "all.jsonl:2"]

    def test_a_place_is_no_part_of_a_sentence(self, tmp_path: Path) -> None:
        (sentence,) = read_split(write_list(tmp_path / "x.json", [TRIPLES]))
        assert sentence.place == "x.json: record 1"
        assert sentence == dataclasses.replace(sentence, place="")

    def test_further_faults_are_counted(self, tmp_path: Path) -> None:
        wrong = changed(TRIPLES, text=3)
        path = write_lines(tmp_path / "x.json", [TRIPLES, wrong, TRIPLES, wrong, wrong])
        message = r"x\.json:2: record 2: .*; 2 further records cannot be read, next .*x\.json:4"
        with pytest.raises(CorpusError, match=message):
            read_split(path)

    def test_a_fault_comes_before_what_ends_the_reading(self, tmp_path: Path) -> None:
        path = write_lines(tmp_path / "x.json", [TRIPLES, changed(TRIPLES, text=3)] * 150)
        path.write_text(path.read_text() + "{")
        with pytest.raises(CorpusError, match=r"x\.json:2: .*; 149 further records"):
            read_split(path)

    def test_spans_that_are_characters_of_another_text_have_a_remedy(self, tmp_path: Path) -> None:
        record = {
            "tokens": ["Ann", "Lee", "met", "Bob", "."],
            "entities": [{"type": "PER", "start": 12, "end": 15}],
            "relations": [],
        }
        with pytest.raises(CorpusError, match="the field text in place of tokens"):
            read_split(write_list(tmp_path / "x", [record]))
        text = changed(record, text=TEXT)
        del text["tokens"]
        (sentence,) = read_split(write_list(tmp_path / "y", [text]), Reading(tokenizes=True))
        assert sentence.entities == (BOB,)

    def test_two_ways_to_write_an_accent_are_equal(self, tmp_path: Path) -> None:
        record = {"text": "Ko\u0308ln liegt am Rhein", "triple_list": [["Köln", "am", "Rhein"]]}
        for tokenizes in (False, True):
            path = write_lines(tmp_path / "x", [record])
            (sentence,) = read_split(path, Reading(tokenizes=tokenizes))
            assert sentence.triples == (Triple(Span(0, 1), "am", Span(3, 4)),)
            assert sentence.words[0] == "Ko\u0308ln", "words stay as they are written"

    def test_no_more_entities_are_no_words_than_there_are(self, tmp_path: Path) -> None:
        """Without spaces a whole sentence is one word, and its entities one span."""
        record = {
            "text": "李华出生于上海。",
            "entities": [
                {"start": 0, "end": 2, "label": "人"},
                {"start": 5, "end": 7, "label": "人"},
            ],
            "relations": [],
        }
        files = {"train": (write_lines(tmp_path / "train.json", [record]),)}
        _, (finding,) = read_files(files)
        assert "2 of 2 arguments and entities" in finding.text


def test_lines_of_brat_that_are_wrapped_are_joined(tmp_path: Path) -> None:
    """An entity across a line end is in two parts, and one of the splits shows how to read all."""
    text = (
        "Side effects\nThe patient was given aspirin and\nthen had a severe skin\nrash on both "
        "arms. No\nmore drugs were\ngiven.\n\nBob\n"
    )
    places = [(text.index(part), part) for part in ("aspirin", "skin\nrash", "arms")]
    rows = [f"T{k}\tX {at} {at + len(part)}\t{part}\n" for k, (at, part) in enumerate(places)]
    at = places[1][0]
    rows[1] = f"T1\tX {at} {at + 4};{at + 5} {at + 9}\tskin rash\n"
    rows += ["R1\tcauses Arg1:T0 Arg2:T1\n", "R2\tat Arg1:T1 Arg2:T2\n"]
    for split, content in (("train", text), ("dev", "Ann met\nBob.\n")):
        (tmp_path / split).mkdir()
        (tmp_path / split / "d.txt").write_text(content)
        (tmp_path / split / "d.ann").write_text("".join(rows) if split == "train" else "")
    splits, findings = read_files({"dev": (tmp_path / "dev",), "train": (tmp_path / "train",)})
    assert [sentence.words for sentence in splits["dev"]] == [("Ann", "met", "Bob", ".")]
    title, first, second, last = splits["train"]
    assert (title.words, last.words) == (("Side", "effects"), ("Bob",))
    assert [first.text(span) for span in first.entities] == ["aspirin", "skin rash", "arms"]
    assert [triple.relation for triple in first.triples] == ["causes", "at"]
    assert second.words == ("No", "more", "drugs", "were", "given", ".")
    assert {f.code for f in findings} == {"tokenized", "wrapped-lines"}


def test_lines_of_brat_without_an_entity_across_them_are_sentences(tmp_path: Path) -> None:
    (tmp_path / "d.txt").write_text("Ann met Bob\nand they left")
    (tmp_path / "d.ann").write_text("T1\tP 0 3\tAnn\n")
    first, second = read_split(tmp_path)
    assert (first.words[-1], second.words[0]) == ("Bob", "and")
