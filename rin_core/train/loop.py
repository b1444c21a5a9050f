"""Train one configuration: epochs, early stopping, exact resume, one look at test.

A run is a function of its configuration and data alone. Every epoch draws from generators
seeded by (seed, epoch), so a run that is interrupted after any epoch and resumed computes the same
bits as an uninterrupted one, on the same CPU model.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rin_core.config import PROTOCOL_VERSION, Config
from rin_core.data.batches import (
    drop_words,
    input_tokens,
    make_batch,
    parts_of_batch,
    training_batches,
)
from rin_core.data.encoding import Array, EncodedCorpus
from rin_core.errors import CheckpointError, Diverged
from rin_core.layout import AVERAGED_WEIGHTS, CHECKPOINT, WEIGHTS
from rin_core.model.precision import require_precision
from rin_core.model.rin import RIN
from rin_core.train.averaging import WeightAverage
from rin_core.train.cadence import Cadence
from rin_core.train.checkpoint import (
    load_tensors,
    optimizer_tensors,
    restore_optimizer,
    save_tensors,
)
from rin_core.train.epochs import Epoch, f1_and_losses, read_epochs
from rin_core.train.features import with_features
from rin_core.train.metrics import Decoded, decode, evaluate, score
from rin_core.train.optimizer import make_optimizer, set_step_sizes, warmup_factor
from rin_core.train.stopping import EndReason, best_epoch, end_reason, limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A finished run."""

    history: tuple[Epoch, ...]
    best_epoch: int
    end_reason: EndReason
    """Why training ended: ``patience`` or ``max_epochs``."""
    selection_scores: dict[str, float]
    """Scores of the selected epoch on the split that selected it."""
    test_scores: dict[str, float]
    """Scores of the selected epoch's weights on test, computed once."""
    test_decoded: Decoded
    """The triples and tags behind those scores, sentence by sentence."""
    averaged_selection_scores: dict[str, float] | None = None
    """Scores of the averaged weights after the last epoch, on the split that selects; None without
    ``training.average``."""
    averaged_test_scores: dict[str, float] | None = None
    """Scores of the averaged weights after the last epoch on test, computed once."""


class Trainer:
    """One model in training, with everything that a resumed run needs.

    Args:
        config: Settings.
        corpus: Encoded splits.
        directory: Folder of checkpoint and weights; None keeps the best weights in memory.
        device: Where to compute.

    Raises:
        CheckpointError: The checkpoint cannot be read, or it belongs to another configuration.
        ConfigError: The device does not support ``training.precision``.
    """

    def __init__(
        self, config: Config, corpus: EncodedCorpus, directory: Path | None, device: torch.device
    ) -> None:
        self.config, self.corpus = config, corpus
        self.directory, self.device = directory, device
        require_precision(config, device)
        torch.manual_seed(config.training.seed)
        model = RIN(config, corpus.vocabulary, corpus.vectors, corpus.pretrained)
        self.model = model.to(device)
        self.optimizer = make_optimizer(self.model, config.training)
        frozen = config.encoder.traits.reads_pieces and config.encoder.freeze
        if frozen and config.encoder.packed and device.type == "cpu":
            self.corpus = with_features(self.model, corpus)
        training = config.training
        self.average = (
            WeightAverage(self.model, training.average_decay) if training.average == "ema" else None
        )
        self._history: list[Epoch] = []
        self.continued: dict[str, Any] | None = None
        """The run whose checkpoint this training began with, and its number of epochs."""
        self._cadence = Cadence()
        self._best: dict[str, Tensor] = {}
        """Trained weights of the best epoch while they are not on disk."""
        if directory is not None and (directory / CHECKPOINT).exists():
            self._resume(directory / CHECKPOINT)

    @property
    def history(self) -> Sequence[Epoch]:
        """The epochs so far, those of the checkpoint first."""
        return self._history

    def _best_epoch(self) -> int:
        """Return the epoch whose weights are kept."""
        return best_epoch(*f1_and_losses(self._history))

    def _end_reason(self) -> EndReason | None:
        """Return why training ends after the epochs so far, or None if it continues."""
        f1, losses = f1_and_losses(self._history)
        return end_reason(f1, losses, **limits(self.config))

    def run(self, on_epoch: Callable[[Epoch], None]) -> Result:
        """Train to the end; call ``on_epoch`` after each epoch.

        The epoch is on disk by then if its checkpoint was due; the last one always is.
        """
        while (reason := self._end_reason()) is None:
            epoch = self._epoch(len(self._history) + 1)
            self._history.append(epoch)
            self._keep(epoch)
            on_epoch(epoch)
        averaged = {} if self.average is None else self._score_average(self.average)
        best = self._best_epoch()
        self.model.load_state_dict(self._best_weights())
        decoded = decode(self.model, self.corpus.test, self.device)
        return Result(
            history=tuple(self._history),
            best_epoch=best,
            end_reason=reason,
            selection_scores=self._history[best - 1].selection_scores,
            test_scores=score(decoded, self.corpus.test, self.corpus.entity_word).flat(),
            test_decoded=decoded,
            **averaged,
        )

    def _score_average(self, average: WeightAverage) -> dict[str, dict[str, float]]:
        """Score the averaged weights after the last epoch, and write them."""
        with average.in_model():
            scores = {
                name: self._evaluate(split)
                for name, split in (
                    ("averaged_selection_scores", self.config.training.selection),
                    ("averaged_test_scores", "test"),
                )
            }
            if self.directory is not None:
                path, weights = self.directory / AVERAGED_WEIGHTS, self.model.state_dict()
                self._write_weights(path, weights, len(self._history))
        return scores

    def _evaluate(self, name: str) -> dict[str, float]:
        """Return the scores of the model's weights on a split."""
        split = getattr(self.corpus, name)
        return evaluate(self.model, split, self.corpus.entity_word, self.device).flat()

    def _epoch(self, number: int) -> Epoch:
        started = time.perf_counter()
        loss = self._optimise(number)
        scores = self._evaluate(self.config.training.selection)
        seconds = time.perf_counter() - started
        return Epoch(
            epoch=number,
            train_loss=loss,
            selection_scores=scores,
            seconds=seconds,
            tokens_per_second=self.corpus.epoch_tokens / seconds,
        )

    def _optimise(self, number: int) -> float:
        """Train for an epoch and return its mean loss per sentence."""
        training, split = self.config.training, self.corpus.train
        size, order = self.corpus.epoch_size, training.batch_order
        generator = np.random.default_rng([training.seed, number])
        torch.manual_seed(int(generator.integers(2**63)))
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        self.model.train()
        batches = training_batches(split, training.batch_size, generator, order, size)
        steps, tokens_N = training.max_epochs * len(batches), input_tokens(split)
        for step, rows in enumerate(batches, (number - 1) * len(batches)):
            set_step_sizes(self.optimizer, warmup_factor(step, steps, training.warmup))
            self.optimizer.zero_grad(set_to_none=True)
            for part in parts_of_batch(rows, tokens_N, training.max_tokens):
                total += len(part) * self._add_gradient(part, len(rows))
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), training.clip_norm)
            self.optimizer.step()
            if self.average is not None:
                self.average.update(step)
        mean = total.item() / size
        if not math.isfinite(mean):
            raise Diverged(
                f"epoch {number}: the training loss is {mean}; "
                f"lower training.learning_rate (now {training.learning_rate:g})"
            )
        return mean

    def _add_gradient(self, rows: Array, batch_size: int) -> Tensor:
        """Add the gradient of some sentences' share of the loss of a batch.

        Returns:
            Their own mean loss.
        """
        batch = make_batch(self.corpus.train, rows, self.device)
        if share := self.config.training.word_dropout:
            batch = drop_words(batch, share)
        loss: Tensor = self.model(batch).loss(batch)
        (loss * (len(rows) / batch_size)).backward()
        return loss.detach()

    def _keep(self, epoch: Epoch) -> None:
        """Keep the weights of the best epoch, and write a checkpoint when it is due.

        Better weights are written with the checkpoint that refers to them, and before it. Until
        then they are in memory: the files on disk always belong together.
        """
        is_last = self._end_reason() is not None
        is_due = self.directory is not None and (is_last or self._cadence.is_due())
        if self._best_epoch() == epoch.epoch:
            self._best = self._trained()
            if not is_due:  # the next epoch changes the weights before they are written
                self._best = {name: t.cpu().clone() for name, t in self._best.items()}
        if self.directory is not None and is_due:
            with self._cadence.writing():
                self._write(self.directory)

    def _write(self, directory: Path) -> None:
        """Write better weights, if there are, then the checkpoint.

        The weights are complete. The checkpoint omits frozen weights, which a resumed run reads
        with the corpus.
        """
        if self._best:
            weights = self._frozen() | self._best
            self._write_weights(directory / WEIGHTS, weights, self._best_epoch())
            self._best = {}
        tensors = {f"model.{name}": t for name, t in self._trained().items()}
        metadata = self._identity() | {"history": list(map(dataclasses.asdict, self._history))}
        if self.continued is not None:
            metadata["continued"] = self.continued
        tensors |= {f"adam.{name}": t for name, t in optimizer_tensors(self.optimizer).items()}
        if self.average is not None:
            tensors |= {f"average.{name}": t for name, t in self.average.tensors().items()}
        save_tensors(directory / CHECKPOINT, tensors, metadata)

    def _write_weights(self, path: Path, weights: Mapping[str, Tensor], epoch: int) -> None:
        """Write a complete model file: the weights, and what predicting needs beside them."""
        metadata = self._identity() | {
            "epoch": epoch,
            "protocol": PROTOCOL_VERSION,
            "vocabulary": self.corpus.vocabulary.to_json(),
        }
        if self.corpus.pretrained is not None:
            metadata["pretrained"] = self.corpus.pretrained.to_json()
        if (vectors := self.corpus.vectors) is not None and vectors.file_digest:
            metadata["vectors"] = {"name": vectors.name, "digest": vectors.file_digest}
        save_tensors(path, weights, metadata)

    def _best_weights(self) -> dict[str, Tensor]:
        if self.directory is None:
            return self._frozen() | self._best
        path = self.directory / WEIGHTS
        try:
            tensors, metadata = load_tensors(path)
        except FileNotFoundError:
            checkpoint = self.directory / CHECKPOINT
            raise CheckpointError(
                f"{path}: does not exist; delete {checkpoint} to train again"
            ) from None
        if metadata.get("epoch") != self._best_epoch():
            checkpoint = self.directory / CHECKPOINT
            raise CheckpointError(
                f"{path}: must be of epoch {self._best_epoch()}; delete it and {checkpoint} to "
                "train again"
            )
        return tensors

    def _trained(self) -> dict[str, Tensor]:
        """Return the state of the model without its frozen weights, by name."""
        frozen = self._frozen()
        return {name: t for name, t in self.model.state_dict().items() if name not in frozen}

    def _frozen(self) -> dict[str, Tensor]:
        """Return the weights that are not trained, by name."""
        return {n: p.detach() for n, p in self.model.named_parameters() if not p.requires_grad}

    def _identity(self) -> dict[str, Any]:
        return {"config": self.config.flat(), "data": self.corpus.digest}

    def _resume(self, path: Path) -> None:
        tensors, metadata = load_tensors(path)
        # As for fingerprints, settings such as the folder of a pretrained model do not count, and
        # fields that the checkpoint does not have were at their defaults.
        try:
            config = Config.from_flat(metadata["config"])
        except (KeyError, AttributeError, TypeError, ValueError):
            config = None
        same = config is not None and config.canonical() == self.config.canonical()
        if not same or metadata.get("data") != self.corpus.digest or "history" not in metadata:
            raise CheckpointError(
                f"{path}: belongs to another configuration; delete it to start over"
            )
        by_owner: dict[str, dict[str, Tensor]] = {"model": {}, "adam": {}, "average": {}}
        try:
            for key, tensor in tensors.items():
                owner, _, name = key.partition(".")
                by_owner[owner][name] = tensor
            self.model.load_state_dict(self._frozen() | by_owner["model"])
            restore_optimizer(self.optimizer, by_owner["adam"])
            if self.average is not None:
                self.average.restore(by_owner["average"])
        except (LookupError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"{path}: its weights do not fit; delete it") from error
        self._history = read_epochs(path, metadata)
        self.continued = metadata.get("continued")


def train(
    config: Config,
    corpus: EncodedCorpus,
    *,
    directory: Path | None = None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    device: torch.device | None = None,
) -> Result:
    """Train a configuration, or resume it from its checkpoint.

    Args:
        config: Settings.
        corpus: Encoded splits.
        directory: Folder of the checkpoint and of the selected epoch's weights.
        on_epoch: Called after each epoch; see :meth:`Trainer.run`.
        device: Default: CPU.

    Returns:
        The history and the scores of the selected epoch.

    Raises:
        Diverged: The loss became infinite or not a number.
        CheckpointError: The checkpoint is damaged or belongs to another run.
    """
    return Trainer(config, corpus, directory, device or torch.device("cpu")).run(on_epoch)
