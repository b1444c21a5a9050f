"""What the tests share: one thread, a small corpus on disk, an MLflow database, trained models."""

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import hypothesis
import pytest
import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is first imported, by anyone

from rin_core.config import Config
from rin_core.data.corpus import Corpus
from rin_core.data.demo import demo_corpus
from rin_core.data.encoding import EncodedCorpus, corpus_vocabulary, encode_corpus
from rin_core.layout import CHECKPOINT, WEIGHTS
from rin_core.train import cadence
from rin_core.train.loop import Result, train
from tests.corpora import Record, write_corpus, write_lines

if TYPE_CHECKING:
    import pandas as pd

    from study.ledger.ledger import Ledger as StudyLedger
    from tests.ledgers import Ledger


# With a deadline for each example, tests fail on a busy machine.
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def a_checkpoint_after_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where other work keeps the disk busy for seconds."""
    monkeypatch.setattr(cadence, "CHEAP", 60.0)


@pytest.fixture(autouse=True)
def no_server_of_the_persons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A study of a test goes into the test's folder, whatever the shell or a test has set."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="session")
def spert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person's own corpus, in SpERT's format: 120 training sentences."""
    return write_corpus(tmp_path_factory.mktemp("data") / "my_corpus")


@pytest.fixture
def make_corpus(tmp_path: Path) -> Callable[..., Path]:
    """Write a small corpus, a file for each keyword."""

    def make(name: str = "small", **files: list[Record]) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for stem, records in files.items():
            write_lines(folder / f"{stem}.json", records)
        return folder

    return make


@pytest.fixture(scope="session")
def _migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from study.tracking.mlflow.client import create_database

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    create_database(path)
    return path


@pytest.fixture
def mlflow_db(_migrated: Path, tmp_path: Path) -> Path:
    """A fresh copy of an empty database: the schema takes seconds to make."""
    return Path(shutil.copy(_migrated, tmp_path / "mlflow.db"))


class Trained(NamedTuple):
    """A small model in a ledger, and what it was trained on."""

    runs: Path
    weights: Path
    corpus: Corpus
    encoded: EncodedCorpus
    result: Result


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A few epochs on short sentences: enough to find some triples, right and wrong."""
    config = Config().with_overrides(
        {
            "encoder.word_dim": 12,
            "encoder.pos_dim": 4,
            "encoder.hidden_size": 24,
            "model.feature_size": 24,
            "model.rounds": 2,
            "training.batch_size": 3,
            "training.learning_rate": 0.02,
            "training.max_epochs": 14,
        }
    )
    whole = demo_corpus()
    short = tuple(s for s in whole.train if len(s.words) <= 12)
    corpus = dataclasses.replace(whole, train=short[:60], dev=short[:60], test=whole.test)
    encoded = encode_corpus(corpus, config.data, None, corpus_vocabulary(corpus, config.data))
    runs = tmp_path_factory.mktemp("ledger") / "runs"
    folder = runs / "units" / config.fingerprint(encoded.digest)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    result = train(config, encoded, directory=folder)
    torch.set_num_threads(before)
    (folder / CHECKPOINT).unlink()  # as a finished unit leaves it
    return Trained(runs, folder / WEIGHTS, corpus, encoded, result)


@pytest.fixture
def ledger(tmp_path: Path) -> "Ledger":
    """Every fate a trial can have; a file may have a ledger of its own."""
    from tests.ledgers import an_eventful_ledger

    return an_eventful_ledger(tmp_path / "runs")


@pytest.fixture
def frame(ledger: "Ledger") -> "pd.DataFrame":
    """What is reported of the ledger: its last settings."""
    from reports.frames.trials import read_ledger, select_settings

    return select_settings(read_ledger(ledger.runs))


class Reported(NamedTuple):
    """A ledger of numbers chosen by hand, and its whole report."""

    runs: Path
    out: Path


def _report(folder: Path, *options: str) -> Reported:
    from reports.page.command import main
    from tests.ledgers import a_full_ledger

    made = Reported(folder / "runs", folder / "out")
    a_full_ledger(made.runs)
    assert main([*options, "--runs", str(made.runs), "--out", str(made.out)]) == 0
    return made


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    return _report(tmp_path_factory.mktemp("reported"))


@pytest.fixture(scope="session")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """Slow: each of the four notebooks starts a process of its own."""
    pytest.importorskip("ipykernel", reason="notebooks need the extra `notebooks`")
    return _report(tmp_path_factory.mktemp("notebooks"), "--notebooks")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep computed features out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RIN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a random BERT that reads 40 pieces at once."""
    from tests.tiny_models import save_bert

    return save_bert(tmp_path_factory.mktemp("models") / "tiny" / "bert")


@pytest.fixture(scope="session")
def tiny_roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a random RoBERTa that reads 64 pieces at once."""
    from tests.tiny_models import save_roberta

    return save_roberta(tmp_path_factory.mktemp("models") / "tiny" / "roberta")


@pytest.fixture(scope="session")
def small_ledger(tmp_path_factory: pytest.TempPathFactory) -> "StudyLedger":
    """One trial of two epochs on the demo corpus."""
    from study.ledger.ledger import Ledger
    from tests.exports import SETTINGS, run_command

    out = tmp_path_factory.mktemp("runs")
    run_command("train", f"--runs={out}", *SETTINGS)
    return Ledger(out)


@pytest.fixture
def exported(small_ledger: "StudyLedger", tmp_path: Path) -> Path:
    """It as a file, in a folder that is made for it."""
    from study.ledger.transfer import export_ledger
    from tests.exports import ONE_RUN

    file = tmp_path / "kept" / "demo.jsonl"
    assert export_ledger(small_ledger, file) == ONE_RUN
    return file
