"""A longer run begins with the epochs of a shorter one, and its numbers are the same."""

from __future__ import annotations

import dataclasses
import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from unittest.mock import Mock

import pytest
from rich.console import Console

from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from rin_core.train.checkpoint import load_tensors
from study.commands import train
from study.commands.arguments import Train
from study.execution.trial import train_run
from study.ledger.layout import CHECKPOINT, HISTORY, WEIGHTS
from study.ledger.ledger import Ledger
from study.ledger.run import Run
from study.ledger.schema import Result
from study.ledger.shared import SharedRun
from study.ledger.store import Store
from study.planning.continuing import Continuation, Continuations
from tests.conftest import Trained
from tests.corpora import write_corpus

SMALL = Config().with_overrides(
    {
        "encoder.word_dim": 12,
        "encoder.pos_dim": 4,
        "encoder.hidden_size": 16,
        "model.feature_size": 12,
        "model.rounds": 0,
        "training.learning_rate": 0.02,
        "training.batch_size": 6,
    }
)


def limited(epochs: int, **others: object) -> Config:
    given = {name.replace("__", "."): value for name, value in others.items()}
    return SMALL.with_overrides({"training.max_epochs": epochs, **given})


@pytest.fixture(scope="module")
def encoded(trained: Trained) -> EncodedCorpus:
    return trained.encoded


@pytest.fixture(scope="module")
def _short(encoded: EncodedCorpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with a run of four epochs."""
    root = tmp_path_factory.mktemp("short")
    config = limited(4)
    train_run(config, encoded, Ledger(root).run(config.fingerprint(encoded.digest)))
    return root


@pytest.fixture
def ledger(_short: Path, tmp_path: Path) -> Ledger:
    """Return a copy of the ledger with a run of four epochs."""
    shutil.copytree(_short, tmp_path / "runs")
    return Ledger(tmp_path / "runs")


def run_of(ledger: Ledger, config: Config, encoded: EncodedCorpus) -> Run:
    return ledger.run(config.fingerprint(encoded.digest))


def found(ledger: Ledger, config: Config, encoded: EncodedCorpus) -> Continuation | None:
    run = run_of(ledger, config, encoded)
    return Continuations(ledger).find(run, config, encoded.digest)


def files(run: Run) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in run.path.iterdir()}


def numbers(result: Result) -> dict[str, object]:
    """Return a result without times and origin."""
    plain = result.model_dump(exclude={"seconds", "provenance", "history"})
    rows = [(row.epoch, row.train_loss, row.selection_scores) for row in result.history]
    return {**plain, "history": rows}


@pytest.mark.slow
def test_a_longer_run_is_the_unbroken_one_to_the_bit(
    ledger: Ledger, encoded: EncodedCorpus, tmp_path: Path
) -> None:
    config, short = limited(9), run_of(ledger, limited(4), encoded)
    before = files(short)
    run = run_of(ledger, config, encoded)
    begun = Continuations(ledger).begin(run, config, encoded.digest)
    assert begun == Continuation(source=short, epochs=4)
    assert [row.epoch for row in run.history()] == [1, 2, 3, 4]
    seen: list[int] = []
    result = train_run(config, encoded, run, on_epoch=lambda row: seen.append(row.epoch))
    assert seen == [5, 6, 7, 8, 9]
    assert files(short) == before, "the shorter run is as it was"

    alone = Ledger(tmp_path / "alone").run(run.fingerprint)
    unbroken = train_run(config, encoded, alone)
    assert numbers(result) == numbers(unbroken)
    assert run.predictions() == alone.predictions()
    for name in (WEIGHTS, CHECKPOINT):
        (mine, about), (theirs, others) = (load_tensors(r.path / name) for r in (run, alone))
        assert mine.keys() == theirs.keys()
        assert all(mine[key].equal(theirs[key]) for key in mine)
        only_one = ("history", "continued")  # holds seconds; says where it began
        assert {k: v for k, v in about.items() if k not in only_one} == {
            k: v for k, v in others.items() if k not in only_one
        }

    continued = result.provenance.continued
    assert continued is not None
    assert (continued.run, continued.epochs) == (short.fingerprint, 4)
    assert unbroken.provenance.continued is None
    own = sum(row.seconds for row in result.history[4:])
    assert (result.own_seconds, unbroken.own_seconds) == (own, unbroken.seconds)

    further = limited(12)
    again = Continuations(ledger).find(run_of(ledger, further, encoded), further, encoded.digest)
    assert again == Continuation(source=run, epochs=9), "the longest is taken"


def test_where_a_run_can_begin(ledger: Ledger, encoded: EncodedCorpus) -> None:
    source = run_of(ledger, limited(4), encoded)
    usable = Continuation(source=source, epochs=4)
    assert found(ledger, limited(9), encoded) == usable
    assert found(ledger, limited(4, training__patience=30), encoded) == usable
    assert found(ledger, limited(9, model__feature_size=14), encoded) is None
    assert found(ledger, limited(9, training__seed=1), encoded) is None
    assert found(ledger, limited(4), encoded) is None, "it is finished"
    other = dataclasses.replace(encoded, digest="other")
    assert found(ledger, limited(9), other) is None


def test_a_run_with_fewer_epochs_trains_itself(ledger: Ledger, encoded: EncodedCorpus) -> None:
    other = found(ledger, limited(3), encoded)
    assert other is not None
    assert other.obstacle.startswith("training ends after epoch 3")


def test_a_run_without_its_checkpoint_is_named(ledger: Ledger, encoded: EncodedCorpus) -> None:
    source = run_of(ledger, limited(4), encoded)
    (source.path / CHECKPOINT).unlink()
    other = found(ledger, limited(9), encoded)
    assert other is not None
    assert (other.source, other.epochs, bool(other.obstacle)) == (source, 4, True)


def test_a_checkpoint_may_be_removed_while_the_ledger_is_read(
    ledger: Ledger, encoded: EncodedCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Mock(side_effect=FileNotFoundError)
    monkeypatch.setattr("rin_core.train.continuing.checkpoint_epochs", gone)
    other = found(ledger, limited(9), encoded)
    assert other is not None
    assert (other.epochs, bool(other.obstacle)) == (4, True)


@pytest.mark.parametrize("name", [WEIGHTS, CHECKPOINT])
def test_a_damaged_file_is_no_beginning(ledger: Ledger, encoded: EncodedCorpus, name: str) -> None:
    path = run_of(ledger, limited(4), encoded).path / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    config = limited(9)
    run = run_of(ledger, config, encoded)
    begun = Continuations(ledger).begin(run, config, encoded.digest)
    assert begun is not None
    assert name in begun.obstacle
    assert not (run.path / CHECKPOINT).exists()


def test_epochs_of_its_own_come_first(ledger: Ledger, encoded: EncodedCorpus) -> None:
    config = limited(9)
    run = run_of(ledger, config, encoded)
    source = run_of(ledger, limited(4), encoded)
    result = source.result()
    assert result is not None
    run.start_history(result.history[:1])
    assert Continuations(ledger).begin(run, config, encoded.digest) is None


def test_a_store_keeps_the_checkpoint_for_other_nodes(
    ledger: Ledger, encoded: EncodedCorpus, tmp_path: Path
) -> None:
    """The driver sends what the run begins with; a node fetches it, and so does another driver."""
    store = Store((tmp_path / "store").as_uri())
    shared = Ledger(ledger.root, store)
    config = limited(5)
    fingerprint = config.fingerprint(encoded.digest)
    assert Continuations(shared).begin(shared.run(fingerprint), config, encoded.digest) is not None
    node = SharedRun(tmp_path / "node" / fingerprint, store)
    seen: list[int] = []
    train_run(config, encoded, node, on_epoch=lambda row: seen.append(row.epoch))
    assert seen == [5]
    elsewhere = SharedRun(tmp_path / "elsewhere" / fingerprint, store)
    elsewhere.refresh()
    assert {CHECKPOINT, WEIGHTS} <= files(elsewhere).keys()
    assert HISTORY not in files(elsewhere)


@pytest.mark.slow
def test_a_command_says_where_it_begins(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "mine")
    small = ("encoder.hidden_size=8", "model.feature_size=8", "model.rounds=0")
    texts = []
    for epochs in (1, 2):
        console = Console(file=(text := io.StringIO()), width=200)
        given = (*small, f"training.max_epochs={epochs}")
        options = Train(data=str(corpus), runs=tmp_path / "runs", set=given, preset="paper")
        assert train.run(options, console) == 0
        texts.append(text.getvalue())
    assert "continues after" not in texts[0]
    assert "continues after epoch 1 of run " in texts[1]


@pytest.mark.slow
def test_an_average_continues_to_the_bit(encoded: EncodedCorpus, tmp_path: Path) -> None:
    averaged = {"training__average": "ema", "training__average_decay": 0.9}
    short, config = limited(2, **averaged), limited(4, **averaged)
    ledger, alone = Ledger(tmp_path / "runs"), Ledger(tmp_path / "alone")
    train_run(short, encoded, run_of(ledger, short, encoded))
    run = run_of(ledger, config, encoded)
    begun = Continuations(ledger).begin(run, config, encoded.digest)
    assert begun is not None
    assert not begun.obstacle
    result = train_run(config, encoded, run)
    unbroken = train_run(config, encoded, run_of(alone, config, encoded))
    assert result.averaged_test_scores is not None
    assert numbers(result) == numbers(unbroken)
    assert found(ledger, limited(4), encoded) is None, "it has no average to continue"
