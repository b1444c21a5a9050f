"""Parameter importance by PED-ANOVA, computed by Optuna and kept in the record of the search.

Reports import no Optuna, so they draw what is in the record.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState, create_trial

from study.ledger.fields import points
from study.ledger.importance import ArmImportance, Importance
from study.ledger.ledger import Ledger
from study.ledger.schema import Search, SearchTrial
from study.ledger.state import ENDED_WITHOUT_ERROR
from study.search.optuna_store import recorded_distributions

#: Share of an arm's trials that count as its best, Optuna's default.
BEST = 0.1
#: PED-ANOVA compares two densities: the best must be at least so many trials.
FEWEST_BEST = 5
#: Fewest trials of an arm: its best are at most half of them.
FEWEST_TRIALS = 2 * FEWEST_BEST
#: Shuffled searches, which show what chance gives.
SHUFFLED = 200
_QUANTILE = 0.95


def record_importance(ledger: Ledger, experiment: str) -> None:
    """Add the importance of its parameters to the record of a search, or replace it."""
    if (search := ledger.search(experiment)) is None:
        return
    found = importance(search)
    if found != search.importance:
        ledger.record_search(search.model_copy(update={"importance": found}))


def importance(search: Search) -> dict[str, ArmImportance]:
    """Return the importance of the parameters of each arm with enough trials.

    Pruned trials count with their best dev F1: the method only asks which trials are the best. For
    chance, the same scores are dealt to the trials in another order. An arm with a single
    parameter is left out, because the shares of an arm sum to 1.
    """
    found = {arm: _of_arm(search, arm) for arm in search.identities}
    return {arm: result for arm, result in found.items() if result is not None}


def _of_arm(search: Search, arm: str) -> ArmImportance | None:
    own = (trial for trial in search.trials if trial.arm == arm and trial.dev_f1)
    trials = [trial for trial in own if trial.state in ENDED_WITHOUT_ERROR]
    trials.sort(key=lambda trial: trial.number)
    tuned = {path for trial in trials for path in trial.parameters}
    if len(trials) < FEWEST_TRIALS or len(tuned) < 2:
        return None
    scores = [points(trial.best) for trial in trials]
    if len(set(scores)) == 1:
        return None
    best = max(FEWEST_BEST, round(BEST * len(trials)))
    evaluator = PedAnovaImportanceEvaluator(target_quantile=best / len(trials))
    study = _completed(search, trials)
    measured = _measure(study, evaluator, scores)
    total = sum(measured.values())
    if not total:
        return None
    dealt = random.Random(0)
    shuffled = [
        _measure(study, evaluator, dealt.sample(scores, len(scores))) for _ in range(SHUFFLED)
    ]
    chance = {
        path: float(np.quantile([one[path] for one in shuffled], _QUANTILE)) for path in measured
    }
    return ArmImportance(
        trials=len(trials),
        best=best,
        parameters={
            path: Importance(
                share=round(min(1.0, value / total), 4), chance=round(chance[path] / total, 4)
            )
            for path, value in sorted(measured.items(), key=lambda pair: (-pair[1], pair[0]))
        },
    )


def _completed(search: Search, trials: Sequence[SearchTrial]) -> optuna.Study:
    """Return a study in memory in which all trials are complete."""
    distributions = recorded_distributions(search)
    study = optuna.create_study(storage=InMemoryStorage(), direction="maximize")
    study.add_trials(
        create_trial(
            value=points(trial.best),
            state=TrialState.COMPLETE,
            params=trial.parameters,
            distributions={path: distributions[path] for path in trial.parameters},
        )
        for trial in trials
    )
    return study


def _measure(
    study: optuna.Study, evaluator: PedAnovaImportanceEvaluator, scores: Sequence[float]
) -> Mapping[str, float]:
    """Return the importance of each parameter, if the trials had these scores."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that few trials have a conditional parameter
        return get_param_importances(
            study,
            evaluator=evaluator,
            target=lambda trial: -scores[trial.number],  # PED-ANOVA takes the lowest for the best
            normalize=False,
        )
