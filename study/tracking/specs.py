"""Studies and searches as trackers show them, from their records.

A session describes its own record, and ``rin-study sync`` that of the ledger. Both get the same.
"""

from __future__ import annotations

from rin_core.encoder_traits import ENCODERS
from study.ledger.ledger import Ledger
from study.ledger.presets import recorded_preset
from study.ledger.schema import PlannedRun, Search, SearchTrial, Study
from study.ledger.state import TrialState
from study.planning.grid import arm_short_label, full_name
from study.tracking.base import CONTENT, ExperimentSpec, RunSpec, varied_settings


def study_spec(study: Study, ledger: Ledger, description: str) -> ExperimentSpec:
    """Describe a study to a tracker.

    Args:
        study: Its record.
        ledger: Has the runs.
        description: Markdown.
    """
    contents = [run.content for run in study.trials if run.content]
    tags = {"space": study.space, "corpus": study.corpus}
    return ExperimentSpec(
        name=study.experiment,
        description=description,
        runs={run.fingerprint: _planned_spec(run, study, ledger) for run in study.trials},
        # Reports show the last content of the corpus. Records of earlier versions have none.
        tags={**tags, CONTENT: contents[-1]} if contents else tags,
        artifacts=ledger.root / "artifacts",
        varied=varied_settings(run.config for run in study.trials),
    )


def search_spec(search: Search, ledger: Ledger, description: str) -> ExperimentSpec:
    """Describe a search to a tracker; the arguments are as for :func:`study_spec`."""
    # Trials may share a run, and the first names it: an invalid trial has its arm's.
    runs = {t.fingerprint: trial_spec(t, search, ledger) for t in reversed(search.trials)}
    return ExperimentSpec(
        name=search.experiment,
        description=description,
        runs=runs,
        tags={"space": search.space, "corpus": search.corpus},
        artifacts=ledger.root / "artifacts",
        varied=tuple(search.parameters),
        ranks_arms=False,
    )


def _planned_spec(run: PlannedRun, study: Study, ledger: Ledger) -> RunSpec:
    corpus, config = run.corpus or study.corpus, run.config
    selection = str(config.get("training.selection", "dev"))
    settings = (f"{name}={value}" for name, value in run.settings.items() if name != "preset")
    tags = {
        "arm": run.arm,
        "corpus": corpus,
        "seed": str(run.seed),
        "space": study.space,
        "settings": " ".join([recorded_preset(corpus, run.settings), *settings]),
    }
    return RunSpec(
        run=ledger.run(run.fingerprint),
        experiment=study.experiment,
        name=full_name(run.label, selection, corpus, run.seed),
        params={"arm": run.arm, **config, "vectors": _pretrained(run)},
        tags=tags | ({"corpus_digest": run.digest} if run.digest else {}),
        max_epochs=int(config.get("training.max_epochs", 0)),
        selection=selection,
    )


def _pretrained(run: PlannedRun) -> str:
    """Return the name of the model or of the word vectors that a run starts with."""
    encoder = ENCODERS[run.config.get("encoder.kind", "bilstm")]
    if encoder.reads_pieces:
        return str(run.config["encoder.model"])
    return str(run.settings.get("vectors", "random"))


def trial_spec(trial: SearchTrial, search: Search, ledger: Ledger) -> RunSpec:
    """Describe a trial of a search to callbacks."""
    label = search.labels.get(trial.arm, trial.arm)
    return RunSpec(
        run=ledger.run(trial.fingerprint),
        experiment=search.experiment,
        name=f"{trial.name} · {arm_short_label(label)}",
        params={"arm": trial.arm, **trial.config},
        tags={
            "arm": trial.arm,
            "corpus": search.corpus,
            "seed": str(trial.config.get("training.seed", "")),
            "space": search.space,
            "rin.trial": trial.name,
        },
        max_epochs=int(trial.config.get("training.max_epochs", 0)),
        pruned_after=len(trial.dev_f1) if trial.state is TrialState.PRUNED else None,
    )
