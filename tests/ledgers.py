"""Writes what studies leave behind, with numbers chosen by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from reports.results import SCORES
from rin_core.corpus import Corpus, Sentence
from study.corpora import describe

EXPERIMENT = "rounds_curve-webnlg_star"
NOTHING: Mapping[str, object] = {}
OLD = {"training.max_epochs": 2}
NEW = {"training.max_epochs": 15, "vectors": "glove.6B.100d"}
COMMAND = "python study/run.py --space rounds_curve --corpus webnlg_star"


class Ledger:
    """Writes what a study leaves behind."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self.trials: list[dict[str, object]] = []

    def plan(
        self,
        arm: str,
        seed: int,
        settings: Mapping[str, object] = NEW,
        config: Mapping[str, object] = NOTHING,
    ) -> str:
        cell, _, rounds = arm.partition("-")
        k = int(rounds) if rounds.isdigit() else 0
        fingerprint = f"{len(self.trials):016x}"
        own: dict[str, object] = {
            "model.rounds": k,
            "model.cell": cell if k else "gru",
            "training.seed": seed,
            "training.selection": "dev",
        }
        label = f"RIN ({cell.upper()}, K = {k})" if k else "BiLSTM_s"
        trial = {"fingerprint": fingerprint, "arm": arm, "label": label, "seed": seed}
        self.trials.append(trial | {"config": {**own, **config}, "settings": settings})
        return fingerprint

    def write(self, fingerprint: str, name: str, text: str) -> None:
        folder = self.runs / "units" / fingerprint
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

    def finish(self, fingerprint: str, f1: float, changes: Mapping[str, object] = NOTHING) -> None:
        """Record a result with test F1 ``f1`` and every other score at a fixed distance."""
        test = dict.fromkeys(SCORES, f1) | {"precision": f1 - 0.01, "recall": f1 + 0.01}
        result: dict[str, object] = {
            "fingerprint": fingerprint,
            "corpus": {"name": "webnlg_star", "digest": "d"},
            "history": [{"epoch": 1}, {"epoch": 2}, {"epoch": 3}],
            "best_epoch": 2,
            "seconds": 12.5,
            "dev": dict.fromkeys(SCORES, f1 + 0.02),
            "test": test | {"entity_f1": f1 + 0.05, "exact_f1": f1 - 0.08},
        }
        self.write(fingerprint, "result.json", json.dumps({**result, **changes}))

    def describe(self, sentences: Sequence[Sentence], content: str = "c") -> None:
        """Record a corpus that has the same sentences in every split."""
        part = tuple(sentences)
        corpus = Corpus(name="webnlg_star", train=part, dev=part, test=part)
        path = self.runs / "corpora" / f"{content}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"content": content, **describe(corpus)}))

    def predict(
        self, fingerprint: str, f1: float, triples: Sequence[tuple[int, int, str, int]]
    ) -> None:
        """Record a result whose test F1 and predictions agree, if they do."""
        corpus = {"name": "webnlg_star", "digest": "d", "content": "c"}
        scores = dict.fromkeys(SCORES, f1)
        self.finish(fingerprint, f1, {"corpus": corpus, "dev": scores, "test": scores})
        relations = sorted({t for _, _, t, _ in triples})
        rows = [[n, i, relations.index(t), j] for n, i, t, j in triples]
        said = {"relations": relations, "triples": rows, "spans": []}
        self.write(fingerprint, "predictions.json", json.dumps(said))

    def save(
        self, experiment: str = EXPERIMENT, corpus: str = "webnlg_star", updated: str = "2020-01-01"
    ) -> None:
        study: dict[str, object] = {
            "experiment": experiment,
            "space": experiment.partition("-")[0],
            "corpus": corpus,
        }
        study |= {"updated": updated, "command": COMMAND, "trials": self.trials}
        path = self.runs / "studies" / f"{experiment}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(study))


def an_eventful_ledger(runs: Path) -> Ledger:
    """gru-1 complete; the baseline has one seed; rnn-1 shows every other fate; gru-2 waits."""
    made = Ledger(runs)
    made.finish(made.plan("gru-1", 0, OLD), 0.10)
    made.finish(made.plan("bilstm-s", 0), 0.80)
    made.plan("bilstm-s", 1)
    for seed, f1 in enumerate((0.84, 0.86, 0.88)):
        made.finish(made.plan("gru-1", seed), f1)
    made.plan("gru-2", 0)
    made.finish(made.plan("rnn-1", 0), 0.82)
    made.write(made.plan("rnn-1", 1), "failure.json", '{"reason": "out of | memory"}')
    made.write(made.plan("rnn-1", 2), "checkpoint.safetensors", "")
    made.write(made.plan("rnn-1", 3), "result.json", '{"finger')
    made.finish(made.plan("rnn-1", 4), 0.83)
    made.save()
    return made
