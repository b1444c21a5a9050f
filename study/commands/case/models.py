"""The trained models of a case study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reports.frames.trials import read_ledger
from rin_core.config import Config
from rin_core.data.corpus import Fact, Sentence, Span
from rin_core.data.pieces import PieceTokenizer
from rin_core.data.tagging import TagSource, tag_source, with_tags
from rin_core.data.vocabulary import Vocabulary
from rin_core.model.rin import RIN
from rin_core.predict.loading import load_model
from rin_core.predict.rounds import Trace, trace
from study.ledger.command import render
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger
from study.ledger.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A trained model and what it reads sentences with."""

    label: str
    run: Run
    model: RIN
    vocabulary: Vocabulary
    config: Config
    tokenizer: PieceTokenizer | None
    note: str
    """What a person should know of how the model was loaded; empty if nothing."""

    @property
    def tag_source(self) -> TagSource | None:
        """Where the tags of given text come from; None if the model takes none."""
        return tag_source(self.vocabulary) if self.tokenizer is None else None

    def trace(
        self, sentence: Sentence, facts: Sequence[Fact] = (), spans: Sequence[Span] = ()
    ) -> Trace:
        """Follow a sentence through this model."""
        if self.tokenizer is None:
            (sentence,) = with_tags([sentence], self.vocabulary)
        parts = self.model, self.vocabulary, self.config
        return trace(*parts, sentence, facts, spans, self.tokenizer)


def load(ledger: Ledger, name: str) -> Loaded:
    """Load the model of a finished run by its fingerprint or the beginning of it.

    Raises:
        ValueError: There is no such run, or several.
        LedgerError: The run has no weights, as one imported from another ledger.
        CheckpointError: Its weights cannot be read.
    """
    run = ledger.find(name)
    if not run.weights.exists():
        raise LedgerError(
            f"{run.weights}: no weights; imported runs have none. To train the run again: "
            + render({"runs": str(ledger.root)}, ["rerun", run.fingerprint])
        )
    loaded = load_model(run.weights)
    label = f"{_label(ledger, run, loaded.config)}, seed {loaded.config.training.seed}"
    return Loaded(label=label, run=run, **loaded._asdict())


def distinct(models: Sequence[Loaded]) -> list[Loaded]:
    """Return models whose labels differ: equal ones get the start of their fingerprints."""
    labels = [model.label for model in models]
    return [
        replace(model, label=f"{model.label} ({model.run.fingerprint[:6]})")
        if labels.count(model.label) > 1
        else model
        for model in models
    ]


def _label(ledger: Ledger, run: Run, config: Config) -> str:
    """Return the arm's label, or a description of the model if no study planned the run."""
    if ledger.study_names():
        planned = read_ledger(ledger.root)
        for label in planned.loc[planned["fingerprint"] == run.fingerprint, "label"]:
            return str(label)
    model = config.model
    if not model.rounds:
        return "BiLSTM_s" if model.task_features else "BiLSTM"
    return f"RIN ({model.cell.upper()}, K = {model.rounds})"
