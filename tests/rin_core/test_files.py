"""Files that are replaced in one step: the old one or the new one, whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from rin_core.files import copy_atomically, write_atomically


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError("no space left on device")

    path = tmp_path / "file"
    write_atomically(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os if step == "fsync" else Path, step, full)
        with pytest.raises(OSError, match="no space left"):
            write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_copy_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(source: Path, target: Path) -> NoReturn:
        target.write_bytes(source.read_bytes()[:1])
        raise OSError("no space left on device")

    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"whole")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", cut)
        with pytest.raises(OSError, match="no space left"):
            copy_atomically(source, target)
    assert list(tmp_path.iterdir()) == [source]
    copy_atomically(source, target)
    assert target.read_bytes() == b"whole"
