"""Faults of a corpus: the error names the file, the record and the field."""

from __future__ import annotations

import gzip
import random
from pathlib import Path
from typing import Any

import pytest

from rin_core.data.corpus import CorpusError
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.split import read_split
from tests.corpora import TRIPLES, Record, changed, write_lines, write_list
from tests.formats import (
    CORP,
    DOCCANO,
    DUIE,
    DYGIE,
    LABEL_STUDIO,
    PRODIGY,
    RECORDS,
    TAGS,
    TEXT,
    TPLINKER,
    UIE,
)

BROKEN: dict[str, tuple[Record, str]] = {
    "ner of another length": (changed(DYGIE, ner=[[]]), "field ner: .*2 lists, one per sentence"),
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
    "a span of blanks": (
        {"text": "a  b", "entities": [{"label": "P", "start": 1, "end": 3}], "relations": []},
        r"field entities\[0\]: found only blanks from start 1 to end 3",
    ),
    "unknown id": (
        changed(DOCCANO, relations=[{"from_id": 7, "to_id": 1, "type": "r"}]),
        r"field relations\[0\]: found the entity 1",
    ),
    "an id twice": (
        changed(DOCCANO, entities=[{**DOCCANO["entities"][0], "id": 7}] * 2),
        r"field entities\[1\]\.id: found 7, expected an id that no other entity",
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
    "triple without an object": (
        {"text": TEXT, "relations": [{"subject": "Ann Lee", "relation": "met"}]},
        r"field relations\[0\]: found .*, expected subject, relation and object",
    ),
    "triple of numbers": (
        {"text": TEXT, "relations": [{"head": 0, "type": "met", "tail": 1}]},
        r"field relations\[0\]\.head: found 0, expected text",
    ),
    "tokens in another order": (
        changed(PRODIGY, tokens=PRODIGY["tokens"][::-1]),
        r"field tokens\[1\]: found start 12 and end 15, expected 16 <= start",
    ),
    "tokens without a word": (
        changed(PRODIGY, tokens=PRODIGY["tokens"][:3]),
        "the entity 'Bob' is in no word: correct its offsets, or the tokens",
    ),
    "span of a head": (
        changed(PRODIGY, relations=[{"label": "r", "head": 1, "child": 2}]),
        r"field relations\[0\]\.head_span: found only the fields",
    ),
    "a region of HTML": (
        changed(
            LABEL_STUDIO,
            annotations=[
                {
                    "result": [
                        {
                            "id": "a",
                            "type": "hypertextlabels",
                            "value": {"start": "/p[1]", "globalOffsets": {"start": 0, "end": 3}},
                        }
                    ]
                }
            ],
        ),
        r"result\[0\]\.value: found a place in HTML, expected .* label with the tag Text",
    ),
    "text of a task": (
        changed(LABEL_STUDIO, data={"title": "a b", "body": "c d"}),
        r"field data\.text: found only the fields \['title', 'body'\], expected text; rename",
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
    ("lines", "message"),
    [
        ("T1\tPER 0 99\tEve", "line 1: found start 0 and end 99"),
        ("T1\tPER x 3", "line 1: found"),
        ("T1\tPER ² 3\tEve", "line 1: found"),
        ("T1", "line 1: found"),
        ("T1\tPER 4 6\t  \n", "line 1: found only blanks"),
        ("T1\tPER 0 3\tAnn\nT1\tPER 6 9\tmet\n", "line 2: found T1, expected an id"),
    ],
)
def test_faults_of_brat(tmp_path: Path, lines: str, message: str) -> None:
    (tmp_path / "d.txt").write_text("Ann   met")
    (tmp_path / "d.ann").write_text(lines)
    with pytest.raises(CorpusError, match=rf"d\.ann: field {message}"):
        read_split(tmp_path)


#: Records to damage at random; the last has rows that no file has.
TO_DAMAGE = (*RECORDS.values(), {"rows": [], "ann": 1})


VALUES: tuple[object, ...] = (
    None, True, -1, 0, 10**9, 0.5, "", "a", [], [[]], [[1, 2]], {}, {"text": "a b"}, ["B-P"]
)  # fmt: skip


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
        path = write_lines(tmp_path / "x", [TRIPLES, mutated(draw.choice(TO_DAMAGE), draw)])
        for tokenizes in (False, True):
            try:
                read_split(path, Reading(tokenizes=tokenizes))
            except CorpusError as error:
                messages.append(str(error))
    assert 500 < len(messages) < 2500
    assert all("record 2: " in message for message in messages)


def test_an_entity_of_brat_that_is_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "d.txt").write_text("Ann \ufeff met Bob.", encoding="utf-8")
    (tmp_path / "d.ann").write_text("T1\tPER 4 5\t\ufeff", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"d\.ann: the entity .* is in no word"):
        read_split(tmp_path)


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
        ({"text": "a", "ents": [], "tokens": []}, "spaCy's JSON"),
        ({"id": 1, "text": "a", "label": [[0, 1, "P"]]}, "doccano or JSON-MIN"),
        ({"data": {"text": "a"}, "completions": []}, "Label Studio before 1.0: rename"),
        ({"text": "a", "tokens": [], "spans": [1]}, "Prodigy without relations"),
    ],
)
def test_what_is_not_read_is_named(tmp_path: Path, record: Record, name: str) -> None:
    with pytest.raises(CorpusError, match=rf"this looks like {name}.*formats that are read: SpERT"):
        read_split(write_list(tmp_path / "x.json", [record]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{\n "text": "a",\n "triple_list": []\n}\n', "continues on the next line; .* a list"),
        ("{'text': 'a'}", "write double quotes"),
        ('[{"text": "a"},]', "remove the comma before it"),
        ('{"text": "a"} {"text": "b"}', "one record per line, or one list"),
        ("text,label", "check the format"),
        ('{"version": 1, "data": [{"text": "a"}]}', "the records are in the field 'data'"),
        ('{"text": "a", "text": "b"}', "an object has the field 'text' twice: .*; keep one"),
        (
            '[{"text": "a"},\n{"text": "b", "spans": [{"label": "X", "label": "Y"}]}]',
            r"an object has the field 'label' twice: \"label: 'X', label: 'Y'\"; keep one",
        ),
        ('{"text": "a", "triple_list": null}', r"found None, expected a list \(\[\] for none\)"),
    ],
)
def test_records_in_another_shape_have_a_remedy(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(CorpusError, match=rf"x\.json.*: .*{message}"):
        read_split(tmp_path / "x.json")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (gzip.compress(b"{}", mtime=0), "packed with gzip: unpack"),
        ('{"text": "a"}'.encode("utf-16"), "UTF-16 text: save it as UTF-8"),
        ("{'text': 'é'}".encode("latin-1"), r"not UTF-8 text \(.*\): save it as UTF-8"),
        (b"PK\x03\x04\xff", "a zip archive: unpack"),
    ],
)
def test_what_is_no_utf_8_is_named(tmp_path: Path, raw: bytes, message: str) -> None:
    (tmp_path / "x.json").write_bytes(raw)
    with pytest.raises(CorpusError, match=rf"x\.json:1: .*{message}"):
        read_split(tmp_path / "x.json")
