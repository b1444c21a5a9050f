"""Every format that a corpus comes in, read to words, spans, types and triples."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from rin_core.data.corpus import CorpusError, Sentence, Span, Triple
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.split import READERS, read_files, read_split
from rin_core.data.sentence_splitter import sentence_offsets
from tests.corpora import SPERT, TRIPLES, Record, changed, write_lines, write_list

WORDS = ("Ann", "Lee", "met", "Bob", ".")
ANN, BOB = Span(0, 2), Span(3, 4)
MET = Triple(ANN, "met", BOB)
TEXT = "Ann Lee met Bob."

DYGIE: Record = {
    "doc_key": "d",
    "sentences": [["He", "slept", "."], list(WORDS)],
    "ner": [[[0, 0, "PER"]], [[3, 4, "PER"], [6, 6, "PER"]]],
    "relations": [[], [[3, 4, 6, 6, "met"], [3, 4, 0, 0, "knows"]]],
}
TAGS: Record = {
    "tokens": WORDS,
    "tags": ["B-PER", "L-PER", "O", "U-PER", "O"],
    "relations": [{"type": "met", "head": 0, "tail": 1}],
}
_UIE_ENDS = [
    {"type": "PER", "offset": [0, 1], "text": "Ann Lee"},
    {"type": "PER", "offset": [3], "text": "Bob"},
]
UIE: Record = {
    "tokens": WORDS,
    "entity": _UIE_ENDS,
    "relation": [{"type": "met", "args": _UIE_ENDS}],
}
TPLINKER: Record = {
    "text": TEXT,
    "entity_list": [
        {"text": "Ann Lee", "type": "PER", "char_span": [0, 7]},
        {"text": "Bob", "type": "PER", "char_span": [12, 15]},
    ],
    "relation_list": [
        {
            "subject": "Ann Lee",
            "predicate": "met",
            "object": "Bob",
            "subj_char_span": [0, 7],
            "obj_char_span": [12, 15],
        }
    ],
}
DUIE: Record = {
    "text": TEXT,
    "spo_list": [
        {
            "subject": "Ann Lee",
            "subject_type": "PER",
            "predicate": "met",
            "object": {"@value": "Bob"},
            "object_type": {"@value": "PER"},
        }
    ],
}
DOCCANO: Record = {
    "text": TEXT,
    "entities": [
        {"id": 7, "label": "PER", "start_offset": 0, "end_offset": 7},
        {"id": 9, "label": "PER", "start_offset": 12, "end_offset": 15},
    ],
    "relations": [{"from_id": 7, "to_id": 9, "type": "met"}],
}
LABEL_STUDIO: Record = {
    "data": {"text": TEXT},
    "annotations": [
        {
            "result": [
                {"id": "a", "type": "labels", "value": {"start": 0, "end": 7, "labels": ["PER"]}},
                {"id": "b", "type": "labels", "value": {"start": 12, "end": 15, "labels": ["PER"]}},
                {"type": "relation", "from_id": "a", "to_id": "b", "labels": ["met"]},
            ]
        }
    ],
}
COLUMNS = """#doc 1
0\tAnn\tB-PER\t['N']\t[0]
1\tLee\tI-PER\t['met']\t[3]
2\tmet\tO\t['N']\t[2]
3\tBob\tB-PER\t['N']\t[3]
4\t.\tO\t['N']\t[4]
#doc 2
0\tRain\tO\t['N']\t[0]
"""
CORP = """0\tPER\t0\tO\tNNP/NNP\tAnn/Lee\tO\tO\tO
0\tO\t1\tO\tVBD\tmet\tO\tO\tO
0\tPER\t2\tO\tNNP\tBob\tO\tO\tO
0\tO\t3\tO\t.\t.\tO\tO\tO

0\t2\tmet

1\tO\t0\tO\tNN\tRain\tO\tO\tO

"""
ANN_FILE = """T1\tPER 0 7\tAnn Lee
T2\tPER 12 15\tBob;
T3\tMEETS 8 11\tmet
T4\tPER 0 3;12 15\tAnn Bob
T5\tPER 17 19\tHe
E1\tmet:T3 Theme:T2 Agent:T1
R1\tknows Arg1:T1 Arg2:T5
"""


def read_one(folder: Path, record: Record) -> tuple[list[Sentence], dict[str, int]]:
    """Read a corpus whose three splits have the one record; return findings with their counts."""
    files = {}
    for split in ("train", "dev", "test"):
        files[split] = (write_lines(folder / f"{split}.json", [record]),)
    splits, findings = read_files(files)
    return list(splits["train"]), {finding.code: finding.count for finding in findings}


@pytest.mark.parametrize(
    "record",
    [TAGS, UIE, TPLINKER, DUIE, DOCCANO, LABEL_STUDIO],
    ids=["tags", "uie", "tplinker", "duie", "doccano", "label studio"],
)
def test_formats_agree(tmp_path: Path, record: Record) -> None:
    (sentence,), notes = read_one(tmp_path, record)
    assert (sentence.words, sentence.triples) == (WORDS, (MET,))
    assert (sentence.entities, sentence.types) == ((ANN, BOB), ("PER", "PER"))
    assert notes == ({} if "tokens" in record else {"tokenized": 0})


def test_a_document_of_dygie_becomes_sentences(tmp_path: Path) -> None:
    (first, second), notes = read_one(tmp_path, DYGIE)
    assert (first.words, first.types, first.triples) == (("He", "slept", "."), ("PER",), ())
    assert (second.words, second.triples) == (WORDS, (MET,))
    assert (second.entities, second.types) == ((ANN, BOB), ("PER", "PER"))
    assert notes == {"relations-across-sentences": 3}


@pytest.mark.parametrize("content", [COLUMNS, CORP], ids=["columns", "corp"])
def test_rows(tmp_path: Path, content: str) -> None:
    (tmp_path / "train.txt").write_text(content)
    first, second = read_split(tmp_path / "train.txt")
    assert (first.words, first.triples, first.types) == (WORDS, (MET,), ("PER", "PER"))
    assert (second.words, second.entities) == (("Rain",), ())


def test_tags_of_corp_are_kept(tmp_path: Path) -> None:
    (tmp_path / "all.corp").write_text(CORP)
    assert read_split(tmp_path / "all.corp")[0].pos == ("NNP", "NNP", "VBD", "NNP", ".")


def test_brat(tmp_path: Path) -> None:
    (tmp_path / "d.txt").write_text(f"{TEXT} He slept.")
    (tmp_path / "d.ann").write_text(f"{ANN_FILE}T6\tPER 12 19\tBob. He")
    reading = Reading()
    first, second = read_split(tmp_path, reading)
    assert (first.words, first.triples, first.types) == (WORDS, (MET,), ("PER", "PER"))
    assert (second.words, second.entities) == (("He", "slept", "."), (Span(0, 1),))
    assert reading.counts == {
        "entities-with-gaps": (1, repr("T4\tPER 0 3;12 15\tAnn Bob")),
        "entities-across-sentences": (1, repr("Bob. He")),
        "relations-across-sentences": (1, repr(("T1", "knows", "T5"))),
    }


def test_parquet_and_arrow(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    struct = {key: [entity[key] for entity in SPERT["entities"]] for key in SPERT["entities"][0]}
    table = pyarrow.Table.from_pylist([SPERT, SPERT])
    parquet.write_table(table, tmp_path / "train.parquet")
    with pyarrow.OSFile(str(tmp_path / "x.arrow"), "wb") as file:  # as Hugging Face saves it
        lists = pyarrow.Table.from_pylist([changed(SPERT, entities=struct)])
        with pyarrow.ipc.new_stream(file, lists.schema) as writer:
            writer.write_table(lists)
    path = str(tmp_path / "y.arrow")
    with pyarrow.OSFile(path, "wb") as file, pyarrow.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    expected = read_split(write_lines(tmp_path / "x.json", [SPERT]))
    assert read_split(tmp_path / "train.parquet") == expected * 2
    assert read_split(tmp_path / "x.arrow") == expected
    assert read_split(tmp_path / "y.arrow") == expected * 2
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "train.parquet").read_bytes()[:50])
    with pytest.raises(CorpusError, match=r"cut\.parquet: pyarrow cannot read it"):
        read_split(tmp_path / "cut.parquet")


def test_parquet_without_pyarrow_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "train.parquet").write_bytes(b"PAR1")
    with pytest.raises(CorpusError, match="pip install pyarrow"):
        read_split(tmp_path / "train.parquet")


@pytest.mark.parametrize(("end", "inclusive"), [(0, True), (1, False)])
def test_token_spans_of_triple_lists(tmp_path: Path, end: int, inclusive: bool) -> None:
    triple = [[0, 1 if inclusive else 2], "met", [3, 3 + end]]
    single = [[0, end], "is", [3, 3 + end]]
    record = {"text": "Ann Lee met Bob .", "triple_list": [triple, single]}
    (sentence,), notes = read_one(tmp_path, record)
    assert sentence.triples == (MET, Triple(Span(0, 1), "is", BOB))
    assert list(notes) == ["inclusive-spans" if inclusive else "exclusive-spans"]


def test_one_split_tells_where_token_spans_end(tmp_path: Path) -> None:
    pair = {"text": "Ann Lee met Bob .", "triple_list": [[[0, 1], "met", [2, 3]]]}
    single = {"text": "Ann Lee met Bob .", "triple_list": [[[0, 1], "met", [3, 3]]]}
    files = {
        "train": (write_lines(tmp_path / "train.json", [pair]),),
        "dev": (write_lines(tmp_path / "dev.json", [single]),),
    }
    splits, findings = read_files(files)
    assert [s.triples[0].subject for split in splits.values() for s in split] == [ANN, ANN]
    assert [finding.code for finding in findings] == ["inclusive-spans"]


class TestCharacterSpansOfSpert:
    @staticmethod
    def record(name: str) -> Record:
        return {
            "tokens": ["Ann", name, "met", "Bob", "."],
            "entities": [
                {"type": "PER", "start": 0, "end": 4 + len(name)},
                {"type": "PER", "start": 9 + len(name), "end": 12 + len(name)},
            ],
            "relations": [{"type": "met", "head": 0, "tail": 1}],
        }

    def test_they_are_read_as_characters(self, tmp_path: Path) -> None:
        reading = Reading()
        records = [self.record(name) for name in ("Lee", "Li", "Moe", "Kern")]
        for sentence in read_split(write_list(tmp_path / "x", records), reading):
            assert (sentence.triples, sentence.entities) == ((MET,), (ANN, BOB))
        assert [finding.code for finding in reading.findings()] == ["character-spans"]
        few = write_list(tmp_path / "y", records[:1])  # as the file before
        assert read_split(few, reading)[0].triples == (MET,)

    def test_few_sentences_show_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match="start 0 and end 7"):
            read_split(write_list(tmp_path / "x", [self.record("Lee")] * 4))


class TestText:
    """Text is tokenized where arguments are no words between spaces."""

    def test_punctuation_at_words(self, tmp_path: Path) -> None:
        record = {"text": TEXT, "triple_list": [["Ann Lee", "met", "Bob"]]}
        (sentence,), notes = read_one(tmp_path, record)
        assert (sentence.words, sentence.triples, sentence.missing) == (WORDS, (MET,), ())
        assert notes == {"tokenized": 0}

    def test_chinese(self, tmp_path: Path) -> None:
        record = {"text": "前降支狭窄40%。", "triple_list": [["前降支", "r", "狭窄"]]}
        (sentence,), _ = read_one(tmp_path, record)
        assert sentence.words == ("前", "降", "支", "狭", "窄", "40", "%", "。")
        assert sentence.triples == (Triple(Span(0, 3), "r", Span(3, 5)),)

    def test_words_between_spaces_stay_as_they_are(self, tmp_path: Path) -> None:
        record = {"text": "Ann's cat met Bob .", "triple_list": [["Ann's cat", "met", "Bob"]]}
        (sentence,), notes = read_one(tmp_path, record)
        assert (sentence.words, notes) == (("Ann's", "cat", "met", "Bob", "."), {})

    def test_what_the_tokenizer_does_not_help_stays_too(self, tmp_path: Path) -> None:
        record = {"text": "Ann's cat slept.", "triple_list": [["Ann's cat", "met", "Bob"]]}
        (sentence,), notes = read_one(tmp_path, record)
        assert (sentence.words, notes) == (("Ann's", "cat", "slept."), {})

    def test_quotation_marks_do_not_hide_the_first_word(self, tmp_path: Path) -> None:
        relation = {"em1Text": "Ann Lee", "em2Text": "Bob", "label": "met"}
        none = {**relation, "label": "None"}
        record = {
            "sentText": '"Ann Lee met Bob ."',
            "relationMentions": [none, relation],
            "entityMentions": [],
        }
        (sentence,), notes = read_one(tmp_path, record)
        assert sentence.words == ('"', *WORDS, '"')
        assert sentence.triples == (Triple(Span(1, 3), "met", Span(4, 5)),)
        assert notes == {"tokenized": 0, "none-relations": 3}

    def test_an_entity_that_cuts_a_word_is_widened(self, tmp_path: Path) -> None:
        spans = [{"label": "P", "start": 0, "end": 3}, {"label": "P", "start": 9, "end": 12}]
        record = {
            "text": "Anna met Bobby",
            "entities": spans,
            "relations": [{"type": "met", "head": 0, "tail": 1}],
        }
        (sentence,), notes = read_one(tmp_path, record)
        assert sentence.triples == (Triple(Span(0, 1), "met", Span(2, 3)),)
        assert notes == {"widened-entities": 6}


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Dr. Ann met Bob. They left.", ["Dr. Ann met Bob.", "They left."]),
        ("A title\n\nIt is 3.5 m long (see Fig. 2).\r\n", 2),
        ("他来了。她走了！", ["他来了。", "她走了！"]),
        ("Why? 'Never.' Yes!", ["Why?", "'Never.'", "Yes!"]),
        (" \n ", []),
        ("ends in the U.S. ", ["ends in the U.S."]),
    ],
)
def test_sentences_of_a_text(text: str, sentences: Any) -> None:
    found = [text[start:end] for start, end in sentence_offsets(text)]
    assert (len(found) if isinstance(sentences, int) else found) == sentences


BROKEN: dict[str, tuple[Record, str]] = {
    "ner of another length": (changed(DYGIE, ner=[[]]), "field ner: .*2 lists, one a sentence"),
    "ner row": (changed(DYGIE, ner=[[[0, "a", "P"]], []]), r"field ner\[0\]\[0\]: found"),
    "sentence as text": (changed(DYGIE, sentences=["a b"]), r"field sentences\[0\]: found 'a b'"),
    "tag": (changed(TAGS, tags=["X"] * 5), r"field tags\[0\]: found 'X', expected O, or a tag"),
    "number of tags": (changed(TAGS, tags=["O"]), "field tags: found 1 tags, expected 5"),
    "uie offset": (
        changed(UIE, entity=[{"type": "P", "offset": [9]}]),
        r"field entity\[0\]\.offset: found \[9\]",
    ),
    "uie arguments": (
        changed(UIE, relation=[{"type": "r", "args": []}]),
        r"field relation\[0\]\.args: found \[\]",
    ),
    "span beyond the text": (
        changed(DOCCANO, entities=[{"label": "P", "start_offset": 3, "end_offset": 99}]),
        r"field entities\[0\]: found start 3 and end 99, expected 0 <= start < end <= 16",
    ),
    "unknown id": (
        changed(DOCCANO, relations=[{"from_id": 7, "to_id": 1, "type": "r"}]),
        r"field relations\[0\]: found the entity 1",
    ),
    "unknown result": (
        changed(LABEL_STUDIO, annotations=[{"result": [{"type": "relation", "from_id": "a"}]}]),
        r"result\[0\]\.to_id: found",
    ),
    "object": (
        changed(DUIE, spo_list=[{"subject": "a", "predicate": "r", "object": 3}]),
        r"field spo_list\[0\]\.object: found 3",
    ),
    "no predicate": (
        changed(TPLINKER, relation_list=[{"subject": "Ann Lee", "object": "Bob"}]),
        r"field relation_list\[0\]\.predicate",
    ),
    "token span": (
        changed(TRIPLES, triple_list=[[[0, 9], "r", [1, 2]]]),
        r"field triple_list\[0\]\[0\]: found \[0, 9\]",
    ),
}


@pytest.mark.parametrize(("record", "message"), BROKEN.values(), ids=BROKEN)
def test_faults_name_record_and_field(tmp_path: Path, record: Record, message: str) -> None:
    path = write_lines(tmp_path / "dev.json", [TRIPLES, record])
    with pytest.raises(CorpusError, match=rf"dev\.json:2: record 2: .*{message}"):
        read_split(path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("0\ta\tB-P\t['r']\t[7]\n", "row 0: found the word '7'"),
        ("0\ta\tB-P\t['r', 'q']\t[0]\n", "row 0: found .*a last word for each relation"),
        ("0\ta\tO\t['N']\t[0]\n1\tb\n", "row 1: found 2 columns, expected 5"),
        (CORP.replace("0\t2\tmet", "0\t9\tmet"), "relation: found .*two rows from 0 to 3"),
        ("0\ta\tB-P\t['r']\t[99999999999]\n", "row 0: found the word '99999"),
        ("a\tO\n", "looks like columns without relations"),
    ],
)
def test_faults_of_rows(tmp_path: Path, rows: str, message: str) -> None:
    (tmp_path / "train.txt").write_text(rows)
    with pytest.raises(CorpusError, match=rf"train\.txt:1: .*{message}"):
        read_split(tmp_path / "train.txt")


@pytest.mark.parametrize(
    "line", ["T1\tPER 0 99\tAnn", "T1\tPER x 3\tAnn", "T1\tPER ² 3\tAnn", "T1"]
)
def test_faults_of_brat(tmp_path: Path, line: str) -> None:
    (tmp_path / "d.txt").write_text("Ann")
    (tmp_path / "d.ann").write_text(line)
    with pytest.raises(CorpusError, match=r"d\.ann: field line 1: found"):
        read_split(tmp_path)


RECORDS = (DYGIE, TAGS, UIE, TPLINKER, DUIE, DOCCANO, LABEL_STUDIO, TRIPLES, {"rows": [], "ann": 1})
VALUES = (None, True, -1, 0, 10**9, 0.5, "", "a", [], [[]], [[1, 2]], {}, {"text": "a b"}, ["B-P"])


def mutated(value: Any, draw: random.Random) -> Any:
    """Replace, drop or keep each part of a record."""
    if draw.random() < 0.03:
        return draw.choice(VALUES)
    if isinstance(value, dict):
        return {k: mutated(v, draw) for k, v in value.items() if draw.random() < 0.98}
    return [mutated(part, draw) for part in value] if isinstance(value, list | tuple) else value


def test_no_record_ends_in_another_error(tmp_path: Path) -> None:
    messages = []
    for seed in range(1500):
        draw = random.Random(seed)
        path = write_lines(tmp_path / "x", [TRIPLES, mutated(draw.choice(RECORDS), draw)])
        for tokenizes in (False, True):
            try:
                read_split(path, Reading(tokenizes=tokenizes))
            except CorpusError as error:
                messages.append(str(error))
    assert 500 < len(messages) < 2500
    assert all("record 2: " in message for message in messages)


def test_a_brat_file_without_its_text(tmp_path: Path) -> None:
    (tmp_path / "d.ann").write_text("T1\tP 0 1\ta")
    with pytest.raises(CorpusError, match=r"d\.txt: cannot be read"):
        read_split(tmp_path)
    (tmp_path / "d.txt").write_bytes(b"\xff")
    with pytest.raises(CorpusError, match="not UTF-8"):
        read_split(tmp_path)


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"vertexSet": [], "sents": [], "labels": []}, "DocRED"),
        ({"token": [], "subj_start": 0, "obj_start": 1}, "TACRED"),
        ({"tokens": [], "h": {}, "t": {}}, "FewRel"),
        ({"content": "", "result_list": [], "prompt": ""}, "PaddleNLP"),
    ],
)
def test_what_is_not_read_is_named(tmp_path: Path, record: Record, name: str) -> None:
    with pytest.raises(CorpusError, match=rf"this looks like {name}.*formats that are read: SpERT"):
        read_split(write_list(tmp_path / "x.json", [record]))


def test_readers_are_small() -> None:
    for name, reader in READERS.items():
        source = Path(str(reader.__file__)).read_text().splitlines()  # type: ignore[attr-defined]
        assert len(source) <= 60, name


def test_json_stays_json(tmp_path: Path) -> None:
    """A tab in JSON makes no columns of it."""
    (tmp_path / "x.txt").write_text(json.dumps([TRIPLES], indent="\t"))
    assert len(read_split(tmp_path / "x.txt")) == 1
