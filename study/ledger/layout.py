"""Names of the folders and files of an output folder.

<root>/units/<fingerprint>/     a run: the files below
<root>/studies/<experiment>.json
<root>/searches/<experiment>.json
<root>/corpora/<content>.json   what reports need of a corpus
<root>/vectors/<digest>.json    which words of its test split have a pretrained vector
<root>/cases/<name>.json        sentences followed through the rounds of models
"""

from __future__ import annotations

from rin_core.layout import AVERAGED_WEIGHTS, CHECKPOINT, RUNS, VECTORS, WEIGHTS

STUDIES, SEARCHES, CORPORA, CASES = "studies", "searches", "corpora", "cases"
FOLDERS = (RUNS, STUDIES, SEARCHES, CORPORA, VECTORS, CASES, "reports", "ray", "artifacts")
"""All folders of an output folder; the last two are those of Ray and of MLflow."""
LOCK = ".lock"

ATTEMPT = "attempt.json"
"""Who trains the run."""
HISTORY = "history.jsonl"
"""One line for each epoch."""
PREDICTIONS = "predictions.json"
RESULT = "result.json"
"""Written last: a run is finished where this file is."""
FAILURE = "failure.json"
PRUNED = "pruned.json"

OLD_USAGE = "usage.jsonl"
"""Before version 3: what each epoch took of the machine. It is in the history now."""
OLD_PRUNED = "stopped.json"
"""Before version 3: the name of ``pruned.json``."""

OUTCOMES = (FAILURE, PRUNED, OLD_PRUNED)
"""How an attempt may have ended without a result."""
OF_AN_ATTEMPT = (CHECKPOINT, WEIGHTS, AVERAGED_WEIGHTS, HISTORY, OLD_USAGE)
"""What training writes before it ends."""

__all__ = [
    "ATTEMPT",
    "AVERAGED_WEIGHTS",
    "CASES",
    "CHECKPOINT",
    "CORPORA",
    "FAILURE",
    "FOLDERS",
    "HISTORY",
    "LOCK",
    "OF_AN_ATTEMPT",
    "OLD_PRUNED",
    "OLD_USAGE",
    "OUTCOMES",
    "PREDICTIONS",
    "PRUNED",
    "RESULT",
    "RUNS",
    "SEARCHES",
    "STUDIES",
    "VECTORS",
    "WEIGHTS",
]
