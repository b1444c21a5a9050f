"""``rin-study convert``: any format in, SpERT JSON out."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path
from unittest.mock import Mock

import pytest
from rich.console import Console

from rin_core.data.corpus import CorpusError, Sentence
from rin_core.data.loading import load_corpus
from rin_core.data.readers.split import read_split
from study.commands.main import main, parse
from study.ledger.ledger import Ledger
from tests.corpora import COPYRE, SPERT, TRIPLES, changed, write_corpus, write_lines


def convert(*arguments: object) -> int:
    return main(parse(["convert", *map(str, arguments)]))


def untyped(sentences: tuple[Sentence, ...]) -> list[Sentence]:
    return [dataclasses.replace(s, types=(), missing=(), missing_entities=()) for s in sentences]


def test_a_folder_keeps_its_digest(tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "mine")
    assert convert(source, tmp_path / "out") == 0
    assert load_corpus(str(tmp_path / "out")).digest() == load_corpus(str(source)).digest()


def test_types_and_tags_are_kept_in_one_file(tmp_path: Path) -> None:
    record = changed(SPERT, pos=["N", "V", "N", "N"])
    source = write_lines(tmp_path / "all.jsonl", [record, TRIPLES, COPYRE])
    assert convert(source, tmp_path / "out.json") == 0
    before, after = read_split(source), read_split(tmp_path / "out.json")
    assert untyped(before) == untyped(after)
    assert (after[0].types, after[1].types) == (("A", "B"), ()), (
        "a made-up type would train another model"
    )


def test_an_error_in_the_middle_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_lines(tmp_path / "all.json", [SPERT, SPERT])
    records = Mock(side_effect=[{}, OSError("no space left on device")])
    monkeypatch.setattr("study.commands.convert._record", records)
    with pytest.raises(OSError, match="no space left"):
        convert(source, tmp_path / "out" / "all.json")
    assert list((tmp_path / "out").iterdir()) == []


def test_one_file_is_split_on_request(tmp_path: Path) -> None:
    source = write_lines(
        tmp_path / "all.json",
        [changed(TRIPLES, text=f"Bean left Apollo 12 {k}") for k in range(20)],
    )
    assert convert(source, tmp_path / "out", "--set", "data.dev_fraction=0.1") == 0
    sizes = {path.stem: len(json.loads(path.read_text())) for path in (tmp_path / "out").iterdir()}
    assert sizes == {"train": 16, "dev": 2, "test": 2}


def test_a_text_that_is_too_long_to_train_on_is_split(tmp_path: Path) -> None:
    text = " ".join(f"Ann{k} met Bob{k} ." for k in range(600))
    record = {"text": text, "triple_list": [["Ann599", "met", "Bob599"]]}
    folder = tmp_path / "long"
    folder.mkdir()
    for split in ("train", "dev", "test"):
        write_lines(folder / f"{split}.jsonl", [record])
    with pytest.raises(CorpusError, match=r"2400 words.*rin-study convert --split-sentences"):
        convert(folder, tmp_path / "out")
    assert convert(folder, tmp_path / "out", "--split-sentences") == 0
    parts = load_corpus(str(tmp_path / "out")).train
    assert len(parts) == 600
    assert len(parts[-1].triples) == 1
    source = write_lines(tmp_path / "all.jsonl", [changed(record, text="a " * 2001)])
    with pytest.raises(CorpusError, match=r"2001 words.*by hand: 'a a .* in all\.jsonl:1"):
        convert(source, tmp_path / "out.json", "--split-sentences")


def test_what_cannot_be_located_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_lines(tmp_path / "all.json", [changed(TRIPLES, triple_list=[["x", "r", "y"]])])
    monkeypatch.setattr("study.commands.main.CONSOLE", Console(width=300))
    assert convert(source, tmp_path / "out.json") == 0
    assert "without 1 triple that cannot be located" in capsys.readouterr().out


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "all.json", [TRIPLES])
    with pytest.raises(ValueError, match=r"all\.json exists; choose a new name"):
        convert(source, source)


def test_a_corpus_without_dev_is_recorded_with_the_setting(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "mine")
    (folder / "dev.json").unlink()
    arguments = ["record", "--data", str(folder), "--runs", str(tmp_path / "runs")]
    with pytest.raises(CorpusError, match=r"--set data\.dev_fraction=0\.1"):
        main(parse(arguments))
    assert main(parse([*arguments, "--set", "data.dev_fraction=0.1"])) == 0
    digest = load_corpus(str(folder), dev_fraction=0.1).digest()
    assert Ledger(tmp_path / "runs").corpus_path(digest).exists()


def test_unseen_arguments_are_counted_as_a_study_counts_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The preset `own` compares arguments by their last word."""
    record = {"triple_list": [["New York", "in", "United States"]]}
    splits = {
        "train": "New York is in United States .",
        "dev": "New York is in United States .",
        "test": "New Jersey is in United States .",
    }
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, text in splits.items():
        own = {"text": text, "triple_list": [[text.partition(" is")[0], "in", "United States"]]}
        (folder / f"{name}.json").write_text(json.dumps([record | own]))
    shares = []
    for arguments in (
        ["convert", str(folder), str(tmp_path / "out")],
        ["--data", str(folder), "--dry-run", "--runs", str(tmp_path / "runs")],
    ):
        with contextlib.suppress(SystemExit):
            main(parse(arguments))
        shown = capsys.readouterr().out
        shares.append(
            next(line for line in shown.splitlines() if "arguments not in train" in line).split()
        )
    assert shares[0] == shares[1]
    assert shares[0][-1] == "50.0%"


def test_records_are_split_into_sentences_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("study.commands.main.CONSOLE", Console(width=300))
    record = {"text": "Ann met Bob . Eve saw Cid .", "triple_list": [["Ann", "met", "Bob"]] * 2}
    across = changed(record, triple_list=[["Ann", "saw", "Cid"]])
    source = write_lines(tmp_path / "all.json", [record, across])
    assert convert(source, tmp_path / "one.json", "--split-sentences") == 0
    assert len(read_split(tmp_path / "one.json")) == 4
    assert "left out relations between sentences: 1" in capsys.readouterr().out
    folder = write_corpus(tmp_path / "mine")
    write_lines(folder / "dev.json", [record])
    assert convert(folder, tmp_path / "out", "--split-sentences") == 0
    assert len(load_corpus(str(tmp_path / "out")).dev) == 2
