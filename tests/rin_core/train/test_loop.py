"""Runs to the bit: repeated, resumed, stopped early, damaged, diverged."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rin_core.config import Config
from rin_core.data.batches import training_batches
from rin_core.data.encoding import EncodedCorpus
from rin_core.data.vocabulary import Vocabulary
from rin_core.errors import CheckpointError, Diverged
from rin_core.layout import CHECKPOINT, WEIGHTS
from rin_core.model.rin import RIN, Prediction
from rin_core.train import loop as training
from rin_core.train.cadence import Cadence
from rin_core.train.checkpoint import load_metadata, load_tensors, save_tensors
from rin_core.train.epochs import Epoch
from rin_core.train.loop import Result, train
from rin_core.train.metrics import evaluate
from rin_core.train.stopping import best_epoch
from tests.trainings import EPOCHS, TINY, Stop, losses, stop_after, timeless


def assert_same_file(a: Path, b: Path) -> None:
    """Compare tensors to the bit, and the metadata."""
    (tensors, metadata), (others, other_metadata) = load_tensors(a), load_tensors(b)
    assert tensors.keys() == others.keys()
    for name, tensor in tensors.items():
        assert tensor.equal(others[name]), name
    for key in metadata.keys() | other_metadata.keys():
        if key != "history":  # holds seconds
            assert metadata[key] == other_metadata[key]


class TestSameBits:
    def test_it_learns(self, unbroken: tuple[Result, Path]) -> None:
        """Otherwise equal runs would prove little."""
        result = unbroken[0]
        assert losses(result)[-1] < 0.4 * losses(result)[0]
        assert min(result.selection_scores["f1"], result.test_scores["f1"]) > 0.1
        assert result.best_epoch > 1

    def test_same_seed_same_run(self, corpus: EncodedCorpus, unbroken: tuple[Result, Path]) -> None:
        torch.manual_seed(123)  # what came before must not matter
        assert timeless(train(TINY, corpus)) == timeless(unbroken[0])

    def test_another_seed_another_run(
        self, corpus: EncodedCorpus, unbroken: tuple[Result, Path]
    ) -> None:
        other = train(TINY.override("training.seed", 1), corpus)
        assert not set(losses(other)) & set(losses(unbroken[0]))

    @pytest.mark.parametrize("last", [1, 4, EPOCHS - 1, EPOCHS])
    def test_resume_equals_an_unbroken_run(
        self, corpus: EncodedCorpus, unbroken: tuple[Result, Path], tmp_path: Path, last: int
    ) -> None:
        with pytest.raises(Stop):
            train(TINY, corpus, directory=tmp_path, on_epoch=stop_after(last))
        torch.manual_seed(5)  # a new process knows nothing of the generators
        seen: list[int] = []
        resumed = train(
            TINY, corpus, directory=tmp_path, on_epoch=lambda epoch: seen.append(epoch.epoch)
        )
        assert seen == list(range(last + 1, EPOCHS + 1))
        assert timeless(resumed) == timeless(unbroken[0])
        for name in (WEIGHTS, CHECKPOINT):
            assert_same_file(tmp_path / name, unbroken[1] / name)

    def test_stopped_after_every_epoch(
        self, corpus: EncodedCorpus, unbroken: tuple[Result, Path], tmp_path: Path
    ) -> None:
        for last in range(1, EPOCHS + 1):
            with pytest.raises(Stop):
                train(TINY, corpus, directory=tmp_path, on_epoch=stop_after(last))
        assert timeless(train(TINY, corpus, directory=tmp_path)) == timeless(unbroken[0])

    def test_stopped_while_an_epoch_is_written(
        self,
        corpus: EncodedCorpus,
        unbroken: tuple[Result, Path],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Weights come before the checkpoint: a stop between the two costs that epoch only."""
        for name in (WEIGHTS, CHECKPOINT):
            monkeypatch.setattr(training, "save_tensors", fail_on(name, unbroken[0].best_epoch))
            with pytest.raises(Stop):
                train(TINY, corpus, directory=tmp_path)
        monkeypatch.undo()
        assert timeless(train(TINY, corpus, directory=tmp_path)) == timeless(unbroken[0])
        assert_same_file(tmp_path / WEIGHTS, unbroken[1] / WEIGHTS)

    @pytest.mark.parametrize("last", [2, 4, EPOCHS - 1])
    def test_epochs_after_the_checkpoint_are_trained_again(
        self,
        corpus: EncodedCorpus,
        unbroken: tuple[Result, Path],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        last: int,
    ) -> None:
        """A checkpoint after the first epoch, every third one, and the last."""
        calls = itertools.count()
        monkeypatch.setattr(Cadence, "is_due", lambda _: next(calls) % 3 == 0)
        with pytest.raises(Stop):
            train(TINY, corpus, directory=tmp_path, on_epoch=stop_after(last))
        saved = len(load_metadata(tmp_path / CHECKPOINT)["history"])
        assert saved == last - (last - 1) % 3
        kept = load_metadata(tmp_path / WEIGHTS)["epoch"]
        scores = [epoch.selection_scores["f1"] for epoch in unbroken[0].history[:saved]]
        assert kept == best_epoch(scores, losses(unbroken[0])[:saved])
        seen: list[int] = []
        resumed = train(
            TINY, corpus, directory=tmp_path, on_epoch=lambda epoch: seen.append(epoch.epoch)
        )
        assert seen == list(range(saved + 1, EPOCHS + 1))
        assert timeless(resumed) == timeless(unbroken[0])
        for name in (WEIGHTS, CHECKPOINT):
            assert_same_file(tmp_path / name, unbroken[1] / name)

    def test_a_finished_run_only_scores_again(
        self, corpus: EncodedCorpus, unbroken: tuple[Result, Path], tmp_path: Path
    ) -> None:
        copy = shutil.copytree(unbroken[1], tmp_path / "copy")
        again = train(TINY, corpus, directory=copy, on_epoch=stop_after(EPOCHS))
        assert timeless(again) == timeless(unbroken[0])
        assert again.history == unbroken[0].history

    def test_the_weights_file_is_all_a_reader_needs(
        self, corpus: EncodedCorpus, unbroken: tuple[Result, Path]
    ) -> None:
        result, folder = unbroken
        weights, metadata = load_tensors(folder / WEIGHTS)
        config = Config.from_flat(metadata["config"])
        vocabulary = Vocabulary.from_json(metadata["vocabulary"])
        assert (config, vocabulary) == (TINY, corpus.vocabulary)
        assert (metadata["data"], metadata["epoch"]) == (corpus.digest, result.best_epoch)
        model = RIN(config, vocabulary)
        model.load_state_dict(weights)
        for split, wanted in (
            (corpus.test, result.test_scores),
            (corpus.dev, result.selection_scores),
        ):
            found = evaluate(model, split, corpus.entity_word, torch.device("cpu"))
            assert found.flat() == wanted


def fail_on(name: str, epoch: int) -> Callable[..., None]:
    """Return a ``save_tensors`` that stops before it writes one file of one epoch."""

    def save(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
        written = metadata.get("epoch") or len(metadata["history"])
        if path.name == name and written == epoch:
            raise Stop
        save_tensors(path, tensors, metadata)

    return save


class TestEpochs:
    def test_each_draws_its_own_batches(
        self, corpus: EncodedCorpus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        orders: list[tuple[int, ...]] = []

        def watch(*args: Any) -> list[Any]:
            batches = training_batches(*args)
            orders.append(tuple(int(row) for rows in batches for row in rows))
            return batches

        monkeypatch.setattr(training, "training_batches", watch)
        for seed in (0, 1):
            train(TINY.with_overrides({"training.seed": seed, "training.max_epochs": 2}), corpus)
        assert len(set(orders)) == 4
        assert {tuple(sorted(order)) for order in orders} == {tuple(range(60))}

    def test_a_share_of_the_sentences_is_repeated_in_an_epoch(
        self, corpus: EncodedCorpus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        drawn = list[int]()

        def watch(*args: Any) -> list[Any]:
            batches = training_batches(*args)
            drawn.append(sum(map(len, batches)))
            return batches

        monkeypatch.setattr(training, "training_batches", watch)
        monkeypatch.setattr(Prediction, "loss", lambda self, batch: self.tags_BLT.sum() * 0 + 1.0)
        longer = dataclasses.replace(corpus, epoch_size=90)
        (epoch,) = train(TINY.with_overrides({"training.max_epochs": 1}), longer).history
        assert drawn == [90]
        assert epoch.train_loss == pytest.approx(1.0)

    def test_loss_is_the_mean_over_sentences(
        self, corpus: EncodedCorpus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A last batch of 4 sentences counts as 4, not as a batch."""
        monkeypatch.setattr(
            Prediction,
            "loss",
            lambda self, batch: self.tags_BLT.sum() * 0 + len(batch.lengths_B),
        )
        config = TINY.with_overrides({"training.batch_size": 56, "training.max_epochs": 1})
        assert losses(train(config, corpus)) == [pytest.approx((56 * 56 + 4 * 4) / 60)]

    def test_gradients_are_clipped(
        self, corpus: EncodedCorpus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        norms: list[float] = []
        clip = torch.nn.utils.clip_grad_norm_

        def watch(parameters: Any, max_norm: float) -> Tensor:
            parameters = list(parameters)
            before = clip(parameters, max_norm)
            norms.append(sum(p.grad.square().sum().item() for p in parameters) ** 0.5)
            return before

        monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", watch)
        config = TINY.with_overrides({"training.clip_norm": 0.5, "training.max_epochs": 1})
        train(config, corpus)
        assert norms == [pytest.approx(0.5, rel=1e-3)] * 20

    def test_rate_and_row(self, unbroken: tuple[Result, Path], corpus: EncodedCorpus) -> None:
        epoch = unbroken[0].history[0]
        assert epoch.epoch == 1
        assert epoch.tokens_per_second == pytest.approx(corpus.train.tokens / epoch.seconds)
        row = dataclasses.asdict(epoch)
        assert Epoch.from_json(row) == epoch
        row["dev"] = row.pop("selection_scores")
        assert Epoch.from_json(row) == epoch, "as checkpoints of version 2 have it"


class TestDivergence:
    def test_names_the_learning_rate(
        self, corpus: EncodedCorpus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = Prediction.loss
        monkeypatch.setattr(Prediction, "loss", lambda *args: real(*args) * float("inf"))
        with pytest.raises(Diverged, match=r"epoch 1: .*training\.learning_rate \(now 5\)"):
            train(TINY.override("training.learning_rate", 5), corpus)

    def test_the_epochs_before_stay_on_disk(
        self, corpus: EncodedCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = Prediction.loss

        def broken(_: Epoch) -> None:
            monkeypatch.setattr(Prediction, "loss", lambda *args: real(*args) * float("nan"))

        with pytest.raises(Diverged, match="epoch 2: the training loss is nan"):
            train(TINY, corpus, directory=tmp_path, on_epoch=broken)
        assert len(load_metadata(tmp_path / CHECKPOINT)["history"]) == 1
        assert all(t.isfinite().all() for t in load_tensors(tmp_path / CHECKPOINT)[0].values())


class TestDamage:
    @pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
    @pytest.mark.parametrize("name", [CHECKPOINT, WEIGHTS])
    def test_a_truncated_file_is_named(
        self,
        corpus: EncodedCorpus,
        unbroken: tuple[Result, Path],
        tmp_path: Path,
        name: str,
        share: float,
    ) -> None:
        copy = shutil.copytree(unbroken[1], tmp_path / "copy")
        content = (copy / name).read_bytes()
        (copy / name).write_bytes(content[: int(len(content) * share)])
        with pytest.raises(CheckpointError, match=rf"copy/{name}: cannot be read .*delete it"):
            train(TINY, corpus, directory=copy)

    def test_weights_that_are_gone(
        self, corpus: EncodedCorpus, unbroken: tuple[Result, Path], tmp_path: Path
    ) -> None:
        copy = shutil.copytree(unbroken[1], tmp_path / "copy")
        (copy / WEIGHTS).unlink()
        wanted = rf"copy/{WEIGHTS}: does not exist; delete .*copy/{CHECKPOINT} to train again"
        with pytest.raises(CheckpointError, match=wanted):
            train(TINY, corpus, directory=copy)

    @pytest.mark.parametrize("change", [{"training.seed": 1}, {"model.rounds": 2}], ids=str)
    def test_a_checkpoint_of_another_configuration(
        self, corpus: EncodedCorpus, unbroken: tuple[Result, Path], change: dict[str, object]
    ) -> None:
        with pytest.raises(CheckpointError, match="belongs to another configuration"):
            train(TINY.with_overrides(change), corpus, directory=unbroken[1])

    def test_a_checkpoint_of_other_data(
        self, corpus: EncodedCorpus, unbroken: tuple[Result, Path]
    ) -> None:
        other = dataclasses.replace(corpus, digest="0" * 16)
        with pytest.raises(CheckpointError, match="another configuration"):
            train(TINY, other, directory=unbroken[1])


def test_weights_in_the_checkpoints_place_are_refused(
    corpus: EncodedCorpus, unbroken: tuple[Result, Path], tmp_path: Path
) -> None:
    shutil.copy(unbroken[1] / WEIGHTS, tmp_path / CHECKPOINT)
    with pytest.raises(CheckpointError, match=f"{CHECKPOINT}: .* delete it"):
        train(TINY, corpus, directory=tmp_path)
