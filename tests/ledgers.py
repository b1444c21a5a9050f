"""Writes what studies leave behind, with numbers chosen by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rin_core.data.corpus import Corpus, Sentence
from study.ledger.decisions import Decisions, PlannedContrast, RecordedLook, RecordedOutcome, State
from study.ledger.fields import SCORES, Options
from study.ledger.files import CHECKSUM, checksum_of
from study.planning.corpora import describe
from tests.records import a_result, write_result
from tests.rin_core.data.test_statistics import sentence

EXPERIMENT = "rounds_curve-webnlg_star"
NOTHING: Mapping[str, object] = {}
OLD = {"training.max_epochs": 2}
NEW = {"training.max_epochs": 15, "vectors": "glove.6B.100d"}
OPTIONS: Options = {"space": ["rounds_curve"], "data": ["webnlg_star"]}


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
        test = dict.fromkeys(SCORES, f1) | {
            "precision": max(0.0, f1 - 0.01),
            "recall": min(1.0, f1 + 0.01),
        }
        config = next((t["config"] for t in self.trials if t["fingerprint"] == fingerprint), {})
        assert isinstance(config, dict)
        result = a_result(
            fingerprint,
            epochs=3,
            corpus={"name": "webnlg_star", "digest": "d"},
            best_epoch=2,
            seconds=12.5,
            config=config,
            selection_split=config.get("training.selection", "dev"),
            selection_scores=dict.fromkeys(SCORES, min(1.0, f1 + 0.02)),
            test_scores=test | {"entity_f1": min(1.0, f1 + 0.05), "exact_f1": max(0.0, f1 - 0.08)},
        )
        content = {**result.to_json(), **changes}
        content[CHECKSUM] = checksum_of(content, fingerprint)
        self.write(fingerprint, "result.json", json.dumps(content))

    def describe(self, sentences: Sequence[Sentence], content: str = "c") -> None:
        """Record a corpus that has the same sentences in every split."""
        part = tuple(sentences)
        corpus = Corpus(name="webnlg_star", train=part, dev=part, test=part)
        path = self.runs / "corpora" / f"{content}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(describe(content, corpus).to_json()))

    def predict(
        self, fingerprint: str, f1: float, triples: Sequence[tuple[int, int, str, int]]
    ) -> None:
        """Record a result whose test F1 and predictions agree, if they do."""
        corpus = {"name": "webnlg_star", "digest": "d", "content": "c"}
        scores = dict.fromkeys(SCORES, f1)
        self.finish(
            fingerprint, f1, {"corpus": corpus, "selection_scores": scores, "test_scores": scores}
        )
        relations = sorted({t for _, _, t, _ in triples})
        rows = [[n, i, relations.index(t), j] for n, i, t, j in triples]
        said = {"relations": relations, "triples": rows, "spans": []}
        self.write(fingerprint, "predictions.json", json.dumps(said))

    def save(
        self,
        experiment: str = EXPERIMENT,
        corpus: str = "webnlg_star",
        updated: str = "2020-01-01",
        options: Mapping[str, object] = OPTIONS,
        decisions: Decisions | None = None,
    ) -> None:
        study: dict[str, object] = {
            "experiment": experiment,
            "space": experiment.partition("-")[0],
            "corpus": corpus,
        }
        study |= {"version": 3, "updated": updated, "options": options, "trials": self.trials}
        if decisions is not None:
            study["decisions"] = decisions.model_dump(mode="json")
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


def a_plan(first_runs: Mapping[str, str], state: State = "equal") -> Decisions:
    """Return the plan of a study of gru-1 over bilstm-s after one look at three seeds."""
    outcome = RecordedOutcome(
        contrast="interaction",
        estimate=0.1,
        low=-0.4,
        high=0.6,
        efficacy=0.5,
        equivalence=0.2,
        chance=0.9,
        state=state,
    )
    contrast = PlannedContrast(
        key="interaction", text="Interaction helps", weights={"gru-1": 1.0, "bilstm-s": -1.0}
    )
    return Decisions(
        endpoint="averaged",
        margin=0.5,
        level=0.05,
        looks=[3, 5],
        efficacy_gamma=1.0,
        equivalence_gamma=-4.0,
        futile=0.05,
        contrasts=[contrast],
        first_runs=dict(first_runs),
        seeds={"gru-1": 3, "bilstm-s": 3},
        outcomes=[RecordedLook(seeds=3, outcomes=[outcome])],
    )


# --- a search -----------------------------------------------------------------------------

RATE = "training.learning_rate"
DISTRIBUTION = {
    "name": "FloatDistribution",
    "attributes": {"low": 1e-5, "high": 1e-2, "log": True, "step": None},
    "when": {},
}


def trial(
    number: int, state: str, dev_f1: list[float], rate: float, **more: object
) -> dict[str, object]:
    return {
        "arm": "a",
        "number": number,
        "parameters": {RATE: rate},
        "fingerprint": f"f{number}",
        "config": {RATE: rate},
        "state": state,
        "inherited": 0,
        "dev_f1": dev_f1,
        "seconds": [2.0] * len(dev_f1),
        "reason": "",
        **more,
    }


TRIALS = [
    trial(0, "finished", [0.1, 0.5, 0.6, 0.4], 1e-3),
    trial(1, "pruned", [0.1, 0.2], 1e-4),
    trial(2, "pruned", [0.3], 1e-5),
    trial(3, "failed", [], 1e-2, reason="the loss is nan"),
    trial(4, "finished", [0.1, 0.7, 0.6, 0.5, 0.4, 0.3], 2e-3, inherited=4),
    trial(5, "running", [0.9], 3e-3),
]


def write_search(runs: Path, corpus: str = "tiny") -> None:
    """Two trials are finished; others are pruned, failed or running."""
    record = {
        "experiment": "some",
        "title": "What?",
        "corpus": corpus,
        "version": 3,
        "options": {"space": ["some"]},
        "settings": {"training.patience": 3},
        "labels": {"a": "Arm A"},
        "parameters": {RATE: DISTRIBUTION},
        "budget": 6,
        "confirmed": "some-confirmed",
        "identities": {"a": {}},
        "trials": TRIALS,
    }
    path = runs / "searches" / "some.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(record))
    for number, epochs in {0: 4, 4: 6}.items():
        end(runs, number, epochs, 0.6 + 0.1 * (number == 4))


def end(runs: Path, number: int, epochs: int, dev_f1: float) -> None:
    """Let a trial's unit have come to its end."""
    unit = runs / "units" / f"f{number}"
    unit.mkdir(parents=True)
    result = a_result(
        unit.name,
        epochs=epochs,
        corpus={"name": "tiny", "digest": "d"},
        best_epoch=1,
        seconds=2.0 * epochs,
        selection_scores=dict.fromkeys(SCORES, dev_f1),
        test_scores=dict.fromkeys(SCORES, dev_f1),
    )
    write_result(unit, result)


# --- one with everything ------------------------------------------------------------------

#: The second gold triple of the second sentence has an argument that is not in it.
GOLD = (
    sentence("a b c d e", ("a", "r", "b"), ("c", "s", "d")),
    sentence("a b c d e f g h i j k l", ("a", "r", "l"), ("a", "t", "nowhere")),
)
R, S, FAR = (0, 0, "r", 1), (0, 2, "s", 3), (1, 0, "r", 11)


def answers_ledger(runs: Path) -> Ledger:
    """K = 1 finds what the baseline finds and one more; K = 2 has one of the two seeds."""
    made = Ledger(runs)
    made.describe(GOLD)
    for seed in (0, 1):
        made.predict(made.plan("bilstm-s", seed), 2 * 1 / (1 + 4), (R,))
        made.predict(made.plan("gru-1", seed), 2 * 2 / (3 + 4), (R, FAR, (0, 2, "r", 3)))
    made.predict(made.plan("gru-2", 1), 2 * 1 / (1 + 4), (S,))
    made.plan("gru-2", 0)
    made.save()
    return made


def a_full_ledger(runs: Path) -> Ledger:
    """Predictions, a failed trial whose reason looks like markup, and a search."""
    made = answers_ledger(runs)
    failed = made.plan("gru-2", 2)
    made.write(failed, "failure.json", json.dumps({"reason": "<script>alert(1)</script> & more"}))
    made.save()
    write_search(runs)
    return made
