"""A saved view of an experiment in MLflow's UI: the arms ranked, without a click.

The UI keeps a shared view as a tag of the experiment: JSON with a name and the state of the page.
MLflow does not document this. The UI takes what it knows of a state and ignores the rest, and a
browser test opens the view with the pinned version.
"""

from __future__ import annotations

import json
from typing import Any

from study.tracking.base import ExperimentSpec
from study.tracking.mlflow.names import AVERAGED_RESULT, DEV_RESULT, KIND, TEST_RESULT

KEY = "rin-arms"
TAG = f"mlflow.sharedViewState.{KEY}"
QUERY = f"workflowType=machine_learning&viewStateShareKey={KEY}"
"""Of the address; without the first part MLflow 3 opens its pages for language models."""
MOST_COLUMNS = 4  # of parameters: more do not fit beside the scores


def ranked_view(experiment: ExperimentSpec) -> str:
    """Return the value of the tag: the best arm or, in a search, the best trial first."""
    score = _ranked_by(experiment)
    scores = dict.fromkeys([score, TEST_RESULT, DEV_RESULT])
    columns = [f"metrics.`{name}`" for name in scores]
    columns += [f"params.`{name}`" for name in experiment.varied[:MOST_COLUMNS]]
    state: dict[str, Any] = {
        "searchFilter": "",
        "orderByKey": f"metrics.`{score}`",
        "orderByAsc": False,
        "selectedColumns": columns,
        "runsHiddenMode": "SHOW_ALL",
        "groupBy": None,
    }
    if experiment.ranks_arms:
        keys = [{"mode": "tag", "groupByData": "arm"}]
        arms = dict.fromkeys(spec.tags.get("arm", "") for spec in experiment.runs.values())
        state["groupBy"] = {"aggregateFunction": "average", "groupByKeys": keys}
        state["groupsExpanded"] = {f"tag.arm.{arm}": False for arm in arms}
    else:
        state["searchFilter"] = f"tags.`{KIND}` = 'trial'"  # a study is not among its trials
    # A fixed time: the same view is written once.
    view = {"name": "Ranked", "createdAt": 1, "updatedAt": 1, "state": json.dumps(state)}
    return json.dumps(view)


def _ranked_by(experiment: ExperimentSpec) -> str:
    """Return the metric that decides between the runs; arms are ranked by its mean over seeds."""
    if not experiment.ranks_arms:
        return DEV_RESULT
    kinds = {str(spec.params.get("training.average", "none")) for spec in experiment.runs.values()}
    return AVERAGED_RESULT if kinds and "none" not in kinds else TEST_RESULT
