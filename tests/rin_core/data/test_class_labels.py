"""Class numbers of Hugging Face get their names, or are refused with the remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rin_core.data.corpus import CorpusError, Sentence
from rin_core.data.readers.class_labels import with_names
from rin_core.data.readers.split import read_split
from tests.corpora import SPERT, Record, changed, write_lines

TYPES = {"_type": "ClassLabel", "names": ["A", "B"]}
RELATIONS = {"_type": "ClassLabel", "names": ["other", "crew"]}
FEATURES = {
    "tokens": {"_type": "Sequence", "feature": {"_type": "Value", "dtype": "string"}},
    "entities": [{"type": TYPES, "start": {"_type": "Value"}, "end": {"_type": "Value"}}],
    "relations": {"_type": "List", "feature": {"type": RELATIONS, "head": {}, "tail": {}}},
}
NUMBERED = changed(
    SPERT,
    entities=[{**SPERT["entities"][0], "type": 0}, {**SPERT["entities"][1], "type": 1}],
    relations=[{**SPERT["relations"][0], "type": 1}],
)
TAGGED: Record = {"tokens": ["Bean", "left"], "tags": [1, 0], "relations": []}


def check(read: tuple[Sentence, ...]) -> None:
    assert read[0].types == ("A", "B")
    assert [t.relation for t in read[0].triples] == ["crew"]


@pytest.mark.parametrize("folder", [".", "data"])
def test_names_from_a_description_beside_the_file(tmp_path: Path, folder: str) -> None:
    (tmp_path / "dataset_info.json").write_text(json.dumps({"features": FEATURES}))
    (tmp_path / folder).mkdir(exist_ok=True)
    check(read_split(write_lines(tmp_path / folder / "train.json", [NUMBERED])))


@pytest.mark.parametrize("stored", ["parquet", "arrow"])
def test_names_from_the_metadata_of_a_table(tmp_path: Path, stored: str) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.Table.from_pylist([NUMBERED])
    info = json.dumps({"info": {"features": FEATURES}})
    table = table.replace_schema_metadata({"huggingface": info})
    path = tmp_path / f"train.{stored}"
    if stored == "parquet":
        parquet.write_table(table, path)
    else:
        with (
            pyarrow.OSFile(str(path), "wb") as file,
            pyarrow.ipc.new_stream(file, table.schema) as writer,
        ):
            writer.write_table(table)
    check(read_split(path))


def test_a_sequence_of_objects_is_stored_as_an_object_of_sequences() -> None:
    features = {"_type": "Sequence", "feature": {"type": TYPES}}
    assert with_names({"type": [1, 0, -1]}, features) == {"type": ["B", "A", -1]}


def test_tags_with_numbers_get_their_names(tmp_path: Path) -> None:
    names = {"_type": "ClassLabel", "names": ["O", "B-PER"]}
    features = {"tags": {"_type": "Sequence", "feature": names}}
    (tmp_path / "dataset_info.json").write_text(json.dumps({"features": features}))
    assert read_split(write_lines(tmp_path / "train.json", [TAGGED]))[0].types == ("PER",)


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (NUMBERED, r"entities\[0\]\.type: found 0"),
        (changed(NUMBERED, entities=SPERT["entities"]), r"relations\[0\]\.type: found 1"),
        (TAGGED, r"tags\[0\]: found 1"),
        (
            {"text": "Bean", "entities": [{"label": 3, "start": 0, "end": 4}], "relations": []},
            r"entities\[0\]\.type: found 3",
        ),
    ],
)
def test_numbers_alone_are_refused(tmp_path: Path, record: Record, field: str) -> None:
    path = write_lines(tmp_path / "train.json", [record])
    with pytest.raises(CorpusError, match=rf"record 1: field {field}, .*dataset_info\.json"):
        read_split(path)


@pytest.mark.parametrize("features", [None, 3, [], {"_type": "ClassLabel"}, {"a": 3}, [1, 2]])
def test_what_is_not_described_stays(features: Any) -> None:
    record = {"a": [1, {"b": 2}], "c": None}
    assert with_names(record, features) == record


@pytest.mark.parametrize("content", ["{", "[" * 100_000])
def test_a_damaged_description_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "dataset_info.json").write_text(content)
    with pytest.raises(CorpusError, match=r"dataset_info\.json: not valid JSON"):
        read_split(write_lines(tmp_path / "train.json", [SPERT]))
