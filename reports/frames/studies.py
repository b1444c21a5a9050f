"""What the tables of a study are made from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from reports.frames.decisions import DecisionRow, study_decisions
from reports.frames.encoders import EncoderRuns
from reports.frames.predictions import SentenceCounts, read_counts
from reports.frames.scores import Endpoint, Scores, arm_scores, comparable
from reports.frames.settings import split_settings
from reports.frames.trials import no_trials, read_ledger, require_one_setting
from reports.stats.verdicts import RULE, Rule
from study.ledger.decisions import Decisions
from study.ledger.ledger import Ledger
from study.ledger.schema import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyData:
    """Trials on one corpus under one settings value, with their predictions.

    Raises:
        ValueError: The frame mixes corpora or settings.
    """

    corpus: str
    frame: pd.DataFrame
    """The trials, see :func:`~reports.frames.trials.read_ledger`; may be empty."""
    counts: SentenceCounts = field(default_factory=SentenceCounts)
    """Correct, predicted and gold triples of each test sentence."""
    other_settings: tuple[str, ...] = ()
    """Settings that were also run and are not in the frame."""
    other_contents: pd.DataFrame = field(default_factory=no_trials)
    """Finished trials on other contents of the corpus, which are not in the frame."""
    outdated: bool = False
    """A study that was updated later had another content of the corpus."""
    pool: pd.DataFrame | None = None
    """All runs on the corpus with these settings, whose variance is pooled; the frame if None."""
    rule: Rule = RULE
    """Of the verdicts."""
    decisions: Decisions | None = None
    """For a study that runs until its contrasts are decided."""
    planned: Mapping[str, DecisionRow] = field(default_factory=dict)
    """For the paper's tables: the contrasts that a study on the corpus decides by its plan."""
    spans: StudyData | None = None
    """For the paper's tables: runs on the same corpus with whole entities, to show beside."""
    encoders: tuple[EncoderRuns, ...] = ()
    """For the paper's tables: runs on the same corpus over pretrained encoders."""

    def __post_init__(self) -> None:
        require_one_setting(self.frame)

    def runs(self) -> pd.DataFrame:
        """Return fingerprint, label and caveat of every run."""
        shown = [self.frame, *(runs.frame for runs in self.encoders)]
        shown += [] if self.spans is None else [self.spans.frame]
        return pd.concat(part[["fingerprint", "label", "caveat"]] for part in shown)

    def scores(self, endpoint: Endpoint | None = None) -> Scores:
        """Return the scores of the arms; ``None`` is the endpoint that the runs were made for."""
        return arm_scores(self.frame, endpoint, self.pool, self.rule)


def study_data(
    runs: Path,
    frame: pd.DataFrame,
    other_settings: Iterable[str] = (),
    other_contents: pd.DataFrame | None = None,
    everything: pd.DataFrame | None = None,
    *,
    outdated: bool = False,
    rule: Rule = RULE,
) -> StudyData:
    """Read the predictions of a study's trials.

    Args:
        runs: A study's output folder.
        frame: The trials of one study under one settings value.
        other_settings: Settings that the study was also run with.
        other_contents: Finished trials of the study on other contents of the corpus.
        everything: All runs of the ledger; read from it if ``None``.
        outdated: A study that was updated later had another content of the corpus.
        rule: Of the verdicts.
    """
    everything = read_ledger(runs) if everything is None else everything
    study = Ledger(runs).study(str(frame["experiment"].iloc[0]))
    return StudyData(
        corpus=str(frame["corpus"].iloc[0]),
        frame=frame,
        counts=read_counts(runs, frame),
        other_settings=tuple(other_settings),
        other_contents=no_trials() if other_contents is None else other_contents,
        outdated=outdated,
        pool=comparable(everything, frame),
        rule=rule,
        decisions=None if study is None else plan_of(study, frame),
    )


def corpus_decisions(
    runs: Path, frame: pd.DataFrame, free: Collection[str]
) -> dict[str, DecisionRow]:
    """Return the contrasts of a corpus that a study decides by its plan, by key.

    One study decides all of them, because their error rate is that of one plan: the study that was
    updated last.

    Args:
        runs: A study's output folder.
        frame: All runs on the newest content of the corpus, see
            :func:`~reports.frames.trials.newest_content`.
        free: Settings that the study may change.
    """
    ledger = Ledger(runs)
    for name in reversed(list(dict.fromkeys(frame["experiment"]))):
        study = ledger.study(str(name))
        plan = None if study is None else plan_of(study, frame)
        if plan is None or not plan.has_looked:  # before its first look it says nothing
            continue
        own = frame[frame["experiment"] == name]
        planned = own[own["fingerprint"].isin(plan.first_runs.values())]
        settings = str(planned["settings"].iloc[-1])
        if split_settings(settings).keys() <= set(free):
            used = own[own["settings"] == settings]
            return {row.key: row for row in study_decisions(used, plan)}
    return {}


def plan_of(study: Study, frame: pd.DataFrame) -> Decisions | None:
    """Return the plan and decisions of a study, if they are about the runs of this frame."""
    if study.decisions is None:
        return None
    known = set(frame["fingerprint"])
    return study.decisions if known.issuperset(study.decisions.first_runs.values()) else None
