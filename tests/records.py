"""Records of the ledger with numbers chosen by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rin_core.config import Config
from study.ledger.fields import SCORES
from study.ledger.files import write_record
from study.ledger.layout import RESULT
from study.ledger.schema import Epoch, PlannedRun, Predictions, Result, Search, SearchTrial, Study
from study.ledger.state import TrialState

NO_PREDICTIONS = Predictions(relations=[], triples=[], spans=[])
PROVENANCE = {"code": {"version": "0.1.0"}, "hardware": "a slide rule", "threads": 1}


def scores(f1: float, **others: float) -> dict[str, float]:
    return dict.fromkeys(SCORES, f1) | others


def an_epoch(number: int, f1: float = 0.5, **changes: Any) -> Epoch:
    row = {"epoch": number, "train_loss": 2.0, "selection_scores": scores(f1)}
    return Epoch.model_validate({**row, "seconds": 1.0, "tokens_per_second": 9.0, **changes})


def a_result(fingerprint: str, epochs: int = 1, **changes: Any) -> Result:
    history = [an_epoch(number) for number in range(1, epochs + 1)]
    return Result.model_validate(
        {
            "fingerprint": fingerprint,
            "config": Config().flat(),
            "corpus": {"name": "demo", "digest": "d"},
            "history": [row.to_json() for row in history],
            "best_epoch": epochs,
            "end_reason": "max_epochs",
            "selection_split": "dev",
            "selection_scores": scores(0.5),
            "test_scores": scores(0.4),
            "seconds": float(epochs),
            "provenance": PROVENANCE,
            **changes,
        }
    )


DAMAGE = ("cut", "zeroed", "text")
"""Kinds of :func:`damage`."""


def damage(content: bytes, kind: str) -> bytes:
    """Return what is left of a file that was damaged."""
    return {
        "cut": content[: len(content) // 2],
        "zeroed": bytes(len(content)),
        "text": b"not a database\n" * 100,
    }[kind]


def write_result(folder: Path, result: Result) -> None:
    """Write the result of a run with its checksum, so that no number is compared with others."""
    write_record(folder / RESULT, result, name=folder.name)


def a_planned_run(seed: int, **changes: Any) -> PlannedRun:
    config = Config().override("training.seed", seed)
    return PlannedRun.model_validate(
        {
            "fingerprint": config.fingerprint("d"),
            "arm": "a",
            "label": "A",
            "seed": seed,
            "config": config.flat(),
            **changes,
        }
    )


def a_study(trials: list[PlannedRun], experiment: str = "curve", **changes: Any) -> Study:
    given = {"experiment": experiment, "corpus": "demo", "space": "s", **changes}
    return Study.model_validate({**given, "trials": [run.to_json() for run in trials]})


def a_trial(number: int, f1: float = 0.5, **changes: Any) -> SearchTrial:
    return SearchTrial.model_validate(
        {
            "arm": "a",
            "number": number,
            "parameters": {},
            "fingerprint": f"{number:016x}",
            "config": Config().flat(),
            "state": TrialState.FINISHED,
            "dev_f1": [f1],
            "seconds": [1.0],
            **changes,
        }
    )


def a_search(
    identities: dict[str, dict[str, Any]],
    trials: list[SearchTrial] | None = None,
    experiment: str = "some",
    **changes: Any,
) -> Search:
    search = Search.model_validate(
        {
            "experiment": experiment,
            "title": "?",
            "corpus": "demo",
            "settings": {},
            "labels": {},
            "parameters": {},
            "budget": 4,
            "confirmed": f"{experiment}-confirmed",
            "identities": identities,
            "trials": [],
            **changes,
        }
    )
    search.trials.extend(trials or [])
    return search
