"""What a study prints of its corpora before it runs anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from rin_core.config import Config
from rin_core.data.loading import load_dataset
from study.commands.corpora import print_corpora
from study.commands.main import main, parse
from study.ledger.ledger import Ledger
from tests.corpora import SPERT, write_corpus, write_lines


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A corpus whose dev is its train."""
    made = write_corpus(tmp_path / "mine")
    (made / "dev.json").write_bytes((made / "train.json").read_bytes())
    return made


def printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object
) -> list[list[str]]:
    monkeypatch.setattr("study.commands.main.CONSOLE", Console(width=300))
    assert main(parse([str(argument) for argument in arguments])) == 0
    return [line.split() for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("space", ["rounds_curve", "tune_rin"])
def test_a_dry_run_shows_sizes_and_findings(
    folder: Path,
    tmp_path: Path,
    space: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = ("--dry-run", "--data", folder, "--space", space, "--runs", tmp_path / "runs")
    lines = printed(capsys, monkeypatch, *options)
    assert ["train", "dev", "test"] in lines
    assert ["sentences", "120", "120", "30"] in lines
    assert sum(row[:2] == ["warning:", "dev"] for row in lines) == 1


def test_convert_shows_them_too(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = printed(capsys, monkeypatch, "convert", folder, tmp_path / "out")
    assert ["warning:", "dev"] in [row[:2] for row in lines]
    assert ["sentences", "120", "120", "30"] in lines


def test_record_keeps_findings_in_the_ledger(folder: Path, tmp_path: Path) -> None:
    assert main(parse(["record", "--data", str(folder), "--runs", str(tmp_path / "runs")])) == 0
    (path,) = (tmp_path / "runs" / "corpora").glob("*.json")
    codes = [finding["code"] for finding in json.loads(path.read_text())["findings"]]
    assert "split-equals-train" in codes
    (corpus,) = Ledger(tmp_path / "runs").corpora()
    assert [finding.code for finding in corpus.findings] == codes


def test_a_name_is_not_taken_for_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_corpus(tmp_path / "my corpus [v2] :x: #1", (5, 5, 5))
    main(parse(["record", "--data", str(folder), "--runs", str(tmp_path / f"of {folder.name}")]))
    title, *lines = capsys.readouterr().out.splitlines()
    assert title.strip() == folder.name
    assert folder.name in lines[-1]


def test_a_corpus_is_shown_once_with_all_notes(capsys: pytest.CaptureFixture[str]) -> None:
    """Two encodings of a corpus have the same findings, and notes of their own."""
    plain = load_dataset("demo", Config())
    untagged = load_dataset("demo", Config().override("data.pos", "off"))
    print_corpora([plain, untagged], Console(width=200))
    shown = capsys.readouterr().out
    assert shown.count("sentences") == 1
    assert shown.count("part-of-speech") == shown.count("word vectors") == 1


def test_a_file_of_one_sentence_is_converted_without_a_summary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_lines(tmp_path / "all.json", [SPERT])
    lines = printed(capsys, monkeypatch, "convert", source, tmp_path / "out.json")
    assert len(lines) == 1
