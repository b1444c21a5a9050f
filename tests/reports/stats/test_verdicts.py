"""The scale of verdicts, and how many more seeds decide."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from reports.stats.model import NO_DIFFERENCE, Difference, Term
from reports.stats.verdicts import Rule, Verdict, Word, decision_chance, judge, more_seeds


def difference(value: float, n: int = 5, sd: float = 0.65, df: float = 72) -> Difference:
    """Return a difference of two arms with a known residual."""
    terms = (Term(1.0, n, sd**2), Term(-1.0, n, sd**2))
    return Difference(value=value, df=df, terms=terms)


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (difference(1.2), Word.BETTER),
        (difference(-1.2), Word.WORSE),
        (difference(0.4), Word.UNDECIDED),
        (difference(0.0), Word.UNDECIDED),
        (difference(0.0, n=40), Word.EQUAL),
        (difference(0.3, n=400), Word.EQUAL),  # not 0, and within the margin: no importance
        (difference(0.7, n=400), Word.BETTER),
        (difference(1.2, n=1), Word.ONE_SEED),
        (difference(1.2, df=math.nan), Word.ONE_SEED),
        (NO_DIFFERENCE, Word.NOT_RUN),
    ],
)
def test_words(found: Difference, word: Word) -> None:
    assert judge(found).word is word


def test_more_runs_never_turn_an_equal_difference_into_another() -> None:
    words = [judge(difference(0.2, n=n)).word for n in (2, 5, 10, 20, 50, 100, 1000, 10_000)]
    assert words[0] is Word.UNDECIDED
    assert words == sorted(words, reverse=True)
    assert words[-1] is Word.EQUAL


def test_the_margin_decides_what_is_equal() -> None:
    found = difference(0.6, n=100)
    assert judge(found, Rule(margin=0.5)).word is Word.BETTER
    assert judge(found, Rule(margin=1.0)).word is Word.EQUAL


def test_corrected_p_values_are_what_is_judged() -> None:
    found = difference(1.2)
    assert judge(found, p=0.06).word is Word.UNDECIDED
    assert judge(difference(0.0, n=40), p_equal=0.06).word is Word.UNDECIDED


@pytest.mark.parametrize("margin", [0.0, -1.0, 100.0, math.nan])
def test_a_margin_out_of_range_is_an_error(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        Rule(margin=margin)


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        (Verdict(Word.EQUAL, 0.5), "equal within 0.5"),
        (Verdict(Word.BETTER, 0.5), "better"),
        (Verdict(Word.UNDECIDED, 0.5, 1, 0.25), "undecided, 1 more seed ≈ 0.2 core-hours"),
        (Verdict(Word.UNDECIDED, 0.5, 12), "undecided, 12 more seeds"),
        (Verdict(Word.UNDECIDED, 0.5, math.inf), "undecided, over 1,000 more seeds"),
    ],
)
def test_texts(verdict: Verdict, text: str) -> None:
    assert str(verdict) == text


@pytest.mark.parametrize("value", [0.0, 0.4, 0.7])
def test_so_many_seeds_decide_in_four_cases_of_five(value: float) -> None:
    found, generator = difference(value), np.random.default_rng(0)
    needed = int(more_seeds(found, 0.5, 0.05))
    shares = []
    for more in (needed - 1, needed):
        # The true difference as the present runs tell it, then the mean of the further runs.
        true = generator.normal(value, found.se, size=4000)
        further = generator.normal(true, 0.65 * math.sqrt(2 / more)) if more else 0
        later = (5 * value + more * further) / (5 + more)
        then = difference(1.0, n=5 + more, df=72 + 2 * more)
        differs = abs(later) > stats.t.isf(0.025, then.df) * then.se
        equal = abs(later) < 0.5 - stats.t.isf(0.05, then.df) * then.se
        shares.append(np.mean(differs | equal))
    assert shares[0] < 0.82
    assert shares[1] > 0.78


def test_runs_cannot_reduce_what_is_fixed() -> None:
    found = Difference(value=0.1, df=72, terms=(Term(1.0, 5, 0.4),), fixed=1.0)
    assert more_seeds(found, 0.5, 0.05) == math.inf
    assert judge(found, hours=2.0).core_hours == math.inf
    assert judge(difference(0.4), hours=2.0).core_hours == 2 * judge(difference(0.4)).more_seeds


def test_the_chance_of_a_decision_goes_to_one() -> None:
    later = 0.65 * np.sqrt(2 / np.array([6, 50, 200, 100_000]))
    for value in (0.0, 0.3, 0.5, 1.0):
        chance = decision_chance(value, difference(value).se, later, 72.0, 0.5, (0.05, 0.05))
        assert 0 <= chance[0] < chance[1] <= chance[2] <= chance[3] <= 1
        assert chance[3] > 0.98
