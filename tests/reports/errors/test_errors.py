"""The error analysis, from predictions and gold made by hand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reports.document.table import Table
from reports.errors.changes import (
    FIELDS,
    Comparison,
    changed_pairs,
    changed_triples,
    comparisons,
    mean_changes,
)
from reports.errors.confusion_matrix import draw_matrix, matrix_info
from reports.errors.error_types import (
    UNREACHABLE,
    ErrorType,
    count_confusions,
    count_outcomes,
    count_wrong,
    error_type,
)
from reports.errors.figures import (
    changes_info,
    draw_changes,
    draw_lines,
    draw_types,
    lines_info,
    types_info,
)
from reports.errors.slices import by_distance, by_length, by_relation, by_vectors, slice_counts
from reports.errors.tables import error_tables
from reports.frames.predictions import (
    Answer,
    SentenceCounts,
    WordsKnown,
    count_answers,
    count_by_words,
    read_counts,
)
from reports.frames.studies import StudyData, study_data
from reports.frames.trials import read_ledger
from rin_core.data.corpus import Fact
from study.ledger.files import LedgerError
from tests.ledgers import GOLD, Ledger, answers_ledger
from tests.rin_core.data.test_statistics import sentence

Facts = frozenset[Fact]


def answer(gold: set[tuple[int, str, int]], predicted: set[tuple[int, str, int]]) -> Answer:
    return Answer(frozenset(gold), frozenset(predicted))


@pytest.mark.parametrize(
    ("fact", "kind"),
    [
        ((0, "s", 1), ErrorType.RELATION),
        ((1, "r", 0), ErrorType.REVERSED),
        ((0, "r", 5), ErrorType.ARGUMENT),
        ((5, "r", 1), ErrorType.ARGUMENT),
        ((0, "s", 5), ErrorType.UNRELATED),
        ((1, "s", 0), ErrorType.UNRELATED),
    ],
)
def test_error_type(fact: tuple[int, str, int], kind: ErrorType) -> None:
    assert error_type(fact, [(0, "r", 1)]) is kind
    assert error_type(fact, []) is ErrorType.UNRELATED


def test_the_first_type_that_applies_counts() -> None:
    assert error_type((0, "r", 1), [(0, "r", 5), (1, "r", 0), (0, "s", 1)]) is ErrorType.RELATION


def test_an_error_is_compared_with_errors_only() -> None:
    # (0, s, 1) is wrong, but its pair's gold relation was found: it resembles nothing missed.
    one = answer({(0, "r", 1), (2, "s", 3)}, {(0, "r", 1), (0, "s", 1)})
    assert count_wrong([one]) == {"unrelated": 1}
    assert count_confusions([one]) == {}
    two = answer({(0, "r", 1)}, {(0, "s", 1), (0, "t", 1), (1, "r", 0)})
    assert count_outcomes(GOLD[:1], [two]) == {"found": 0, UNREACHABLE: 0, "other relation": 1}
    assert count_wrong([two]) == {"other relation": 2, "arguments reversed": 1}
    assert count_confusions([two]) == {("r", "s"): 1, ("r", "t"): 1}


def test_a_triple_that_cannot_be_located_is_missed() -> None:
    nothing = [answer({(0, "r", 1), (2, "s", 3)}, set()), answer({(0, "r", 11)}, {(0, "r", 11)})]
    assert count_outcomes(GOLD, nothing) == {"found": 1, UNREACHABLE: 1, "unrelated": 2}


ANSWERS = (
    answer({(0, "r", 1), (2, "s", 3)}, {(0, "r", 1), (4, "new", 0)}),
    answer({(0, "r", 11)}, {(0, "s", 11)}),
)


def test_slices_by_hand() -> None:
    relation = by_relation(GOLD)
    assert relation.groups == ("r", "s", "t", "any other")
    assert slice_counts(relation, GOLD, ANSWERS).tolist() == [
        *([1, 1, 2], [0, 1, 1], [0, 0, 1], [0, 1, 0]),
    ]
    length = slice_counts(by_length(), GOLD, ANSWERS)
    assert dict(zip(by_length().groups, length.tolist(), strict=True)) == {
        **{"≤10": [1, 2, 2], "11–15": [0, 1, 2]},
        **{key: [0, 0, 0] for key in ("16–20", "21–30", "31–40", ">40")},
    }
    distance = slice_counts(by_distance(), GOLD, ANSWERS)
    assert dict(zip(by_distance().groups, distance.tolist(), strict=True)) == {
        **{"≤2": [1, 1, 2], "3–4": [0, 1, 0], "5–7": [0, 0, 0]},
        **{"8–12": [0, 1, 1], ">12": [0, 0, 0]},
    }


def test_vectors_of_both_words_are_required() -> None:
    slicing = by_vectors(WordsKnown(frozenset("abc"), frozenset("l")))
    assert dict(
        zip(slicing.groups, slice_counts(slicing, GOLD, ANSWERS).tolist(), strict=True)
    ) == {
        "both have one": [1, 1, 1],
        "one has none": [0, 1, 1],
        "one not in training": [0, 1, 1],
    }


def test_by_word_the_same_word_elsewhere_is_correct() -> None:
    gold = sentence("a b a b", ("a", "r", "b"), ("a", "s", "b"), ("a", "t", "nowhere"))
    predicted = {(2, "r", 3), (0, "r", 3), (2, "s", 0)}
    found = [answer({(0, "r", 1), (0, "s", 1)}, predicted)]
    # Two of the three predictions have the same words; a triple that cannot be located is missed.
    assert count_by_words([gold], found).tolist() == [[1, 2, 3]]
    assert count_answers([gold], found).tolist() == [[0, 3, 3]]


def test_groups_add_up_to_the_whole() -> None:
    for slicing in (by_relation(GOLD), by_length()):
        assert slice_counts(slicing, GOLD, ANSWERS).sum(axis=0).tolist() == [1, 3, 4]


def test_a_change_by_hand() -> None:
    before = answer({(0, "r", 1), (2, "s", 3), (4, "t", 5)}, {(0, "r", 1), (7, "r", 7)})
    after = answer({(0, "r", 1), (2, "s", 3), (4, "t", 5)}, {(2, "s", 3), (8, "r", 8)})
    one = Comparison(key="", label="", before=("a",), after=("b",))
    found = changed_pairs(one, SentenceCounts(answers={"a": (before,), "b": (after,)}))
    assert [{fact for _, fact in found[name]} for name in FIELDS] == [
        *({(2, "s", 3)}, {(0, "r", 1)}, {(7, "r", 7)}, {(8, "r", 8)}, {(4, "t", 5)}),
    ]


# --- from a ledger -------------------------------------------------------------------------


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return answers_ledger(tmp_path)


@pytest.fixture
def counts(ledger: Ledger) -> SentenceCounts:
    return read_counts(ledger.runs, read_ledger(ledger.runs))


def texts(table: Table) -> dict[str, list[str]]:
    return {row.label: [cell.text for cell in row.cells.values()] for row in table.rows}


def test_each_run_is_compared_with_each_of_the_other_arm(
    ledger: Ledger, counts: SentenceCounts
) -> None:
    found = {one.key: one for one in comparisons(read_ledger(ledger.runs), counts)}
    assert list(found) == [
        *("bilstm-s/gru-1", "bilstm-s/gru-2", "gru-1/gru-2", "bilstm-s/bilstm-s", "gru-1/gru-1"),
    ]
    assert [step.pairs for step in found.values()] == [4, 2, 2, 2, 2]
    name = [str(trial["fingerprint"]) for trial in ledger.trials]
    assert found["bilstm-s/gru-2"].before == (name[0], name[2])
    assert found["bilstm-s/gru-2"].after == (name[4],)
    own = mean_changes(found["bilstm-s/gru-1"], counts)
    assert [own[n] for n in ("fixed", "broke", "net", "added", "missed")] == [1, 0, 1, 1, 1]
    assert changed_triples(found["bilstm-s/gru-1"], counts, "fixed") == [(1, (0, "r", 11), 4)]


def test_the_tally_is_that_of_a_comparison_pair_by_pair() -> None:
    generator = np.random.default_rng(0)
    facts = [(i, r, j) for i in range(2) for r in "rs" for j in range(2)]
    gold = frozenset(facts[:4])

    def drawn() -> tuple[Answer, ...]:
        kept = (frozenset(f for f in facts if generator.random() < 0.5) for _ in range(2))
        return tuple(Answer(gold, predicted) for predicted in kept)

    answers = {name: drawn() for name in "abcde"}
    for before, after in (("abc", "de"), ("abcd", "abcd")):
        pairs = [(x, y) for x in before for y in after if x != y]
        expected: dict[str, Callable[[Facts, Facts], Facts]] = {
            "fixed": lambda x, y: (gold & y) - x,
            "broke": lambda x, y: (gold & x) - y,
            "removed": lambda x, y: (x - gold) - y,
            "added": lambda x, y: (y - gold) - x,
            "missed": lambda x, y: gold - x - y,
        }
        one = Comparison(key="", label="", before=tuple(before), after=tuple(after))
        found = changed_pairs(one, SentenceCounts(answers=answers))
        assert one.pairs == len(pairs)
        for name, changed in expected.items():
            tally = Counter(
                (n, fact)
                for x, y in pairs
                for n in range(2)
                for fact in changed(answers[x][n].predicted, answers[y][n].predicted)
            )
            assert found[name] == tally


def test_first_words_are_not_compared_with_last_words(ledger: Ledger) -> None:
    frame = read_ledger(ledger.runs)
    frame.loc[frame["arm"] == "gru-1", "entity_word"] = "last"
    found = {step.key for step in comparisons(frame, read_counts(ledger.runs, frame))}
    assert "bilstm-s/gru-2" in found
    assert "bilstm-s/gru-1" not in found


def test_tables_by_hand(ledger: Ledger, counts: SentenceCounts) -> None:
    frame = read_ledger(ledger.runs)
    tables = {
        table.name: table
        for table in error_tables(StudyData(corpus="c", frame=frame, counts=counts))
    }
    one = "RIN (GRU, K = 1)"
    assert texts(tables["errors_relation"])["r (2)"] == ["66.7 ± 0.0", "80.0 ± 0.0", "0.0"]
    assert tables["errors_length"].columns[:2] == ("≤10 (2)", "11–15 (2)")
    assert texts(tables["errors_length"])[one][:3] == ["50.0 ± 0.0", "66.7 ± 0.0", "–"]
    assert texts(tables["errors_missed"])[one] == [
        *("2.0 ± 0.0", "1.0 ± 0.0", "0.0 ± 0.0", "0.0 ± 0.0", "0.0 ± 0.0", "1.0 ± 0.0"),
    ]
    assert texts(tables["errors_wrong"])[one][:2] == ["1.0 ± 0.0", "1.0 ± 0.0"]
    assert texts(tables["errors_confusion"]) == {"s → r": ["0.0 ± 0.0", "1.0 ± 0.0", "0.0"]}
    rounds = texts(tables["errors_rounds"])
    assert rounds["BiLSTM_s → RIN (GRU, K = 1)"][:4] == [
        *("4", "1.0", "0.0", "+1.0"),
    ]
    assert rounds["BiLSTM_s, another seed"][:4] == ["2", "0.0", "0.0", "–"]
    behind = tuple(tables["errors_confusion"].rows[0].cells.values())[1].fingerprints
    assert behind == tuple(str(ledger.trials[k]["fingerprint"]) for k in (1, 3))


def test_f1_by_word_is_next_to_f1_by_position(ledger: Ledger, counts: SentenceCounts) -> None:
    tables = {
        table.name: table
        for table in error_tables(study_data(ledger.runs, read_ledger(ledger.runs)))
    }
    # No word occurs twice in these sentences.
    found = texts(tables["errors_matching"])
    assert found["RIN (GRU, K = 1)"] == ["57.1 ± 0.0", "57.1 ± 0.0", "+0.0 ± 0.0"]
    assert "errors_vectors" not in tables, "the ledger does not say which words have one"


def test_arms_with_pretrained_vectors_have_a_table_of_them(ledger: Ledger) -> None:
    path = ledger.runs / "vectors" / "d.json"
    path.parent.mkdir()
    path.write_text(
        json.dumps({"digest": "d", "name": "v", "with_vector": ["a", "b"], "unseen": []})
    )
    last = ledger.runs / "units" / str(ledger.trials[4]["fingerprint"]) / "result.json"
    text = last.read_text()
    last.write_text(text.replace('"digest": "d"', '"digest": "without"'))
    frame = read_ledger(ledger.runs)
    tables = {t.name: t for t in error_tables(study_data(ledger.runs, frame))}
    assert tables["errors_vectors"].columns == (
        *("both have one (1)", "one has none (2)", "one not in training (0)"),
    )
    assert texts(tables["errors_vectors"]) == {
        "BiLSTM_s": ["100.0 ± 0.0", "0.0 ± 0.0", "–"],
        "RIN (GRU, K = 1)": ["100.0 ± 0.0", "50.0 ± 0.0", "–"],
    }
    path.write_text("{}")
    with pytest.raises(LedgerError, match=r"vectors/d\.json: damaged record"):
        read_counts(ledger.runs, frame)


def test_figures_take_the_means(ledger: Ledger, counts: SentenceCounts) -> None:
    frame = read_ledger(ledger.runs)
    kinds = types_info(frame, counts)
    assert dict(kinds.missed)["not in the sentence"] == (1, 1, 1)
    assert dict(kinds.wrong) == {"other relation": (0, 1, 0)}
    changes = changes_info(frame, counts)
    assert changes.comparisons[0] == ("BiLSTM_s → RIN (GRU, K = 1)", 1, 0)
    assert changes.same_arm == 0
    matrix = matrix_info(frame, counts, "gru-1")
    assert matrix.relations == ("r", "s")
    assert matrix.shares == ((1, 0, 0, 0), (1, 0, 0, 0))
    length, distance = lines_info(frame, counts)
    assert length.groups == ("≤10\n(2)", "11–15\n(2)")
    assert distance.lines[0][1] == pytest.approx((200 / 3, 0))
    for figure in (
        *(draw_types(kinds), draw_changes(changes), draw_matrix(matrix)),
        draw_lines((length, distance)),
    ):
        assert figure.axes


def test_without_predictions_there_is_no_error_analysis(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.finish(ledger.plan("gru-1", 0), 0.8)
    ledger.save()
    frame = read_ledger(tmp_path)
    assert error_tables(study_data(tmp_path, frame)) == []
    assert comparisons(frame, SentenceCounts()) == []
