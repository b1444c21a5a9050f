"""How a command ends: its exit code, and one line on standard error."""

from __future__ import annotations

import errno
import os

import pytest

from rin_core.cli import REMEDIES, exit_with_clear_errors


@pytest.mark.parametrize("number", [*REMEDIES, errno.EIO])
def test_an_error_of_the_system_is_one_line_with_its_remedy(
    number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> int:
        raise OSError(number, os.strerror(number), "/some/file")

    with pytest.raises(SystemExit) as ended:
        exit_with_clear_errors(fail)
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 1
    assert "/some/file" in line
    assert [text for text in REMEDIES.values() if line.endswith(text)] == (
        [REMEDIES[number]] if number in REMEDIES else []
    )


def test_a_developer_can_ask_for_the_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> int:
        raise ValueError("no connection to http://me:secret@host")

    monkeypatch.setenv("RIN_TRACEBACK", "1")
    with pytest.raises(SystemExit) as ended:
        exit_with_clear_errors(fail)
    text = capsys.readouterr().err
    assert ended.value.code == 2
    assert text.startswith("Traceback")
    assert "in fail" in text
    assert "secret" not in text
    assert text.splitlines()[-1].startswith("error: no connection to http://")
