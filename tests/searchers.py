"""A searcher with made-up results: its search, its record in memory, its algorithms."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import BaseStorage

from rin_core.config import Config
from search_spaces.fair_rounds import SPACE
from search_spaces.search import Asha, Parameter, Search
from search_spaces.space import Arm
from study.ledger.ledger import Ledger
from study.ledger.schema import SearchTrial
from study.ledger.state import TrialState as State
from study.planning.search import SearchPlan, make_search_plans
from study.search.algorithm import ArmSearch
from study.search.exchange import handed_over
from study.search.optuna_store import OptunaSearch
from study.search.searcher import RoundRobinSearcher


def a_search(arms: int = 2, **changes: object) -> Search:
    given: dict[str, Any] = {
        "name": "some",
        "title": "?",
        "arms": tuple(Arm(name=f"arm{k}", label=f"{k}") for k in range(arms)),
        "parameters": {
            "training.learning_rate": Parameter(FloatDistribution(1e-5, 1e-2, log=True)),
            "model.rounds": Parameter(IntDistribution(0, 3)),
            "model.cell": Parameter(
                CategoricalDistribution(["gru", "rnn"]), when={"model.rounds": (1, 2, 3)}
            ),
        },
        "sampler": "random",
        "asha": Asha(grace_period=2, reduction_factor=2),
        "design_points": 0,
        "exchange": False,
    }
    return Search(**{**given, **changes})


def plan_of(folder: Path, tmp_path: Path, preset: str | None = None, **options: Any) -> SearchPlan:
    space = dataclasses.replace(SPACE, preset=preset, asha=Asha(grace_period=8))
    (plan,) = make_search_plans(space, Ledger(tmp_path), [str(folder)], **options)
    return plan


def fingerprint_of(arm: str, number: int) -> str:
    return f"{arm[-1]}{number:02}"


class Recorder:
    """A record in memory; a test sets what becomes of a trial, and then ends it."""

    def __init__(self, one_run: bool = False) -> None:
        self.trials: dict[tuple[str, int], SearchTrial] = {}
        self.algorithms: dict[str, OptunaSearch] = {}
        self.one_run, self.running = one_run, set[str]()
        self.search: Search | None = None

    def of(self, arm: str) -> list[SearchTrial]:
        return sorted((t for t in self.trials.values() if t.arm == arm), key=lambda t: t.number)

    def run_of(self, arm: str, parameters: Mapping[str, Any]) -> str:
        return "one" if self.one_run else f"{arm}-{sorted(parameters.items())}"

    def is_running(self, arm: str, parameters: Mapping[str, Any]) -> bool:
        return self.run_of(arm, parameters) in self.running

    def start(self, arm: str, number: int, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        self.running.add(self.run_of(arm, parameters))
        fresh = SearchTrial(
            arm=arm,
            number=number,
            parameters=dict(parameters),
            fingerprint=fingerprint_of(arm, number),
            config={},
        )
        trial = self.trials.setdefault((arm, number), fresh)
        return {"arm": arm, "trial": trial.name, "finished": False}

    def handed_over(self, arm: str, before: int) -> list[dict[str, Any]]:
        assert self.search is not None
        names = [one.name for one in self.search.arms]
        trials = list(self.trials.values())
        return handed_over(self.search, lambda _: Config(), names, trials, arm, before)

    def end(self, suggested: Mapping[str, Any]) -> None:
        """End a trial in the state that it is in."""
        trial = self.find(suggested)
        self.running.discard(self.run_of(trial.arm, trial.parameters))
        if trial.state is not State.RUNNING:
            self.algorithms[trial.arm].tell(trial)

    def find(self, suggested: Mapping[str, Any]) -> SearchTrial:
        arm, _, number = suggested["run"]["trial"].partition(" #")
        return self.trials[arm, int(number)]

    def finish(self, suggested: Mapping[str, Any], curve: list[float]) -> None:
        trial = self.find(suggested)
        trial.state, trial.dev_f1, trial.seconds = State.FINISHED, curve, [1.0] * len(curve)
        self.end(suggested)


def opened(
    search: Search, storage: BaseStorage, recorder: Recorder, budget: int, **more: Any
) -> tuple[RoundRobinSearcher, dict[str, OptunaSearch]]:
    recorded = {arm.name: recorder.of(arm.name) for arm in search.arms}
    recorder.running.clear()
    recorder.search = search
    exchanged = dataclasses.replace(search, budget=budget).exchanged(len(recorded))
    for arm, trials in recorded.items():
        spec = ArmSearch(
            search=search,
            arm=arm,
            base=Config(),
            recorded=trials,
            database=Path("unused"),
            study_name=f"x/{arm}",
        )
        recorder.algorithms[arm] = OptunaSearch(spec, storage)
    algorithms = recorder.algorithms
    return RoundRobinSearcher(algorithms, recorded, budget, recorder, exchanged, **more), algorithms


def next_trial(searcher: RoundRobinSearcher, name: str) -> dict[str, Any]:
    """Ask for a trial where there must be one."""
    asked = searcher.suggest(name)
    assert isinstance(asked, dict), asked
    return asked


def row(epoch: int, f1: float) -> dict[str, Any]:
    return {"epoch": epoch, "best_dev_f1": f1, "total_seconds": float(epoch)}
