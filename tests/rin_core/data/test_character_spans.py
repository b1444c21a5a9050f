"""Entities that are given by their characters, in files that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from rin_core.data.corpus import CorpusError
from rin_core.data.readers.split import read_split
from tests.corpora import Record, write_lines

BLANK: Record = {
    "text": "Ann   met",
    "entities": [{"id": 1, "label": "PER", "start_offset": 4, "end_offset": 6}],
    "relations": [],
}


def test_an_entity_of_blanks_alone_is_refused_in_brat(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Ann   met")
    (tmp_path / "a.ann").write_text("T1\tPER 4 6\t  \n")
    with pytest.raises(CorpusError, match=r"a\.ann: .*line 1: found only blanks"):
        read_split(tmp_path)


def test_an_entity_of_blanks_alone_is_refused_in_doccano(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"train\.json:1: record 1: .*found only blanks"):
        read_split(write_lines(tmp_path / "train.json", [BLANK]))


def test_an_id_that_brat_has_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Ann met Bob")
    (tmp_path / "a.ann").write_text("T1\tPER 0 3\tAnn\nT1\tPER 8 11\tBob\n")
    with pytest.raises(CorpusError, match=r"a\.ann: .*line 2: found T1, expected an id"):
        read_split(tmp_path)
