"""The command line of the reports: exit codes, and errors of one line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reports.page.command import main
from tests.commands import exit_code
from tests.ledgers import EXPERIMENT, Ledger


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--experiment", "round_curve-webnlg_star"], f"did you mean {EXPERIMENT}?"),
        (["--experiment", "zzz"], f"zzz: no such experiment in .*there are {EXPERIMENT}"),
        (["--settings", "7"], "--settings 7: .* has settings 1 to 2"),
        (["--runs", "nowhere"], "nowhere: no experiments there; run a study first"),
    ],
)
def test_misuse_exits_with_2(
    ledger: Ledger,
    tmp_path: Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    given = ["--runs", str(ledger.runs), "--out", str(out), *arguments]
    assert exit_code(lambda: main(given)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert pd.Series([captured.err]).str.contains(message.replace("?", r"\?")).all()
    assert not out.exists()


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"space": "s", "corpus": "c", "trials": []}']
)
def test_a_study_file_that_cannot_be_read_is_named(
    ledger: Ledger, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = ledger.runs / "studies" / f"{EXPERIMENT}.json"
    path.write_text(content)
    assert exit_code(lambda: main(["--runs", str(ledger.runs)])) == 1
    error = capsys.readouterr().err
    assert str(path) in error
    assert "run the study again" in error


def test_out_that_is_a_file_is_no_traceback(
    ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.write_text("")
    assert exit_code(lambda: main(["--runs", str(ledger.runs), "--out", str(out)])) == 1
    assert f"{out}: must be a folder; move the file away" in capsys.readouterr().err


def test_a_damaged_result_is_named_where_the_reports_are(
    ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = min((ledger.runs / "units").glob("*/result.json"))
    path.write_text(path.read_text()[:-10])
    assert main(["--runs", str(ledger.runs), "--out", str(tmp_path / "out")]) == 0
    assert f"left out: {path}: damaged record (" in capsys.readouterr().out


def test_an_error_is_one_line_whatever_a_name_holds(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--runs", str(ledger.runs), "--experiment", "a\nb\x1b[2J"]
    assert exit_code(lambda: main(given)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "\x1b" not in line
