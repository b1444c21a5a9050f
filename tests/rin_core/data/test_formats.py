"""Every format that a corpus comes in, read to words, spans, types and triples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rin_core.data.corpus import CorpusError, Sentence, Span, Triple, shown
from rin_core.data.readers.formats import READERS, format_of_record
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.split import read_files, read_split
from tests.corpora import SPERT, TRIPLES, Record, changed, write_lines, write_list
from tests.formats import (
    ANN,
    ANN_FILE,
    BOB,
    CORP,
    DOCCANO,
    DUIE,
    DYGIE,
    EXAMPLES,
    FILES,
    LABEL_STUDIO,
    MET,
    RECORDS,
    TAGS,
    TEXT,
    UIE,
    WORDS,
)

DOCUMENT = Path(__file__).parents[3] / "docs" / "data.md"


def read_one(folder: Path, record: Record) -> tuple[list[Sentence], dict[str, int]]:
    """Read a corpus whose three splits have the one record; return findings with their counts."""
    files = {}
    for split in ("train", "dev", "test"):
        files[split] = (write_lines(folder / f"{split}.json", [record]),)
    splits, findings = read_files(files)
    return list(splits["train"]), {finding.code: finding.count for finding in findings}


def test_every_reader_has_an_example_and_a_row_in_the_document() -> None:
    assert EXAMPLES.keys() == READERS.keys()
    written = DOCUMENT.read_text(encoding="utf-8").replace("`", "")
    assert [name for name in READERS if f"\n| {name} | " not in written] == []


@pytest.mark.parametrize("name", [name for name in RECORDS if name != "DyGIE++/PURE"])
def test_formats_agree(tmp_path: Path, name: str) -> None:
    record = RECORDS[name]
    (sentence,), notes = read_one(tmp_path, record)
    assert (sentence.words, sentence.triples) == (WORDS, (MET,))
    types = () if name in ("triple lists", "CopyRE") else ("PER", "PER")
    assert (sentence.entities, sentence.types) == ((ANN, BOB), types)
    assert notes == ({} if "tokens" in record else {"tokenized": 0})


@pytest.mark.parametrize(
    "record",
    [
        {"sentence": TEXT, "triples": [{"head": "Ann Lee", "type": "met", "tail": "Bob"}]},
        {"text": TEXT, "triplets": [["Ann Lee", "met", "Bob"]]},
        {"text": TEXT, "relations": [{"subject": "Ann Lee", "predicate": "met", "object": "Bob"}]},
        {
            "text": TEXT,
            "entities": [{"text": "Ann Lee", "type": "PER"}, {"text": "Bob", "label": "PER"}],
            "relations": [{"head": "Ann Lee", "label": "met", "tail": "Bob"}],
        },
    ],
)
def test_triples_as_people_write_them(tmp_path: Path, record: Record) -> None:
    (sentence,), notes = read_one(tmp_path, record)
    assert (sentence.words, sentence.triples, sentence.entities) == (WORDS, (MET,), (ANN, BOB))
    assert sentence.types == (("PER", "PER") if "entities" in record else ())
    assert notes == {"tokenized": 0}


def test_a_document_of_dygie_becomes_sentences(tmp_path: Path) -> None:
    (first, second), notes = read_one(tmp_path, DYGIE)
    assert (first.words, first.types, first.triples) == (("He", "slept", "."), ("PER",), ())
    assert (second.words, second.triples) == (WORDS, (MET,))
    assert (second.entities, second.types) == ((ANN, BOB), ("PER", "PER"))
    assert notes == {"relations-across-sentences": 3}


@pytest.mark.parametrize(
    "ids",
    [
        # Alike at both ends, where a shortened text would be the same.
        [f"https://example.org/annotations/{number}/entities/person" for number in (1, 2)],
        [None, None],
    ],
    ids=["long", "null"],
)
def test_entities_with_other_ids_are_other_entities(tmp_path: Path, ids: list[Any]) -> None:
    entities = [{**e, "id": i} for e, i in zip(DOCCANO["entities"], ids, strict=True)]
    head, tail = ids if ids[0] else (0, 1)
    relations = [{"from_id": head, "to_id": tail, "type": "met"}]
    (sentence,), _ = read_one(tmp_path, changed(DOCCANO, entities=entities, relations=relations))
    assert (sentence.entities, sentence.triples) == ((ANN, BOB), (MET,))


def test_a_choice_on_a_region_keeps_the_label_of_the_region(tmp_path: Path) -> None:
    (annotation,) = LABEL_STUDIO["annotations"]
    choice = {"id": "a", "type": "choices", "value": {"start": 0, "end": 7, "choices": ["sure"]}}
    result = [*annotation["result"], choice]
    (sentence,), _ = read_one(tmp_path, changed(LABEL_STUDIO, annotations=[{"result": result}]))
    assert (sentence.entities, sentence.types) == ((ANN, BOB), ("PER", "PER"))


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
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
        code: (1, f"{shown(example)} in {tmp_path.name}/d.ann")
        for code, example in (
            ("other-text", ("Bob;", "Bob")),
            ("entities-with-gaps", "T4\tPER 0 3;12 15\tAnn Bob"),
            ("entities-across-sentences", "Bob. He"),
            ("relations-across-sentences", ("T1", "knows", "T5")),
        )
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


def test_a_triple_list_may_have_spans_and_text(tmp_path: Path) -> None:
    triples = [[[0, 2], "met", [3, 4]], ["Bob", "knows", "Ann Lee"], ["Bob", "knows", "Eve"]]
    record = {"text": "Ann Lee met Bob .", "triple_list": triples}
    (sentence,), _ = read_one(tmp_path, record)
    assert sentence.triples == (MET, Triple(BOB, "knows", ANN))
    assert (sentence.missing, sentence.missing_entities) == ((("Bob", "knows", "Eve"),), ("Eve",))


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
    """Text is tokenized if arguments are not whole words between spaces."""

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
        assert notes == {"cut-words": 6}


@pytest.mark.parametrize(
    "record",
    [
        changed(SPERT, entities=[*SPERT["entities"], {"type": "C", "start": 2, "end": 4}]),
        changed(UIE, entity=[*UIE["entity"], {"type": "C", "offset": [3]}]),
        changed(DYGIE, ner=[[], [*DYGIE["ner"][1], [6, 6, "C"]]]),
        changed(DOCCANO, entities=[*DOCCANO["entities"], {"label": "C", "start": 12, "end": 15}]),
        changed(DUIE, spo_list=[*DUIE["spo_list"], {**DUIE["spo_list"][0], "subject_type": "C"}]),
    ],
    ids=["SpERT", "UIE", "DyGIE++", "doccano", "DuIE"],
)
def test_a_second_type_of_an_entity_is_counted(tmp_path: Path, record: Record) -> None:
    reading = Reading(tokenizes=True)
    read_split(write_lines(tmp_path / "x", [record]), reading)
    assert reading.counts["further-types"][0] == 1


def test_offsets_of_dygie_may_count_in_sentences(tmp_path: Path) -> None:
    """Most documents of a file tell what they count: in one, the numbers may fit both ways."""
    both = {
        "sentences": [["He"], ["Ann", "Lee", "met"]],
        "ner": [[], [[1, 2, "PER"]]],
        "relations": [[], []],
    }
    local = changed(DYGIE, ner=[[], [[0, 1, "PER"]]], relations=[[], []])
    for records, expected in (([both, local], Span(1, 3)), ([both, DYGIE], Span(0, 2))):
        path = write_lines(tmp_path / "x", records)
        reading = Reading()
        assert read_split(path, reading)[1].entities == (expected,)
        assert ("sentence-offsets" in reading.remarks) == (local in records)


def test_the_text_of_an_entity_of_uie_is_compared(tmp_path: Path) -> None:
    wrong = changed(UIE, entity=[{"type": "PER", "offset": [0, 1], "text": "Bob"}])
    reading = Reading()
    read_split(write_lines(tmp_path / "x", [UIE, wrong]), reading)
    assert reading.counts == {"other-text": (1, "('Bob', 'Ann Lee') in x:2")}


def test_tags_that_begin_inside_are_counted(tmp_path: Path) -> None:
    tags = ["B-PER", "I-ORG", "O", "I-PER", "I-PER"]
    record = changed(TAGS, tags=tags, relations=[])
    reading = Reading()
    (sentence,) = read_split(write_lines(tmp_path / "x", [TAGS, record]), reading)[1:]
    assert sentence.types == ("PER", "ORG", "PER")
    assert reading.counts == {"inside-without-begin": (2, "['B-PER', 'I-ORG'] in x:2")}


def test_readers_are_small() -> None:
    for name, reader in READERS.items():
        source = Path(str(reader.__file__)).read_text().splitlines()  # type: ignore[attr-defined]
        assert len(source) <= 60, name


def test_json_stays_json(tmp_path: Path) -> None:
    """A tab in JSON makes no columns of it."""
    (tmp_path / "x.txt").write_text(json.dumps([TRIPLES], indent="\t"))
    assert len(read_split(tmp_path / "x.txt")) == 1


@pytest.mark.parametrize(
    ("entities", "name"),
    [
        (["Ann Lee"], "triple objects"),
        ([{"id": 1, "text": "Ann Lee", "type": "PER"}], "triple objects"),
        ([], "triple objects"),
        ([{"text": "Ann Lee", "span": [0, 7]}], "doccano"),
        ([{"text": "Ann Lee", "begin": 0, "end": 7}], "doccano"),
    ],
)
def test_entities_with_offsets_are_not_located_by_text(entities: list[object], name: str) -> None:
    triples = [{"subject": "Ann Lee", "relation": "met", "object": "Bob"}]
    record = {"text": "Ann Lee met Bob .", "entities": entities, "relations": triples}
    assert format_of_record(record) == name


def test_tokens_without_places_are_not_prodigys() -> None:
    record = {
        "text": "Ann met Bob",
        "tokens": ["Ann", "met", "Bob"],
        "relations": [[0, 0, 2, 2, "r"]],
    }
    with pytest.raises(CorpusError, match="unknown format"):
        format_of_record(record)
