"""Sections about corpora: the paper's tables for each, and their sizes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from reports.document.section import Section
from reports.frames.encoders import encoder_runs
from reports.frames.predictions import read_corpora, read_counts
from reports.frames.scores import comparable
from reports.frames.settings import FREE, split_settings
from reports.frames.studies import StudyData, corpus_decisions
from reports.frames.trials import newest_content, no_trials, pool, settings_of
from reports.paper.registry import PAPER, make_tables
from reports.published.numbers import ARMS, CORPORA
from reports.stats.contrasts import EQUAL_CAPACITY
from reports.stats.verdicts import RULE, Rule
from reports.tables.corpora import corpus_table, findings_table
from rin_core.config import INIT_SETTINGS
from rin_core.data.corpus import is_paper_corpus
from study.ledger.state import TrialState

#: The paper's WebNLG with one word for each entity, and with whole entities.
_ONE_WORD, _WHOLE_SPANS = "webnlg_star", "webnlg"
#: The arms of the paper's tables.
_ARMS = frozenset({*ARMS, EQUAL_CAPACITY})


def paper_sections(
    runs: Path,
    everything: pd.DataFrame,
    selected: Sequence[pd.DataFrame],
    elsewhere: pd.DataFrame,
    rule: Rule = RULE,
) -> list[tuple[StudyData, Section]]:
    """Return the paper's tables, and their data, for the corpora of the selected experiments.

    Only the paper's corpora and their parts have them. Each corpus is shown under the settings of
    one experiment: the last updated of those that have the newest content of the corpus, arms of
    the paper and, if possible, change nothing but the initial vectors or encoder. A corpus without
    a finished run of these arms under these settings is left out.

    Args:
        runs: A study's output folder.
        everything: All runs of all studies.
        selected: The runs of each selected experiment, under one settings value.
        elsewhere: Finished runs on other contents of the corpora.
        rule: Of the verdicts.
    """
    contents = [newest_content(everything, name) for name in dict.fromkeys(everything["corpus"])]
    newest = pd.concat([no_trials(), *(current for current, _ in contents)])
    earlier = pd.concat([elsewhere, *(others for _, others in contents)])
    earlier = earlier[(earlier["status"] == TrialState.FINISHED) & earlier["arm"].isin(_ARMS)]
    # Scores of epochs that were chosen on test are no results. Runs over pretrained encoders have
    # rows of their own, whatever their arms are called.
    own = newest["arm"].isin(_ARMS) & (newest["encoder"] == "")
    paper = newest[own & (newest["selection"] == "dev")]
    chosen = _reported_settings(selected, newest)
    sections = []
    for corpus in dict.fromkeys(name for name in (*CORPORA, *chosen) if name in chosen):
        settings = chosen[corpus]
        frame = pool(paper, corpus, settings)
        if not (frame["status"] == TrialState.FINISHED).any():
            continue
        known = settings_of(paper[paper["corpus"] == corpus])
        others = earlier[earlier["corpus"] == corpus]
        data = StudyData(
            corpus=corpus,
            frame=frame,
            counts=read_counts(runs, frame),
            other_settings=tuple(other for other in known if other != settings),
            other_contents=others.drop_duplicates("fingerprint"),
            pool=comparable(newest, frame),
            rule=rule,
            spans=whole_spans(paper, settings, rule) if corpus == _ONE_WORD else None,
            encoders=encoder_runs(newest[newest["corpus"] == corpus]),
            planned=corpus_decisions(runs, newest_content(everything, corpus)[0], FREE),
        )
        section = Section(
            key=f"paper-{corpus}",
            title=f"The paper's tables on {corpus}",
            page="tables.md",
            tables=make_tables(PAPER, data),
        )
        if section.tables:
            sections.append((data, section))
    return sections


def _reported_settings(selected: Sequence[pd.DataFrame], newest: pd.DataFrame) -> dict[str, str]:
    """Return the settings under which each of the paper's corpora is shown.

    Args:
        selected: The runs of each selected experiment, under one settings value.
        newest: All runs on the newest contents of the corpora.
    """
    ranked = []
    for frame in selected:
        corpus, settings = (str(frame[name].iloc[0]) for name in ("corpus", "settings"))
        if not is_paper_corpus(corpus):
            continue
        as_published = split_settings(settings).keys() <= set(INIT_SETTINGS)
        has_paper_arms = bool(frame["arm"].isin(ARMS).any())
        on_newest = bool(frame["fingerprint"].isin(newest["fingerprint"]).any())
        rank = (on_newest, has_paper_arms, as_published, str(frame["updated"].iloc[0]))
        ranked.append((rank, corpus, settings))
    # The experiment of the highest rank decides, because it comes last.
    return {corpus: settings for _, corpus, settings in sorted(ranked, key=lambda r: r[0])}


def whole_spans(paper: pd.DataFrame, settings: str, rule: Rule = RULE) -> StudyData | None:
    """Return the runs on WebNLG with whole entities, which their last words stand for.

    Args:
        paper: Runs of the paper's arms on the newest contents.
        settings: Of the runs that they are shown beside; they may differ in the entity's word.
        rule: Of the verdicts.
    """
    own = paper[(paper["corpus"] == _WHOLE_SPANS) & (paper["entity_word"] == "last")]
    # The text has what was set for all runs, and not what an arm sets.
    own = own.assign(settings=own["settings"].map(_without_entity_word))
    if not (own["settings"] == settings).any():
        return None
    frame = pool(own, _WHOLE_SPANS, settings)
    return StudyData(corpus=_WHOLE_SPANS, frame=frame, rule=rule)


def _without_entity_word(settings: str) -> str:
    given = split_settings(settings).items()
    return ", ".join(f"{name}={value}" for name, value in given if name != "data.entity_word")


def corpora_section(runs: Path) -> Section:
    """Return Table 2 and the findings, computed from the corpora that the ledger describes."""
    records = list(read_corpora(runs).values())
    found = findings_table(records)
    tables = (corpus_table(records), *((found,) if found else ()))
    return Section(key="corpora", title="Corpora", page="corpora.md", tables=tables)
