"""The order in which the trials of several experiments run."""

from __future__ import annotations

from pathlib import Path

from search_spaces import SPACES
from study.ledger.ledger import Ledger
from study.planning.grid import make_plan, merge_corpora, merge_trials
from tests.corpora import write_corpus


def test_one_seed_of_every_arm_on_every_corpus_comes_first(tmp_path: Path) -> None:
    folders = [str(write_corpus(tmp_path / name, size)) for name, size in SIZES.items()]
    arms = ["bilstm-s", "gru-1"]
    plan = make_plan(SPACES["rounds_curve"], Ledger(tmp_path), folders, arms=arms, seeds=[0, 1])
    experiments = plan.experiments()
    merged = merge_trials(experiments)
    assert [(p.trial.seed, p.corpus_name, p.trial.arm) for p in merged] == [
        (seed, corpus, arm) for seed in (0, 1) for corpus in SIZES for arm in arms
    ]
    assert merge_corpora(experiments) == plan.corpora
    assert merge_trials([*experiments, experiments[0]]) == merged, "each once"
    assert [source for source, _, _ in plan.data()] == folders


SIZES = {"b": (20, 5, 5), "a": (30, 5, 5)}
