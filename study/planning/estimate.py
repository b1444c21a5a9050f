"""How long runs will take, from the finished runs of the ledger."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rin_core.config import Config
from study.ledger.ledger import Ledger
from study.ledger.schema import Result
from study.planning.grid import PlannedTrial


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEstimate:
    """The time that trials need to their epoch limit."""

    seconds: tuple[float, ...]
    """Of each trial that the estimate covers, in the order in which they start."""
    runs: int
    """Finished runs that it is based on."""
    scaled_runs: int = 0
    """Those of them that are on other corpora."""
    unknown: tuple[str, ...]
    """Arms without a finished run: their trials are not covered."""
    scaled_from: tuple[str, ...] = ()
    """Corpora whose runs stand for arms that have none on the corpus, by the words of an epoch."""
    is_rough: bool = False
    """Some arms have only runs with other settings, which may take another time: the estimate is
    no upper limit then."""

    def elapsed(self, slots: int) -> float:
        """Return the seconds until all have ended, if so many run at once.

        A trial starts when another has ended.
        """
        ends = [0.0] * max(1, slots)
        for seconds in self.seconds:
            heapq.heapreplace(ends, ends[0] + seconds)
        return max(ends)


#: Settings on which the time of an epoch hardly depends.
_WITHOUT_COST = (
    *("training.seed", "training.max_epochs", "training.patience", "training.selection"),
    *("training.average", "training.average_decay", "training.learning_rate"),
    *("training.encoder_learning_rate", "training.warmup", "training.clip_norm"),
    "data.train_share",  # an epoch has as many sentences
)


def estimate_time(
    ledger: Ledger, trials: Sequence[PlannedTrial], words: Mapping[str, int]
) -> TimeEstimate:
    """Estimate the time of trials: the mean seconds of an epoch times the epochs they have left.

    The basis is finished runs of any arm with the same settings, apart from those that cost no
    time, or else the arm's runs with other settings. Without a run on the corpus, runs on other
    corpora are taken, and the seconds of an epoch are scaled by the words of the training splits.

    Args:
        ledger: Its finished runs are the basis.
        trials: Those without a result.
        words: Words of the training split, by name of the corpus.
    """
    finished = _finished(ledger, {planned.trial.arm for planned in trials})
    every = list(ledger.results())
    configs = {planned.trial.config.override("training.seed", 0) for planned in trials}
    alike_by_config = {
        config: with_settings(every, config.flat(), _WITHOUT_COST) for config in configs
    }
    seconds, used, elsewhere = list[float](), set[str](), set[str]()
    unknown, scaled, is_rough = dict[str, None](), dict[str, None](), False
    for planned in trials:
        alike = alike_by_config[planned.trial.config.override("training.seed", 0)]
        known = alike or finished[planned.trial.arm]
        here = [result for result in known if result.corpus.name == planned.corpus_name]
        if here:
            mean, known = _mean_epoch(here), here
        elif found := _seconds_of_a_word(ledger, known):
            mean, known = found[0] * words[planned.corpus_name], found[1]
            scaled |= {result.corpus.name: None for result in known}
            elsewhere |= {result.fingerprint for result in known}
        else:
            unknown[planned.trial.arm] = None
            continue
        left = planned.trial.config.training.max_epochs - len(planned.run.history())
        seconds.append(mean * max(0, left))
        used |= {result.fingerprint for result in known}
        is_rough = is_rough or not alike
    return TimeEstimate(
        seconds=tuple(seconds),
        runs=len(used),
        scaled_runs=len(elsewhere),
        unknown=tuple(unknown),
        scaled_from=tuple(scaled),
        is_rough=is_rough,
    )


def mean_epoch(
    results: Iterable[Result], corpus: str, config: Config, free: Collection[str]
) -> tuple[float, int] | None:
    """Return the mean seconds of an epoch, and of how many finished runs; None without one.

    Args:
        results: Finished runs.
        corpus: Only runs on the corpus of this name count.
        config: Only runs with these settings count, apart from those that cost no time.
        free: Settings that may differ, too.
    """
    here = [result for result in results if result.corpus.name == corpus]
    alike = with_settings(here, config.flat(), {*free, *_WITHOUT_COST})
    return (_mean_epoch(alike), len(alike)) if alike else None


def with_settings(
    results: Iterable[Result], settings: Mapping[str, object], ignored: Collection[str]
) -> list[Result]:
    """Return the runs with these settings; a record that is older than one has its default."""
    default = Config().flat()
    compared = {path: value for path, value in settings.items() if path not in ignored}
    return [
        result
        for result in results
        if all(result.config.get(path, default[path]) == value for path, value in compared.items())
    ]


def _finished(ledger: Ledger, arms: Iterable[str]) -> Mapping[str, list[Result]]:
    """Return the finished runs of each arm of a study, on all corpora."""
    found: dict[str, dict[str, Result]] = {arm: {} for arm in arms}
    for study in ledger.studies():
        for run in study.trials:
            if run.arm in found and (result := ledger.run(run.fingerprint).result()) is not None:
                found[run.arm][run.fingerprint] = result
    return {arm: list(results.values()) for arm, results in found.items()}


def _seconds_of_a_word(
    ledger: Ledger, results: Iterable[Result]
) -> tuple[float, list[Result]] | None:
    """Return the seconds that a word of an epoch takes, with the runs behind it."""
    seconds, trained, known = 0.0, 0.0, list[Result]()
    for result in results:
        if (described := ledger.corpus(result.corpus.content)) is not None:
            train = described.statistics["train"]
            seconds += result.seconds
            trained += train.sentences * train.mean_length * len(result.history)
            known.append(result)
    return (seconds / trained, known) if trained else None


def _mean_epoch(results: Sequence[Result]) -> float:
    """Return the mean seconds of an epoch."""
    epochs = sum(len(result.history) for result in results)
    return sum(result.seconds for result in results) / epochs
