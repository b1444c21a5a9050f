"""The first screen: what our runs answer, as three cards, a figure of effects and a curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reports.document.formatting import drawn_interval, interval, signed
from reports.figures.answers import (
    POOLED,
    AnswerCurve,
    EffectRow,
    EffectsInfo,
    Mark,
    Series,
)
from reports.figures.rounds_curve import Point, is_rounds_curve, rounds_curve_info
from reports.frames.races import tuned_arm
from reports.frames.searches import SearchData
from reports.frames.select import of_arm
from reports.frames.settings import settings_name
from reports.frames.studies import StudyData
from reports.frames.trials import settings_of
from reports.paper.effects import ONE_ROUND, ONE_ROUND_TUNED, SENTENCES, Effect, corpus_effects
from reports.paper.pooled import PooledAnswer, find_pooled
from reports.published.numbers import ARMS, corpus_title
from reports.stats.verdicts import RULE, Word
from study.ledger.state import TrialState

#: Effects that the cards prefer, in order.
_CARDS = (ONE_ROUND, ONE_ROUND_TUNED, "rounds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One answer: a question, the verdict, the difference and how sure it is."""

    title: str
    word: Word
    value: str
    """The difference in F1, with its sign."""
    sure: str
    """Its interval, its corpus and what would decide it."""
    more: tuple[str, ...]
    """Scores of both sides, other corpora."""
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The contents of the first screen."""

    question: str
    cards: tuple[Card, ...]
    effects: EffectsInfo | None
    """``None`` if no two arms can be compared."""
    curve: AnswerCurve | None
    """``None`` if no study compares numbers of rounds."""
    corpora: tuple[str, ...]
    """Names of the corpora with effects, as people read them."""
    pooled: PooledAnswer | None
    """The effect of one round over corpora and settings; ``None`` if it was run in one only."""


def find_answers(
    paper: Sequence[StudyData], studies: Sequence[StudyData], searches: Sequence[SearchData]
) -> Answers:
    """Return the first screen of a ledger.

    Args:
        paper: The runs behind the paper's tables, for each corpus.
        studies: All studies.
        searches: All searches.
    """
    corpora = _corpora(paper, studies, searches)
    by_corpus: dict[str, list[Effect]] = {}
    for corpus in corpora:
        own = [study for study in studies if study.corpus == corpus and not study.outdated]
        found = corpus_effects(
            next((data for data in paper if data.corpus == corpus), None),
            sorted(own, key=lambda study: str(study.frame["updated"].iloc[0]), reverse=True),
            [search for search in searches if search.corpus == corpus],
        )
        if found:
            by_corpus[corpus] = found
    curves = [study for corpus in corpora for study in studies if study.corpus == corpus]
    every = [effect for found in by_corpus.values() for effect in found]
    rules = [*(study.rule for study in (*paper, *studies)), *(search.rule for search in searches)]
    rule = next(iter(rules), RULE)
    pooled = find_pooled(every, rule)
    return Answers(
        question=_question(every),
        cards=_cards(every, pooled),
        effects=_effects_info(every, rule.margin, pooled) if every else None,
        curve=_curve(curves, searches),
        corpora=tuple(map(corpus_title, by_corpus)),
        pooled=pooled,
    )


def _corpora(
    paper: Sequence[StudyData], studies: Sequence[StudyData], searches: Sequence[SearchData]
) -> list[str]:
    """Return the corpora with finished runs, those with most runs first."""
    counts: dict[str, int] = {}
    for data in studies:
        finished = int((data.frame["status"] == TrialState.FINISHED).sum())
        counts[data.corpus] = counts.get(data.corpus, 0) + finished
    names = dict.fromkeys([*(d.corpus for d in paper), *counts, *(s.corpus for s in searches)])
    kept = [name for name in names if counts.get(name) or any(s.corpus == name for s in searches)]
    return sorted(kept, key=lambda name: -counts.get(name, 0))


def _question(effects: Sequence[Effect]) -> str:
    questions = {effect.question for effect in effects}
    if questions & {ONE_ROUND, ONE_ROUND_TUNED, "interaction"}:
        return "Does interaction between the two tasks help?"
    if questions == {SENTENCES}:
        return "Would more annotated sentences help?"
    return "Which model is better?" if effects else "RIN studies"


def _cards(effects: Sequence[Effect], pooled: PooledAnswer | None) -> tuple[Card, ...]:
    """Return the three answers that matter most, the pooled one first."""
    by_key = _by_key(effects)
    keys = [key for key in _CARDS if key in by_key]
    keys += [key for key in by_key if key not in keys]
    if pooled is not None:
        keys.remove(pooled.parts[0].key)  # the pooled card names the parts
    cards = []
    for key in keys:
        beside = ""
        if key == ONE_ROUND_TUNED:
            beside = _tuning_text([e for e in effects if e.question == "tuning"])
        elif key == "rounds":
            beside = _capacity_text(by_key.get("capacity", ()), by_key[key][0])
        cards.append(_card(by_key[key], beside))
    return tuple([*([_pooled_card(pooled)] if pooled else []), *cards][:3])


def _by_key(effects: Sequence[Effect]) -> dict[str, list[Effect]]:
    found: dict[str, list[Effect]] = {}
    for effect in effects:
        found.setdefault(effect.key, []).append(effect)
    return found


def _pooled_card(pooled: PooledAnswer) -> Card:
    found, sd = pooled.pooled.found, pooled.pooled
    return Card(
        title="One round over none, on average",
        word=pooled.verdict.word,
        value=f"{signed(found.mean)} F1",
        sure=f"95 % CI {interval(found)}. Sd between these {sd.n} rows {sd.tau:.1f} "
        f"(95 % CI {sd.tau_low:.1f} to {sd.tau_high:.1f}).",
        more=_by_settings(pooled.parts),
        runs=pooled.runs,
    )


def _by_settings(parts: Sequence[Effect]) -> tuple[str, ...]:
    """Return a sentence for each settings value with its effects; the figure has the intervals."""
    texts: dict[str, list[str]] = {}
    for part in parts:
        text = f"{corpus_title(part.corpus)} {signed(part.found.mean)}, {part.verdict.word}"
        texts.setdefault(part.settings, []).append(text)
    return tuple(
        f"{settings[0].upper()}{settings[1:]}: {'; '.join(own)}." for settings, own in texts.items()
    )


def _tuning_text(effects: Sequence[Effect]) -> str:
    """Return what tuning adds to each arm."""
    gains = "; ".join(f"{e.label.removeprefix('Tuning, ')} {signed(e.found.mean)}" for e in effects)
    return f"Tuning alone: {gains}." if gains else ""


def _capacity_text(effects: Sequence[Effect], main: Effect) -> str:
    """Return whether more parameters alone do as much, on the corpus of a card's main effect."""
    return "".join(
        f"Interaction against K = 0 with as many parameters: {signed(e.found.mean)} "
        f"({_interval(e)}), {e.verdict.word}."
        for e in effects
        if (e.corpus, e.settings) == (main.corpus, main.settings)
    )


def _card(effects: Sequence[Effect], beside: str) -> Card:
    main, *others = effects
    sure = f"{_interval(main)} on {corpus_title(main.corpus)}"
    if main.question not in (ONE_ROUND_TUNED, "tuned", "tuning"):  # their labels say it
        sure += f", {main.how}"
    if main.published is not None:
        sure += f"; the paper: {signed(main.published)}"
    detail = str(main.verdict).partition(", ")[2]
    more = [text for text in (main.detail, f"To decide: {detail}." if detail else "") if text]
    more = [text if text.endswith(".") else f"{text}." for text in more]
    more += [text for text in (_elsewhere(others, main), beside) if text]
    return Card(
        title=main.label,
        word=main.verdict.word,
        value=f"{signed(main.found.mean)} F1",
        sure=f"{sure}.",
        more=tuple(more),
        runs=main.runs,
    )


def _elsewhere(effects: Sequence[Effect], main: Effect) -> str:
    """Return the verdicts on other corpora than a card's own; the figure has their numbers."""
    groups: dict[Word, list[str]] = {}
    for effect in effects:
        groups.setdefault(effect.verdict.word, []).append(_place(effect, main))
    text = "; ".join(f"{word} on {', '.join(on)}" for word, on in groups.items())
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _place(effect: Effect, first: Effect) -> str:
    """Return the corpus of an effect, and its settings if they are not those of the first."""
    how = "" if effect.settings == first.settings else f" ({effect.settings})"
    return f"{corpus_title(effect.corpus)}{how}"


def _interval(effect: Effect) -> str:
    found = effect.found
    if any(map(math.isnan, drawn_interval(found))):
        return f"{found.n} seed{'s' if found.n > 1 else ''}"
    return f"95 % CI {interval(found)}"


def _effects_info(
    effects: Sequence[Effect], margin: float, pooled: PooledAnswer | None
) -> EffectsInfo:
    by_key = _by_key(effects)
    corpora = [corpus_title(effect.corpus) for effect in effects]
    rows = []
    for key, own in by_key.items():
        label = own[0].label
        if key.startswith(f"{ONE_ROUND} "):  # beside the row of the first settings
            label += f", {own[0].settings}"
        rows.append(EffectRow(key=key, label=label, marks=tuple(map(_mark, own))))
    if pooled is not None:
        found = pooled.pooled.found
        mean = Mark(
            corpus=POOLED,
            value=found.mean,
            low=found.low,
            high=found.high,
            word=pooled.verdict.word,
            published=None,
        )
        rows.insert(0, EffectRow(key=POOLED, label="One round over none, all", marks=(mean,)))
        corpora.append(POOLED)
    return EffectsInfo(corpora=tuple(dict.fromkeys(corpora)), margin=margin, rows=tuple(rows))


def _mark(effect: Effect) -> Mark:
    found = effect.found
    low, high = drawn_interval(found)
    return Mark(
        corpus=corpus_title(effect.corpus),
        value=found.mean,
        low=low,
        high=high,
        word=effect.verdict.word,
        published=effect.published,
    )


def _curve(studies: Sequence[StudyData], searches: Sequence[SearchData]) -> AnswerCurve | None:
    """Return the curve of the paper's arms, and those of the same corpus under other settings."""
    curves = [study for study in studies if is_rounds_curve(study.frame)]
    curves = [study for study in curves if (study.frame["status"] == TrialState.FINISHED).any()]
    if not curves:
        return None
    # Most numbers of rounds first: studies with few of them share their runs.
    ordered = sorted(
        curves,
        key=lambda s: (not s.frame["arm"].isin(ARMS).any(), -s.frame["rounds"].nunique()),
    )
    first, tuned = ordered[0], _tuned_settings(searches)
    # Other encoders and other settings have curves of their own, in the chapter.
    found = {
        str(study.frame["settings_except_rounds"].iloc[0]): study
        for study in reversed(ordered)
        if study.corpus == first.corpus
    }
    given = settings_name(first.corpus, settings_of(first.frame)[0])
    shown = [(given, first)]
    shown += [(tuned[key], found[key]) for key in tuned if found.get(key, first) is not first]
    series = (Series(label=label, points=_points(study)) for label, study in shown)
    return AnswerCurve(
        corpus=corpus_title(first.corpus), series=tuple(one for one in series if one.points)
    )


def _tuned_settings(searches: Sequence[SearchData]) -> dict[str, str]:
    """Return for which number of rounds a search found each setting."""
    found = {}
    for search in searches:
        if (confirmed := search.confirmed) is None:
            continue
        for arm in search.arms:
            if (name := tuned_arm(confirmed, arm)) is not None:
                first = of_arm(confirmed, name).iloc[0]
                found[str(first["settings_except_rounds"])] = f"tuned for K = {first['rounds']}"
    return found


def _points(study: StudyData) -> tuple[Point, ...]:
    """Return F1 by rounds: of the GRU, or of the study's first cell."""
    panel = rounds_curve_info(study.frame).panels[0]
    curve = next((c for c in panel.curves if c.cell == "gru"), panel.curves[0])
    points = (panel.baseline, *curve.points)
    return tuple(point for point in points if point is not None and point.n)
