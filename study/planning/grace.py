"""The grace period of ASHA, measured: from which epoch dev F1 ranks settings as their end does."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from rin_core.config import Config
from search_spaces.search import Asha, Search
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger
from study.ledger.pruning import GraceEstimate, RungCorrelation
from study.ledger.schema import Result
from study.ledger.search_record import SearchRecord
from study.planning.estimate import with_settings

#: Least rank correlation at the first rung. If scores were normal, a rung that keeps the best
#: third of 16 trials would keep the best trial in 5 of 6 searches at 0.7, in 3 of 4 at 0.6 and in
#: 2 of 3 at 0.5.
THRESHOLD = 0.7
#: Fewest settings for an estimate: with 12, a correlation of 0.7 has a lower bound above 0.
FEWEST = 12
_Z = 1.96  # 95 %


def settle_pruning(
    search: Search,
    record: SearchRecord,
    base: Mapping[str, object],
    ledger: Ledger,
    corpus: str,
) -> tuple[Search, GraceEstimate | None]:
    """Replace a grace period of ``auto`` by a number, or by no pruning.

    The estimate is made again at each start of the command until the search has its first trial.
    From then on the recorded value holds, so that all trials of all arms are pruned alike. A
    search that began before common designs existed continues without one.

    Args:
        search: In the size for the corpus.
        record: Of the search.
        base: Settings of an arm.
        ledger: Its finished runs are the basis.
        corpus: Name of the corpus.

    Returns:
        The search as it runs, and the estimate behind its grace period, if there is one.
    """
    automatic = search.asha is not None and search.asha.grace_period == "auto"
    if record.trials:
        identity = record.identities[record.trials[0].arm]
        if "design" not in identity:
            search = dataclasses.replace(search, design_points=0, exchange=False)
        if automatic:
            asha = identity.get("asha")
            search = dataclasses.replace(search, asha=asha and _recorded_asha(asha, record))
        return search, record.search.grace
    if not automatic or search.asha is None:
        return search, None
    free = {path for arm in search.every_arm() for path in arm.overrides} | search.parameters.keys()
    estimate = estimate_grace(ledger.results(), corpus, base, free)
    if estimate.epoch is None:
        return dataclasses.replace(search, asha=None), estimate
    asha = dataclasses.replace(search.asha, grace_period=estimate.epoch)
    return dataclasses.replace(search, asha=asha), estimate


def estimate_grace(
    results: Iterable[Result],
    corpus: str,
    base: Mapping[str, object],
    free: Collection[str],
) -> GraceEstimate:
    """Estimate the grace period on finished runs of the search's length, selected on dev.

    The runs are those that the search could have tried, if there are enough, else all of the
    corpus, else those of the corpus with the most settings. Corpora are not mixed, because a
    difference between corpora shows from the first epoch. For the same reason the runs of the
    search come first: settings that it does not try, such as ablations, differ more than its own.

    Args:
        results: Finished runs.
        corpus: Name of the search's corpus.
        base: Settings of a trial.
        free: Settings that the search's trials differ in, by dotted name.
    """
    whole = {**Config().flat(), **base}
    learned = [
        r
        for r in results
        if r.selection_split == "dev"
        and r.selection_scores["f1"] > 0
        and r.config.get("training.max_epochs") == whole["training.max_epochs"]
    ]
    own = [r for r in learned if r.corpus.name == corpus]
    alike = with_settings(own, whole, {*free, "training.seed"})
    others = [
        [r for r in learned if r.corpus.name == name]
        for name in sorted({r.corpus.name for r in learned} - {corpus})
    ]
    basis: Literal["search", "corpus", "other"] = "search"
    chosen = _one_per_setting(alike)
    if len(chosen) < FEWEST:
        chosen, basis = _one_per_setting(own), "corpus"
    if len(chosen) < FEWEST and others:
        most = max(map(_one_per_setting, others), key=len)
        if len(most) >= FEWEST:
            chosen, basis = most, "other"
    rows = correlations([[e.selection_f1 for e in r.history] for r in chosen])
    epoch = first_reliable(rows)
    return GraceEstimate(
        epoch=None if epoch is None or epoch >= whole["training.max_epochs"] else epoch,
        threshold=THRESHOLD,
        fewest=FEWEST,
        basis=basis,
        corpus=chosen[0].corpus.name if chosen else "",
        settings=len(chosen),
        correlations=rows,
    )


def first_reliable(rows: Sequence[RungCorrelation]) -> int | None:
    """Return the epoch from which on the correlation reaches the threshold at every epoch.

    The first epoch that reaches it is often a lucky one: of a few settings, a correlation of 0.5 is
    measured as 0.7 at some epoch, and as less at the next.
    """
    failing = [k for k, row in enumerate(rows) if row.spearman < THRESHOLD or row.low <= 0]
    reliable = rows[failing[-1] + 1 :] if failing else rows
    return reliable[0].epoch if reliable else None


def correlations(curves: Sequence[Sequence[float]]) -> list[RungCorrelation]:
    """Return Spearman's correlation of the best dev F1 up to an epoch with that of the whole run.

    ASHA and the search compare trials by the best dev F1. An epoch counts the runs that trained
    so far. It is left out if there are fewer than :data:`FEWEST`, or if all scores are equal. The
    interval is Bonett and Wright's (2000).

    Args:
        curves: Dev F1 by epoch, for each run.
    """
    from scipy.stats import spearmanr  # takes a second, and only a search that begins needs it

    rows = []
    for epoch in range(1, max(map(len, curves), default=0) + 1):
        trained = [curve for curve in curves if len(curve) >= epoch]
        so_far, end = [max(c[:epoch]) for c in trained], [max(c) for c in trained]
        if len(trained) < FEWEST or len(set(so_far)) < 2 or len(set(end)) < 2:
            continue
        found = float(spearmanr(so_far, end).statistic)
        place = math.atanh(min(max(found, -1 + 1e-12), 1 - 1e-12))
        width = _Z * math.sqrt((1 + found**2 / 2) / (len(trained) - 3))
        rows.append(
            RungCorrelation(
                epoch=epoch,
                settings=len(trained),
                spearman=max(-1.0, min(1.0, found)),
                low=math.tanh(place - width),
                high=math.tanh(place + width),
            )
        )
    return rows


def _recorded_asha(recorded: object, record: SearchRecord) -> Asha:
    try:
        return TypeAdapter(Asha).validate_python(recorded, strict=False)
    except ValidationError as error:
        raise LedgerError(f"{record.path}: identities: asha = {recorded!r}: {error}") from error


def _one_per_setting(results: Iterable[Result]) -> list[Result]:
    """Return the run of the lowest seed of each setting: a search has one seed, too."""
    by_seed = sorted(results, key=lambda r: (int(r.config["training.seed"]), r.fingerprint))
    found: dict[frozenset[tuple[str, object]], Result] = {}
    for result in by_seed:
        settings = {p: v for p, v in result.config.items() if p != "training.seed"}
        found.setdefault(frozenset(settings.items()), result)
    return list(found.values())
