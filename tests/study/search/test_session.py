"""A real search on Ray: killed, continued, extended, confirmed."""

import json
import random
import subprocess
from pathlib import Path

import pytest

from tests.corpora import write_corpus
from tests.searches import (
    ARMS,
    CORPUS,
    EXPERIMENT,
    ROOT,
    Search,
    disagreements,
)

SLOTS = 2


def run(search: Search, trials: int, seeds: str = "0") -> str:
    command = search.command(trials, seeds)
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    return ran.stdout


@pytest.mark.ray
@pytest.mark.timeout(600)
def test_a_killed_search_loses_nothing_and_may_grow(tmp_path: Path) -> None:
    search = Search(write_corpus(tmp_path / CORPUS, (150, 30, 30)), tmp_path / "runs", SLOTS)
    ended, wait = random.randrange(1, 5), random.random()
    at_once = search.kill_after(3, ended, wait)
    assert at_once == SLOTS, "ray#46965: not as many trials at once as there are slots"
    before = {(t["arm"], t["number"]): t for t in search.trials()}
    assert len(before) <= 3 * len(ARMS)

    assert run(search, 3).count("#/experiments/") == 1, "how to open the search in MLflow"
    assert disagreements(search, 3) == []
    after = {(t["arm"], t["number"]): t for t in search.trials()}
    for key, trial in before.items():
        assert after[key]["parameters"] == trial["parameters"]
        if trial["state"] != "running":
            assert after[key] == trial

    shown = run(search, 4, seeds="0,")
    assert disagreements(search, 4) == []
    grown = {(t["arm"], t["number"]): t for t in search.trials()}
    assert all(grown[key] == trial for key, trial in after.items())
    check_confirmation(search)
    assert f"{EXPERIMENT}-confirmed" in shown
    assert shown.count("#/experiments/") == 2, "the search, and its runs on fresh seeds"
    page = search.out / "reports" / EXPERIMENT / "search.md"
    assert "on fresh seeds" in page.read_text()


def check_confirmation(search: Search) -> None:
    """The best of each arm and its start, on a seed that chose neither, apart from the search."""
    study = json.loads((search.out / "studies" / f"{EXPERIMENT}-confirmed.json").read_text())
    confirmed = {t["arm"]: t for t in study["trials"]}
    for arm in ARMS:
        finished = [t for t in search.trials() if t["arm"] == arm and t["state"] == "finished"]
        best = max(finished, key=lambda t: (max(t["dev_f1"]), -t["number"]))
        kind = f"trial{best['number']}" if best["number"] else "paper"  # trial 0 is the paper's
        assert {f"{arm}-paper", f"{arm}-{kind}"} <= confirmed.keys()
        config = confirmed[f"{arm}-{kind}"]["config"]
        assert best["parameters"].items() <= config.items()
        assert config["training.seed"] == 0 != best["config"]["training.seed"]
    searched = {t["fingerprint"] for t in search.trials()}
    assert searched.isdisjoint(t["fingerprint"] for t in study["trials"])
    for trial in study["trials"]:
        assert (search.out / "units" / trial["fingerprint"] / "result.json").exists()
