"""The data of a recorded run is found again, or a message names the option to give."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from rin_core.data.loading import load_dataset
from study.ledger.fields import Options
from study.ledger.origin import CorpusName, VectorsName
from study.planning.recorded import GivenData, corpus_name, load_recorded, vectors_name
from tests.corpora import write_corpus
from tests.exports import SETTINGS, run_command

CONFIG = Config().with_overrides({"encoder.word_dim": 2})
NOWHERE = GivenData()


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "data" / "tiny", (20, 5, 5))


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    path = tmp_path / "glove.txt"
    path.write_text("the 1 2\nin 3 4\n")
    return path


@pytest.fixture
def read(corpus: Path, vectors: Path) -> EncodedCorpus:
    return load_dataset(str(corpus), CONFIG, embeddings=vectors)


def recorded(encoded: EncodedCorpus) -> tuple[CorpusName, VectorsName | None]:
    return corpus_name(encoded), vectors_name(encoded)


def edit(corpus: Path) -> None:
    """Change one word of the training split."""
    path = corpus / "train.json"
    path.write_text(path.read_text().replace('"tokens": [\n   "', '"tokens": [\n   "Edited', 1))


def test_data_is_found_at_the_recorded_path(
    read: EncodedCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_recorded(*recorded(read), CONFIG, NOWHERE).digest == read.digest


def test_data_that_moved_is_named_with_its_option(
    read: EncodedCorpus, corpus: Path, vectors: Path, tmp_path: Path
) -> None:
    names = recorded(read)
    moved = shutil.move(corpus, tmp_path / "moved")
    wanted = rf"{corpus}: no such folder or file; .* --data \(expected content {read.content}\)"
    with pytest.raises(ValueError, match=wanted):
        load_recorded(*names, CONFIG, NOWHERE)
    given = GivenData(data=str(moved))
    assert load_recorded(*names, CONFIG, given).digest == read.digest

    other = vectors.rename(tmp_path / "other.txt")
    assert names[1] is not None
    wanted = rf"{vectors}: no such file; .* --embeddings \(expected digest {names[1].digest}\)"
    with pytest.raises(ValueError, match=wanted):
        load_recorded(*names, CONFIG, given)
    given = GivenData(data=str(moved), embeddings=other)
    assert load_recorded(*names, CONFIG, given).digest == read.digest


def test_data_that_changed_is_named_with_its_option(
    read: EncodedCorpus, corpus: Path, vectors: Path
) -> None:
    names = recorded(read)
    vectors.write_text("the 1 2\nin 3 5\n")
    assert names[1] is not None
    wanted = rf"{vectors}: .* --embeddings \(expected glove.txt, digest {names[1].digest}\)"
    with pytest.raises(ValueError, match=wanted):
        load_recorded(*names, CONFIG, NOWHERE)
    edit(corpus)
    wanted = rf"{corpus}: .* --data \(expected content {read.content}\)"
    with pytest.raises(ValueError, match=wanted):
        load_recorded(*names, CONFIG, NOWHERE)


def test_of_several_places_the_one_with_the_recorded_content_is_taken(
    read: EncodedCorpus, corpus: Path, tmp_path: Path
) -> None:
    shutil.copytree(corpus, tmp_path / "root" / "tiny")
    edit(corpus)
    given = GivenData(data_root=tmp_path / "root")
    assert load_recorded(*recorded(read), CONFIG, given).digest == read.digest


def test_an_old_record_is_found_by_its_command(
    read: EncodedCorpus, corpus: Path, vectors: Path, tmp_path: Path
) -> None:
    corpus_of, vectors_of = recorded(read)
    assert vectors_of is not None
    names = (
        corpus_of.model_copy(update={"path": ""}),
        vectors_of.model_copy(update={"path": ""}),
    )
    options: Options = {"data": [str(corpus)], "embeddings": str(vectors)}
    assert load_recorded(*names, CONFIG, NOWHERE, [options]).digest == read.digest
    options = {"data": ["tiny"], "data_root": str(corpus.parent), "embeddings": str(vectors)}
    assert load_recorded(*names, CONFIG, NOWHERE, [options]).digest == read.digest


@pytest.mark.slow
def test_rerun_needs_no_data_option(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = f"--runs={tmp_path / 'runs'}"
    monkeypatch.chdir(corpus.parent)
    run_command("train", "--data=tiny", out, *SETTINGS)
    (run,) = (tmp_path / "runs" / "units").iterdir()
    monkeypatch.chdir(tmp_path)
    run_command("rerun", run.name, out)
    edit(corpus)
    shown = run_command("rerun", run.name, out, code=2)
    assert (str(corpus) in shown, "--data" in shown, shown.count("\n")) == (True, True, 1)
