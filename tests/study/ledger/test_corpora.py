"""What a ledger keeps of a corpus's word vectors, and finds again on another machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from rin_core.data.loading import load_dataset
from study.commands import record, train
from study.commands.arguments import Record, Train
from study.ledger.ledger import Ledger
from study.ledger.schema import Result
from study.planning.corpora import record_corpus, record_vectors, record_vectors_if_available
from tests.records import a_result

CONFIG = Config().with_overrides({"encoder.word_dim": 2})
RECORDS = {
    "train": "Ann met Bob",
    "dev": "Ann met Bob",
    "test": "ANN met Eve",  # in lower case a word of train; Eve is none
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root with a corpus and vectors for some of its words."""
    folder = tmp_path / "root"
    (folder / "mine").mkdir(parents=True)
    for split, text in RECORDS.items():
        subject, relation, argument = text.split()
        record = {"text": text, "triple_list": [[subject, relation, argument]]}
        (folder / "mine" / f"{split}.json").write_text(json.dumps([record]))
    write_vectors(folder / "embeddings")
    return folder


def write_vectors(folder: Path, value: float = 1.0) -> Path:
    folder.mkdir(parents=True)
    path = folder / "small.txt"
    path.write_text(f"ann {value} 1\neve 1 1\nbob 1 1\n")
    return path


def load(root: Path) -> EncodedCorpus:
    name = Path("embeddings/small.txt")
    return load_dataset("mine", CONFIG, data_root=root, embeddings=name)


def described(ledger: Ledger, corpus: EncodedCorpus, root: Path) -> Ledger:
    record_corpus(ledger, corpus.content, "mine", root, CONFIG.data)
    return ledger


def words(ledger: Ledger, corpus: EncodedCorpus) -> list[str]:
    """The words of test with a vector; the one that training does not have is always told."""
    content = json.loads(ledger.vectors_path(corpus.digest).read_text())
    assert content["unseen"] == ["Eve"]
    return list(content["with_vector"])


def test_words_of_test_that_a_model_can_have_a_vector_for(root: Path, tmp_path: Path) -> None:
    """As they are written there; a word that training has not seen has no row, nor a vector."""
    corpus = load(root)
    ledger = described(Ledger(tmp_path / "runs"), corpus, root)
    record_vectors(ledger, corpus)
    assert words(ledger, corpus) == ["ANN"]


def test_without_vectors_or_corpus_nothing_is_recorded(root: Path, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    record_vectors(ledger, load(root))
    record_vectors(ledger, load_dataset("mine", CONFIG, data_root=root))
    assert not (ledger.root / "vectors").exists()


def test_a_trial_alone_records_them(root: Path, tmp_path: Path) -> None:
    options = Train(
        data="mine",
        data_root=root,
        embeddings=root / "embeddings" / "small.txt",
        preset="paper",
        set=("encoder.word_dim=2", "encoder.hidden_size=4", "training.max_epochs=1"),
        runs=tmp_path / "runs",
    )
    assert train.run(options, Console()) == 0
    assert words(Ledger(tmp_path / "runs"), load(root)) == ["ANN"]


def result(corpus: EncodedCorpus, **changes: Any) -> Result:
    assert corpus.vectors is not None
    vectors = {"name": corpus.vectors.name, "digest": corpus.vectors.digest}
    return a_result(
        CONFIG.fingerprint(corpus.digest),
        config=CONFIG.flat(),
        corpus={"name": "mine", "digest": corpus.digest, "content": corpus.content},
        **({"vectors": vectors} | changes),
    )


def test_vectors_of_a_result_from_elsewhere_are_found_by_their_recorded_name(
    root: Path, tmp_path: Path
) -> None:
    corpus = load(root)
    ledger = described(Ledger(tmp_path / "runs"), corpus, root)
    assert record_vectors_if_available(ledger, result(corpus), root, None) == ""
    assert words(ledger, corpus) == ["ANN"]
    (root / "embeddings" / "small.txt").unlink()
    assert record_vectors_if_available(ledger, result(corpus), root, None) == "", "here already"


def test_vectors_that_are_not_at_hand_are_named(root: Path, tmp_path: Path) -> None:
    corpus, other = load(root), write_vectors(tmp_path / "elsewhere", value=2.0)
    ledger = described(Ledger(tmp_path / "runs"), corpus, root)
    assert record_vectors_if_available(ledger, result(corpus), root, other) == (
        "word vectors small.txt: the local file or the corpus 'mine' differs from the recorded one"
    )
    (root / "embeddings" / "small.txt").unlink()
    why = record_vectors_if_available(ledger, result(corpus), root, None)
    assert why == (
        "word vectors small.txt: no such file in the data root, nor in its folder embeddings"
    )
    assert record_vectors_if_available(ledger, result(corpus, vectors=None), root, None) == ""
    assert not (ledger.root / "vectors").exists()


def test_a_corpus_that_is_recorded_on_request_has_the_findings_of_this_version(
    root: Path, tmp_path: Path
) -> None:
    ledger, corpus = Ledger(tmp_path / "runs"), load(root)
    described(ledger, corpus, root)
    known = ledger.corpus(corpus.content)
    assert known is not None
    assert known.findings
    earlier = known.model_copy(update={"findings": []})
    ledger.record_corpus(earlier)
    described(ledger, corpus, root)  # a study keeps what is recorded
    assert ledger.corpus(corpus.content) == earlier
    options = Record(data=("mine",), data_root=root, runs=ledger.root)
    assert record.run(options, Console(quiet=True)) == 0
    assert ledger.corpus(corpus.content) == known
