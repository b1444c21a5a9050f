"""The ledger as one data frame.

One row is one planned trial, whatever became of it: a report that only saw finished runs
could not say which are missing.
"""

from __future__ import annotations

import difflib
import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from rin_core.config import canonical_settings, nondefault_settings
from study.ledger.scores import SCORES

#: What may have become of a trial, and in a reader's words.
STATUS_WORDS = {
    "done": "finished",
    "failed": "failed",
    "corrupt": "unreadable",
    "unfinished": "unfinished",
    "planned": "not run",
}
#: What the arms of a curve over K may differ in.
_OF_ROUNDS = ("model.rounds", "model.cell")
#: Every column and its type.
SCHEMA: dict[str, str] = {
    "experiment": "object",
    "space": "object",
    "corpus": "object",
    "arm": "object",
    "label": "object",
    "seed": "int64",
    "fingerprint": "object",
    "settings": "object",
    "command": "object",
    "updated": "object",
    "variant": "object",
    "settings_except_rounds": "object",
    "selection": "object",
    "entity_word": "object",
    "rounds": "int64",
    "cell": "object",
    "status": "object",
    "problem": "object",
    "epochs": "Int64",
    "best_epoch": "Int64",
    "stopped": "object",
    "losses": "object",
    "processor": "object",
    "seconds": "float64",
    "digest": "object",
    "content": "object",
} | {f"{split}_{name}": "float64" for split in ("dev", "test") for name in SCORES}


class LedgerError(ValueError):
    """A ledger that cannot be read: names the file and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What the ledger holds of one trial."""

    status: str
    """A key of :data:`STATUS_WORDS`."""
    problem: str = ""
    """Why it failed or cannot be read, naming the file; else empty."""
    epochs: int | None = None
    """Epochs trained."""
    best_epoch: int | None = None
    """The epoch whose weights were scored on test."""
    stopped: str = ""
    """What ended the training: ``patience`` or ``max_epochs``."""
    losses: tuple[float, ...] = ()
    """Training loss of each epoch: two runs that share it are one training."""
    seconds: float = math.nan
    """Time the whole trial took."""
    digest: str = ""
    """Digest of the corpus and vectors it was trained on."""
    content: str = ""
    """Digest of the corpus alone; empty in results older than that record."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """``dev_f1`` and the like, as fractions; dev's are NaN where test chose the epoch."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Code, packages and machine, as recorded; empty in results older than that record."""

    @property
    def processor(self) -> str:
        """Processor and arithmetic, which rounding hangs on; empty in results older than that."""
        arithmetic = self.provenance.get("arithmetic")
        return f"{self.provenance['hardware']}, {arithmetic}" if arithmetic else ""


def experiments(runs: Path) -> list[str]:
    """Return the names of the experiments in a ledger, sorted.

    Raises:
        LedgerError: There is no ledger, or nothing in it.
    """
    names = sorted(path.stem for path in (runs / "studies").glob("*.json"))
    if not names:
        raise LedgerError(
            f"{runs / 'studies'}: no experiments there; run a study first, bring one here with "
            "study/run.py import, or name its output folder with --runs"
        )
    return names


def read_ledger(runs: Path, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Read experiments into one frame with the columns of :data:`SCHEMA`.

    Args:
        runs: A study's output folder.
        names: Which experiments; all of them when ``None``.

    Raises:
        LedgerError: No ledger, no such experiment, or a study file that cannot be read.
            A unit that cannot be read is a row with status ``corrupt`` instead.
    """
    known = experiments(runs)
    chosen = list(dict.fromkeys(known if names is None else names))
    for name in chosen:
        if name not in known:
            raise LedgerError(_no_such(name, known, runs))
    rows = [row for name in chosen for row in _study_rows(runs, name)]
    frame = pd.DataFrame(rows, columns=list(SCHEMA)).astype(SCHEMA)
    # A trial planned again for changed data has a new fingerprint and replaces the old one; an arm
    # planned again as another model replaces all its trials, of other seeds too.
    arm = ["experiment", "settings", "arm"]
    meant = frame[frame["variant"] == frame.groupby(arm)["variant"].transform("last")]
    return meant.drop_duplicates([*arm, "seed"], keep="last").reset_index(drop=True)


def no_trials() -> pd.DataFrame:
    """Return a frame as :func:`read_ledger` does, of nothing."""
    return pd.DataFrame(columns=list(SCHEMA)).astype(SCHEMA)


def _no_such(name: str, known: list[str], runs: Path) -> str:
    close = difflib.get_close_matches(name, known, n=2)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there: {', '.join(known)}"
    return f"{name}: no such experiment in {runs / 'studies'}; {hint}"


def _study_rows(runs: Path, name: str) -> list[dict[str, object]]:
    path = runs / "studies" / f"{name}.json"
    try:
        study = read_json(path)
        head = {"experiment": name, "space": study["space"], "corpus": study["corpus"]}
        head |= {name: study.get(name, "") for name in ("command", "updated")}
        rows = [head | _trial_row(trial, runs / "units") for trial in study["trials"]]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        what = f"no {error} in it" if isinstance(error, KeyError) else str(error)
        raise LedgerError(
            f"{path}: not a study's record ({what}); run the study again, which rewrites it, "
            "or move the file away"
        ) from error
    if not rows:
        raise LedgerError(f"{path}: plans no trials; run the study again, which rewrites it")
    return rows


def _trial_row(trial: Mapping[str, Any], units: Path) -> dict[str, object]:
    config = trial["config"]
    rounds = int(config["model.rounds"])
    unit = read_unit(units / str(trial["fingerprint"]))
    return {
        **{name: str(trial[name]) for name in ("arm", "label", "fingerprint")},
        "seed": int(trial["seed"]),
        "settings": canonical_settings(trial.get("settings") or {}),
        "variant": nondefault_settings(config),
        "settings_except_rounds": nondefault_settings(
            {k: v for k, v in config.items() if k not in _OF_ROUNDS}
        ),
        "selection": config.get("training.selection", "dev"),
        "entity_word": config.get("data.entity_word", "first"),
        "rounds": rounds,
        "cell": config["model.cell"] if rounds else "none",
        **{name: getattr(unit, name) for name in ("status", "problem", "epochs", "best_epoch")},
        **{name: getattr(unit, name) for name in ("stopped", "losses", "processor", "seconds")},
        "digest": unit.digest,
        "content": unit.content,
        **unit.scores,
    }


def read_unit(folder: Path) -> Unit:
    """Return what became of one trial; a file that cannot be read is told, not raised."""
    result, failure = folder / "result.json", folder / "failure.json"
    if result.exists():
        try:
            return _finished(read_json(result), folder.name)
        except (AttributeError, TypeError, ValueError) as error:
            problem = f"units/{folder.name}/result.json: {error}"
            return Unit(status="corrupt", problem=problem)
    if failure.exists():
        return Unit(status="failed", problem=_reason(failure))
    started = (folder / "checkpoint.safetensors").exists()
    return Unit(status="unfinished" if started else "planned")


def read_json(path: Path) -> dict[str, Any]:
    """Return a file's JSON object; raises ``ValueError`` with the reason where it holds none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError("holds no JSON object")
    return content


def _reason(path: Path) -> str:
    try:
        return str(read_json(path).get("reason", "no reason recorded"))
    except ValueError as error:
        return f"units/{path.parent.name}/failure.json: {error}"


def _finished(result: Mapping[str, Any], fingerprint: str) -> Unit:
    """Check a finished trial's record field by field."""
    missing = [
        k for k in ("fingerprint", "corpus", "history", "best_epoch", "seconds") if k not in result
    ]
    if missing:
        raise ValueError(f"has no {', '.join(missing)}")
    if result["fingerprint"] != fingerprint:
        raise ValueError(f"is the result of {result['fingerprint']}, not of its folder")
    corpus = dict(result["corpus"])
    scores = {f"{s}_{name}": _score(result, s, name) for s in ("dev", "test") for name in SCORES}
    if dict(result.get("config") or {}).get("training.selection") == "test":
        # What a record calls dev's are scores of what chose the epoch.
        scores |= {f"dev_{name}": math.nan for name in SCORES}
    return Unit(
        status="done",
        epochs=len(result["history"]),
        best_epoch=int(result["best_epoch"]),
        stopped=str(result.get("stopped", "")),
        losses=tuple(float(e.get("train_loss", math.nan)) for e in result["history"]),
        seconds=float(result["seconds"]),
        **{name: str(corpus.get(name, "")) for name in ("digest", "content")},
        scores=scores,
        provenance=dict(result.get("provenance") or {}),
    )


def _score(result: Mapping[str, Any], split: str, name: str) -> float:
    scores = result.get(split)
    value = scores.get(name) if isinstance(scores, Mapping) else None
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{split}.{name} = {value!r}: must be a fraction in [0, 1]")
    return float(value)


def settings_of(frame: pd.DataFrame) -> list[str]:
    """Return the distinct settings of a frame, in the order of their first trial."""
    return list(dict.fromkeys(frame["settings"]))


def select_settings(frame: pd.DataFrame, number: int | None = None) -> pd.DataFrame:
    """Return the trials of one settings value, because others must not be averaged in.

    Args:
        frame: One experiment.
        number: Which of :func:`settings_of`, from 1; the last trial's when ``None``.

    Raises:
        LedgerError: There is no such number.
    """
    known = settings_of(frame)
    if number is not None and not 1 <= number <= len(known):
        raise LedgerError(
            f"--settings {number}: {frame['experiment'].iloc[0]} has "
            + ("one settings value: 1" if len(known) == 1 else f"settings 1 to {len(known)}")
        )
    chosen = frame["settings"].iloc[-1] if number is None else known[number - 1]
    return frame[frame["settings"] == chosen].reset_index(drop=True)


def pool(frame: pd.DataFrame, corpus: str, settings: str) -> pd.DataFrame:
    """Take the trials of all experiments on a corpus together, each once.

    Spaces share arms, and shared arms share runs. Where two experiments mean different things
    by one arm's name, those of the study updated last are meant.

    Args:
        frame: Experiments, see :func:`read_ledger`.
        corpus: Name of the corpus.
        settings: The one settings value to take, see :func:`settings_of`.
    """
    chosen = frame[(frame["corpus"] == corpus) & (frame["settings"] == settings)]
    ordered = chosen.sort_values("updated", kind="stable")
    last_variant = ordered.groupby("arm")["variant"].transform("last")
    meant = ordered[ordered["variant"] == last_variant]
    return meant.drop_duplicates(["arm", "seed"], keep="last").reset_index(drop=True)


def complete_command(trials: pd.DataFrame) -> str:
    """Return the command that makes all trials of a study, from the one it was given last.

    That may have been narrower, for some arms or seeds; and how many trials ran at once is a
    machine's matter.

    Args:
        trials: Trials with one ``command``.
    """
    words = iter(shlex.split(str(trials["command"].iloc[0])))
    kept: list[str] = []
    skipped = False
    for word in words:
        option, joined, _ = word.partition("=")
        if word.startswith("--"):
            skipped = option in ("--arms", "--max-concurrent")
        if option == "--seeds":
            if not joined:
                next(words, None)
            seeds = sorted(set(trials["seed"]))
            counted = seeds == list(range(len(seeds)))
            kept += [option, str(len(seeds)) if counted else ",".join(map(str, seeds))]
        elif not skipped:
            kept.append(word)
    return shlex.join(kept)


def require_one_setting(frame: pd.DataFrame) -> None:
    """Raise ``ValueError`` for a frame whose trials must not be averaged together."""
    for column in ("corpus", "settings"):
        values = list(dict.fromkeys(frame[column]))
        if len(values) > 1:
            raise ValueError(f"{column}: {values} must not be averaged together; select one first")
