"""What the tests share: one thread, a small corpus on disk, one migrated MLflow database."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from rin_core.corpus import Sentence
from rin_core.demo import demo_corpus


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def as_spert(sentence: Sentence) -> dict[str, object]:
    place = {span: k for k, span in enumerate(sentence.entities)}
    return {
        "tokens": list(sentence.words),
        "entities": [{"type": "thing", "start": s, "end": e} for s, e in sentence.entities],
        "relations": [
            {"type": t.relation, "head": place[t.subject], "tail": place[t.object]}
            for t in sentence.triples
        ],
    }


@pytest.fixture(scope="session")
def spert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person's own corpus, in SpERT's format: 120 training sentences."""
    folder = tmp_path_factory.mktemp("data") / "my_corpus"
    folder.mkdir()
    corpus = demo_corpus()
    for split, count in {"train": 120, "dev": 30, "test": 30}.items():
        records = [as_spert(sentence) for sentence in getattr(corpus, split)[:count]]
        (folder / f"{split}.json").write_text(json.dumps(records))
    return folder


@pytest.fixture(scope="session")
def _migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from study.tracking import create_database

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    create_database(f"sqlite:///{path}")
    return path


@pytest.fixture
def mlflow_db(_migrated: Path, tmp_path: Path) -> Path:
    """A fresh copy of an empty database: the schema takes seconds to make."""
    return Path(shutil.copy(_migrated, tmp_path / "mlflow.db"))


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a random BERT that reads 40 pieces at once."""
    from tiny_models import save_bert

    return save_bert(tmp_path_factory.mktemp("models") / "tiny" / "bert")


@pytest.fixture(scope="session")
def tiny_roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a random RoBERTa that reads 64 pieces at once."""
    from tiny_models import save_roberta

    return save_roberta(tmp_path_factory.mktemp("models") / "tiny" / "roberta")
