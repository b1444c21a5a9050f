"""Resolve a search and the options into what all its trials share, before anything runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rin_core.config import PROTOCOL_VERSION, Config
from rin_core.data.encoding import EncodedCorpus
from rin_core.plural import plural
from search_spaces.presets import Preset
from search_spaces.search import Search
from search_spaces.space import SpaceError
from study.ledger import schema
from study.ledger.arms import trial_name
from study.ledger.fields import Options
from study.ledger.ledger import Ledger
from study.ledger.origin import GivenCommand
from study.ledger.parameters import Parameter
from study.ledger.presets import preset_to_record
from study.ledger.pruning import GraceEstimate
from study.ledger.run import Run
from study.ledger.search_record import SearchRecord
from study.ledger.state import TrialState
from study.planning.grace import settle_pruning
from study.planning.grid import (
    Plan,
    PlannedTrial,
    make_plan,
    refuse_namesakes,
    refuse_taken,
    with_preset,
)
from study.planning.recorded import corpus_name, vectors_name


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPlan:
    """A search on one corpus."""

    search: Search
    experiment: str
    source: str
    """The corpus as given on the command line: a name or a folder."""
    plan: Plan
    """Each arm's first trial, and the corpora."""
    starts: Mapping[str, PlannedTrial]
    """Each arm's first trial, at the preset's settings."""
    overrides: Mapping[str, object]
    """Settings for all trials."""
    ledger: Ledger
    grace: GraceEstimate | None = None
    """How the grace period of ASHA was measured; None if it was given."""

    @property
    def corpus(self) -> EncodedCorpus:
        """Return the corpus as the first arm reads it."""
        return self.plan.corpora[next(iter(self.starts.values())).corpus_key]

    def base(self, arm: str) -> Config:
        """Return an arm's settings, to which a trial adds its parameters."""
        return self.starts[arm].trial.config

    def run(self, arm: str, parameters: Mapping[str, Any]) -> tuple[Config, Run]:
        """Return a trial's configuration and run."""
        config = self.base(arm).with_overrides(parameters)
        corpus = self.plan.corpora[self.starts[arm].corpus_key]
        return config, self.ledger.run(config.fingerprint(corpus.digest))

    def left(self, record: SearchRecord) -> int:
        """Return how many trials have not ended, those that have not started included."""
        ended = dict.fromkeys(self.starts, 0)
        for trial in record.trials:
            if trial.arm in ended:
                ended[trial.arm] += trial.state is not TrialState.RUNNING
        return sum(max(0, self.search.budget - count) for count in ended.values())

    @property
    def preset(self) -> Preset:
        """Return what the settings of each arm's first trial start from."""
        return next(iter(self.starts.values())).trial.preset

    @property
    def settings(self) -> dict[str, Any]:
        """Return the preset and what the user changed: trials that differ are not compared."""
        return {**preset_to_record(self.corpus.name, self.preset.name), **self.plan.settings}

    def identities(self) -> dict[str, dict[str, Any]]:
        """Return for each arm everything that its trials must have in common."""
        arms = {arm.name: arm for arm in self.search.every_arm()}
        settings = self.settings
        # A preset may get other settings in a later version.
        preset = {"preset": dict(self.preset.settings)} if "preset" in settings else {}
        return {
            name: {
                **self.search.identity(arms[name]),
                "settings": settings,
                **preset,
                "corpus": self.plan.corpora[start.corpus_key].digest,
                "protocol": PROTOCOL_VERSION,
            }
            for name, start in self.starts.items()
        }

    def record(self, options: Options) -> schema.Search:
        """Return the search as the ledger keeps it, without trials.

        Args:
            options: Of the command that was given.
        """
        settings = self.settings
        given, seeds = with_preset(options, settings), self.search.confirm_seeds
        makes = [trial_name(arm, n) for arm in self.starts for n in range(self.search.budget)]
        makes += [f"{arm} seed {seed}" for arm in self.starts for seed in seeds]
        return schema.Search(
            experiment=self.experiment,
            space=self.search.name,
            title=self.search.title,
            corpus=self.corpus.name,
            data=corpus_name(self.corpus),
            vectors=vectors_name(self.corpus),
            options=given,
            commands=[GivenCommand(options=given, makes=makes)] if given else [],
            settings=settings,
            labels={name: start.trial.label for name, start in self.starts.items()},
            starts={
                name: dict(self.search.start(start.trial.config))
                for name, start in self.starts.items()
            },
            parameters={
                path: Parameter(**parameter.to_json())
                for path, parameter in self.search.parameters.items()
            },
            budget=self.search.budget,
            confirmed=self.confirmed,
            packages={name: version(name) for name in ("optuna", "ray")},
            grace=self.grace,
            identities=self.identities(),
            trials=[],
        )

    @property
    def confirmed(self) -> str:
        """Return the name of the experiment that confirms the search."""
        return f"{self.experiment}-confirmed"


def make_search_plans(
    search: Search,
    ledger: Ledger,
    corpora: Sequence[str],
    *,
    name: str | None = None,
    arms: Sequence[str] = (),
    overrides: Mapping[str, object] | None = None,
    data_root: Path | None = None,
    embeddings: Path | None = None,
) -> list[SearchPlan]:
    """Resolve a search into one plan a corpus; see :func:`study.planning.grid.make_plan`.

    Args:
        search: What to tune.
        ledger: Where the runs live.
        corpora: Names or folders.
        name: Name of the experiment; the space's name if None.
        arms: Shell-style patterns; none means all.
        overrides: Settings for every trial; a parameter that is set leaves the search space.
        data_root: Folder of corpora.
        embeddings: Word vectors.

    Raises:
        ValueError: A space, setting, corpus or vectors are invalid.
    """
    search = search.fixing(overrides or {})
    plans = []
    for source in corpora:
        sized = search.on(source)
        settings = {**search.fixed, **(overrides or {})}
        plan = make_plan(
            sized.starts(),
            ledger,
            [source],
            arms=arms,
            seeds=(search.seed,),
            overrides=settings,
            data_root=data_root,
            embeddings=embeddings,
        )
        starts = {planned.trial.arm: planned for planned in plan.trials}
        corpus = plan.trials[0].corpus_name
        experiment = name if name and len(corpora) == 1 else f"{name or search.name}-{corpus}"
        base = plan.trials[0].trial.config.flat()
        record = SearchRecord(ledger, experiment)
        sized, grace = settle_pruning(sized, record, base, ledger, corpus)
        plans.append(
            SearchPlan(
                search=sized,
                experiment=experiment,
                source=source,
                plan=plan,
                starts=starts,
                overrides=settings,
                ledger=ledger,
                grace=grace,
            )
        )
        _check(plans[-1], arms)
        _check_budget(plans[-1], record)
    refuse_namesakes((p.source, corpus) for p in plans for corpus in p.plan.corpora.values())
    return plans


def _check(plan: SearchPlan, patterns: Sequence[str]) -> None:
    """Find errors that would otherwise appear only when trials run."""
    refuse_taken([plan.experiment], plan.ledger.study_names(), "a study of a grid")
    alike = {arm.name for arm in plan.search.starts().select(patterns)} - plan.starts.keys()
    if alike:
        raise SpaceError(f"{plan.search.name}: arms {', '.join(sorted(alike))} equal another arm")
    for name in plan.starts:
        base = plan.base(name)
        plan.search.start(base)
        asha, epochs = plan.search.asha, base.training.max_epochs
        if asha is not None and int(asha.grace_period) >= epochs:
            raise SpaceError(
                f"training.max_epochs = {epochs}: must be more than the {asha.grace_period} epochs "
                f"that {plan.search.name} gives every trial (asha.grace_period)"
            )


def _check_budget(plan: SearchPlan, record: SearchRecord) -> None:
    """Raise an error if an arm already has more trials: the others would have fewer."""
    counts = Counter(trial.arm for trial in record.trials)
    for arm, count in counts.most_common(1):
        if count > plan.search.budget:
            raise SpaceError(
                f"--trials {plan.search.budget}: {arm} has {plural(count, 'trial')} in "
                f"{plan.experiment} already, and every arm needs the same number; "
                f"give --trials {count} or more"
            )
