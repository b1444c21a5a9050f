"""Resolve a space and the options into runs, before anything is trained."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rin_core.config import Config, DataConfig, nondefault_settings
from rin_core.data.encoding import EncodedCorpus
from rin_core.data.loading import load_dataset
from search_spaces.presets import Preset
from search_spaces.space import ENCODER, Grid, Trial
from study.ledger.decisions import Decisions
from study.ledger.fields import Options
from study.ledger.ledger import Ledger
from study.ledger.origin import GivenCommand
from study.ledger.presets import preset_to_record
from study.ledger.run import Run
from study.ledger.schema import PlannedRun, Study


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTrial:
    """A trial with its identity."""

    trial: Trial
    run: Run
    corpus_key: str
    corpus_name: str

    @property
    def name(self) -> str:
        """Return the name that people read: ``GRU K=3 · webnlg_star · seed 2``."""
        return full_name(self.trial.label, self.split, self.corpus_name, self.trial.seed)

    @property
    def split(self) -> str:
        """Return the split that selects the epoch; its F1 is reported by epoch."""
        return self.trial.config.training.selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every trial of a study, distinct by fingerprint, with the corpora they need."""

    space: Grid
    trials: tuple[PlannedTrial, ...]
    corpora: Mapping[str, EncodedCorpus]
    settings: Mapping[str, Any]
    """What the user changed for all trials, and the word vectors: never averaged across."""

    def data(self) -> Iterator[tuple[str, EncodedCorpus, DataConfig]]:
        """Yield the source, the content and the data settings of each encoded corpus."""
        for key, planned in {planned.corpus_key: planned for planned in self.trials}.items():
            yield planned.trial.corpus, self.corpora[key], planned.trial.config.data

    def experiments(self, name: str | None = None) -> list[Experiment]:
        """Group the trials into experiments: one for each corpus, named after the space."""
        names = list(dict.fromkeys(t.corpus_name for t in self.trials))
        return [
            Experiment(
                name=name if name and len(names) == 1 else f"{name or self.space.name}-{corpus}",
                plan=self,
                trials=tuple(t for t in self.trials if t.corpus_name == corpus),
            )
            for corpus in names
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """The trials of a plan on one corpus, with a name in MLflow and a report."""

    name: str
    plan: Plan
    trials: tuple[PlannedTrial, ...]
    decisions: Decisions | None = None
    """For a study that runs until its contrasts are decided."""

    @property
    def corpus_name(self) -> str:
        """Return the corpus that all its trials are on."""
        return self.trials[0].corpus_name

    @property
    def preset(self) -> Preset:
        """Return what the settings of its trials start from."""
        return self.trials[0].trial.preset

    @property
    def settings(self) -> dict[str, Any]:
        """Return the preset and what the user changed: trials that differ are not averaged."""
        chosen = preset_to_record(self.corpus_name, self.preset.name)
        return {**chosen, **self.plan.settings}

    def record(self, options: Options) -> Study:
        """Return the plan as the ledger keeps it.

        Args:
            options: Of the command that was given.
        """
        settings = self.settings
        given, makes = with_preset(options, settings), [p.run.fingerprint for p in self.trials]
        return Study(
            experiment=self.name,
            space=self.plan.space.name,
            title=self.plan.space.title,
            corpus=self.corpus_name,
            options=given,
            commands=[GivenCommand(options=given, makes=makes)] if given else [],
            decisions=self.decisions,
            trials=[
                PlannedRun(
                    fingerprint=p.run.fingerprint,
                    arm=p.trial.arm,
                    label=p.trial.label,
                    seed=p.trial.seed,
                    corpus=p.corpus_name,
                    config=self._config(p),
                    settings=settings,
                    content=self.plan.corpora[p.corpus_key].as_read,
                    digest=self.plan.corpora[p.corpus_key].digest,
                )
                for p in self.trials
            ],
        )

    def _config(self, planned: PlannedTrial) -> dict[str, Any]:
        """Return a trial's settings; a transformer by its name, not by its folder."""
        pretrained = self.plan.corpora[planned.corpus_key].pretrained
        own = {"encoder.model": pretrained.name} if pretrained else {}
        return {**planned.trial.config.flat(), **own}

    def replaced(self, recorded: Study | None) -> dict[str, int]:
        """Count by arm the recorded trials of another model under these settings.

        Args:
            recorded: The experiment's plan so far.
        """
        now = {p.trial.arm: nondefault_settings(self._config(p)) for p in self.trials}
        settings = self.settings
        return Counter(
            run.arm
            for run in (recorded.trials if recorded else [])
            if run.settings == settings
            and now.get(run.arm) not in (None, nondefault_settings(run.config))
        )

    def on_other_content(self, recorded: Study | None) -> list[PlannedRun]:
        """Return the recorded trials on another content of the corpus or of its vectors.

        Args:
            recorded: The experiment's plan so far.
        """
        planned = {p.trial.arm: self.plan.corpora[p.corpus_key] for p in self.trials}
        content, settings = self.plan.corpora[self.trials[0].corpus_key].as_read, self.settings
        return [
            run
            for run in (recorded.trials if recorded else [])
            if run.settings == settings
            and (
                run.content not in ("", content)
                or (run.arm in planned and run.digest not in ("", planned[run.arm].digest))
            )
        ]


def with_preset(options: Options, settings: Mapping[str, Any]) -> Options:
    """Return options that name the preset, where the name of the only corpus chose it.

    The recorded command then means the same if the corpus is renamed.
    """
    if "preset" not in settings or len(options.get("data", ())) != 1:
        return options
    return {**options, "preset": settings["preset"]}


def merge_trials(experiments: Sequence[Experiment]) -> list[PlannedTrial]:
    """Return the trials of experiments, each fingerprint once, in the order to run them.

    Several experiments take turns: one seed of every arm of all of them comes first.
    """
    every = [planned for experiment in experiments for planned in experiment.trials]
    if len(experiments) > 1:
        every.sort(key=lambda planned: planned.trial.seed)
    distinct: dict[str, PlannedTrial] = {}
    for planned in every:
        distinct.setdefault(planned.run.fingerprint, planned)
    return list(distinct.values())


def merge_corpora(experiments: Iterable[Experiment]) -> dict[str, EncodedCorpus]:
    """Return the encoded corpora of experiments by key."""
    return {
        key: corpus for experiment in experiments for key, corpus in experiment.plan.corpora.items()
    }


def full_name(label: str, selection: str, corpus: str, seed: int) -> str:
    """Return the name of a trial that people read.

    Examples:
        >>> full_name("RIN (GRU, K = 3)", "dev", "webnlg_star", 2)
        'GRU K=3 · webnlg_star · seed 2'
    """
    chosen = " (epoch chosen on test)" if selection == "test" else ""
    return f"{arm_short_label(label)}{chosen} · {corpus} · seed {seed}"


def arm_short_label(label: str) -> str:
    """Return an arm's label as it fits a column: ``GRU K=3`` for ``RIN (GRU, K = 3)``."""
    return re.sub(r"RIN \(([^,)]+), K = (\d+)\)", r"\1 K=\2", label)


def make_plan(
    space: Grid,
    ledger: Ledger,
    corpora: Sequence[str],
    *,
    arms: Sequence[str] = (),
    seeds: Sequence[int] | None = None,
    overrides: Mapping[str, object] | None = None,
    data_root: Path | None = None,
    embeddings: Path | None = None,
    encoded: dict[str, EncodedCorpus] | None = None,
) -> Plan:
    """Resolve a space into runs, reading each corpus once.

    Args:
        space: What to compare.
        ledger: Where the runs live.
        corpora: Names or folders.
        arms: Shell-style patterns; none means all.
        seeds: Default: the space's.
        overrides: Settings for every trial.
        data_root: Folder of corpora.
        embeddings: Word vectors.
        encoded: Corpora that another plan has read, by :func:`encoding`; those of this one are
            added.

    Raises:
        ValueError: A space, setting, corpus or vectors are invalid, or two corpora have one name.
    """
    trials = space.trials(corpora, arms=arms, seeds=seeds, overrides=overrides)
    encoded = {} if encoded is None else encoded
    planned: dict[str, PlannedTrial] = {}
    for given in trials:
        key = encoding(given.corpus, given.config)
        if key not in encoded:
            encoded[key] = load_dataset(
                given.corpus, given.config, data_root=data_root, embeddings=embeddings
            )
        corpus = encoded[key]
        trial = with_encoder_name(with_equal_capacity(given, corpus), corpus)
        fingerprint = trial.config.fingerprint(corpus.digest)
        planned.setdefault(
            fingerprint,
            PlannedTrial(
                trial=trial,
                run=ledger.run(fingerprint),
                corpus_key=key,
                corpus_name=corpus.name,
            ),
        )
    refuse_namesakes((t.corpus, encoded[encoding(t.corpus, t.config)]) for t in trials)
    used = {key: encoded[key] for key in dict.fromkeys(p.corpus_key for p in planned.values())}
    return Plan(
        space=space,
        trials=tuple(planned.values()),
        corpora=used,
        settings=_settings({**space.fixed, **(overrides or {})}, trials[0].config, used),
    )


def with_equal_capacity(trial: Trial, corpus: EncodedCorpus) -> Trial:
    """Return a trial with the width that gives it another model's number of parameters.

    Args:
        trial: Returned as it is unless its arm is a control for capacity.
        corpus: Its corpus, whose relations count.

    Raises:
        ConfigError: No width does.
    """
    if trial.equal_to is None:
        return trial
    from rin_core.model.capacity import equal_width  # imports torch

    width = equal_width(trial.config, trial.equal_to, corpus.vocabulary)
    config = trial.config.override("model.feature_size", width)
    return replace(trial, config=config, equal_to=None)


def with_encoder_name(trial: Trial, corpus: EncodedCorpus) -> Trial:
    """Return a trial whose label names the pretrained encoder that its corpus was read with."""
    name = corpus.pretrained.name if corpus.pretrained else trial.config.encoder.kind
    return replace(trial, label=trial.label.replace(ENCODER, name.rpartition("/")[2]))


def refuse_taken(names: Iterable[str], taken: Collection[str], by: str) -> None:
    """Raise an error if another kind of experiment has the same name: they share a report folder.

    Args:
        names: What is planned.
        taken: Names of the other kind.
        by: The other kind, in words.

    Raises:
        ValueError: Says which name, and what has it.
    """
    for name in names:
        if name in taken:
            raise ValueError(
                f"experiment name {name} is already used by {by}; choose another with --experiment"
            )


def refuse_namesakes(read: Iterable[tuple[str, EncodedCorpus]]) -> None:
    """Raise an error if different corpora have one name: they would share an experiment.

    Args:
        read: Corpora with the names or folders given on the command line.

    Raises:
        ValueError: Names the folders.
    """
    found: dict[str, dict[str, set[str]]] = {}
    for source, corpus in read:
        found.setdefault(corpus.name, {}).setdefault(source, set()).add(corpus.content)
    for name, contents in found.items():
        if len(set(map(frozenset, contents.values()))) > 1:
            raise ValueError(
                f"--data {' '.join(contents)}: different corpora with the same name {name}; "
                "rename one of the folders"
            )


def encoding(corpus: str, config: Config) -> str:
    """Return a key of the encoded corpus: trials with the same key share its arrays."""
    return f"{corpus} {config.data} {config.encoder.input_settings()}"


def _settings(
    overrides: Mapping[str, object], config: Config, corpora: Mapping[str, EncodedCorpus]
) -> dict[str, Any]:
    checked = config.flat()
    settings = {path: checked[path] for path in overrides}
    for corpus in corpora.values():
        if corpus.vectors is not None:
            settings["vectors"] = corpus.vectors.name
        if corpus.pretrained is not None and "encoder.model" in settings:
            settings["encoder.model"] = corpus.pretrained.name  # not where it lies on this machine
    return settings
