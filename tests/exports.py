"""What tests of exported ledgers share: a small one that was trained, plans and searches."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

from rin_core.config import Config
from study.ledger.search_record import SearchTrial

ROOT = Path(__file__).parents[1]
TINY = {
    "encoder.hidden_size": 8,
    "encoder.word_dim": 4,
    "model.feature_size": 8,
    "training.max_epochs": 2,
    "training.batch_size": 200,
}
NOTHING = {"unit": 0, "study": 0, "search": 0}
ONE_UNIT = {**NOTHING, "unit": 1}
SETTINGS = [f"--set={name}={value}" for name, value in TINY.items()]


def python(*arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def planned(seed: int) -> dict[str, object]:
    config = Config().override("training.seed", seed)
    names = {"arm": "a", "label": "A", "seed": seed}
    return {"fingerprint": config.fingerprint("d"), **names, "config": config.flat()}


def searched(number: int, f1: float) -> dict[str, object]:
    return dataclasses.asdict(
        SearchTrial(
            arm="a",
            number=number,
            parameters={"training.seed": number},
            fingerprint=f"{number:016x}",
            config=Config().flat(),
            state="finished",
            dev_f1=[f1],
            seconds=[1.0],
        )
    )


SEARCH = {
    **{"experiment": "tune", "title": "?", "corpus": "demo", "command": "run", "budget": 4},
    **{"settings": {}, "labels": {}, "parameters": {}, "confirmed": "tune-confirmed"},
    **{"identities": {"a": {"seed": 1}}, "trials": []},
}
STUDY = {"experiment": "curve", "corpus": "demo", "space": "s", "trials": []}
