"""From names on a command line to arrays."""

from pathlib import Path

import pytest

from rin_core.config import Config
from rin_core.dataset import load_dataset
from rin_core.vocabulary import VectorsError


def vectors_file(folder: Path, value: float) -> Path:
    folder.mkdir(parents=True)
    path = folder / "small.txt"
    path.write_text("the " + " ".join([str(value)] * 4) + "\n")
    return path


def test_vectors_are_found_from_here_and_then_under_the_data_root(tmp_path, monkeypatch):
    root, here = tmp_path / "root", tmp_path / "here"
    config = Config().override("encoder.word_dim", 4)
    name = Path("embeddings/small.txt")

    def value(data_root: Path | None) -> float:
        vectors = load_dataset("demo", config, data_root=data_root, embeddings=name).vectors
        assert vectors is not None
        return float(vectors.matrix[vectors.found][0, 0])

    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.delenv("RIN_DATA_ROOT", raising=False)
    vectors_file(root / "embeddings", 0.5)
    assert value(root) == 0.5
    with pytest.raises(VectorsError, match=r"embeddings/small\.txt: no such file"):
        value(None)
    monkeypatch.setenv("RIN_DATA_ROOT", str(root))
    assert value(None) == 0.5
    vectors_file(here / "embeddings", 0.25)
    assert value(root) == 0.25
