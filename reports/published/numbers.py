"""The published numbers, each with the table and row where it was printed.

Values are as printed: points for scores, numbers of sentences for Table 2. ``webnlg_star`` and
``nyt`` are the paper's WebNLG and NYT. Nothing is published for other corpora. The overlap classes
of their test splits are from the paper that introduced the corpora. Figure 3 has no printed
numbers, so its K = 1, 3 and 5 come from Table 1. The partial-match scores of the EMNLP version (Sun
et al. 2020) are the only ones with a spread.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """One printed number."""

    corpus: str
    """``webnlg_star`` or ``nyt``."""
    arm: str
    """Arm of the number; ``corpus`` for Table 2, which describes no model."""
    metric: str
    """``precision``, ``recall``, ``f1``, ``entity_f1``; in Table 2 ``train_sentences`` and others;
    for overlap classes ``test_Normal`` and others."""
    value: float
    """As printed, in points: 81.5."""
    source: str
    """Table and row, with a citation if the paper quotes other work."""
    sd: float | None = None
    """Standard deviation over seeds, in points; ``None`` if it is not printed."""


# Arm, row as printed; then precision, recall, F1 on NYT and on WebNLG.
_TABLE_1 = (
    ("novel-tagging", "NovelTagging (Zheng et al., 2017)", 62.4, 31.7, 42.0, 52.5, 19.3, 28.3),
    ("multi-decoder", "MultiDecoder (Zeng et al., 2018)", 61.0, 56.6, 58.7, 37.7, 36.4, 37.1),
    ("graph-rel", "GraphRel (Fu et al., 2019)", 63.9, 60.0, 61.9, 44.7, 41.1, 42.9),
    ("seq2seq-rl", "SeqtoSeq+RL (Zeng et al., 2019)", 77.9, 67.2, 72.1, 63.3, 59.9, 61.6),
    ("hbt", "HBT (Wei et al., 2019)", 89.7, 85.4, 87.5, 89.5, 88.0, 88.8),
    ("bilstm", "BiLSTM (100d)", 79.0, 77.4, 78.2, 84.9, 86.3, 85.6),
    ("bilstm-s", "BiLSTM_s (100d)", 78.1, 78.0, 78.1, 85.0, 85.8, 85.4),
    ("gru-1", "RIN (100d, K = 1)", 81.0, 82.0, 81.5, 86.7, 86.0, 86.3),
    ("gru-3", "RIN (100d, K = 3)", 81.1, 83.2, 82.1, 86.0, 88.0, 87.0),
    ("gru-5", "RIN (100d, K = 5)", 82.2, 82.6, 82.4, 86.1, 87.6, 86.8),
    ("bert-1", "RIN (BERT, K = 1)", 88.5, 86.5, 87.5, 89.1, 90.3, 89.7),
    ("bert-2", "RIN (BERT, K = 2)", 88.4, 87.1, 87.8, 90.0, 90.3, 90.1),
)

# Corpus, row as printed; then sentences in train, dev and test.
_TABLE_2 = (("nyt", "NYT", 56195, 5000, 5000), ("webnlg_star", "WebNLG", 5019, 500, 703))

# Corpus, row as printed; then test sentences that are Normal, EPO and SEO.
_ZENG_TABLE_1 = (("nyt", "NYT", 3266, 978, 1297), ("webnlg_star", "WebNLG", 246, 26, 457))

# Arm, row as printed; then F1 of relation extraction and of entity recognition, on NYT.
_TABLE_4 = (
    ("bilstm", "BiLSTM (100d)", 78.2, 87.3),
    ("bilstm-s", "BiLSTM_s (100d)", 78.1, 87.6),
    ("gru-1", "RIN (100d, k = 1)", 81.5, 90.1),
    ("gru-5", "RIN (100d, k = 5)", 82.4, 90.9),
)

# Arm, row as printed; then F1 on NYT and on WebNLG, all at K = 1.
_TABLE_5 = (
    ("gru-1", "RIN", 81.5, 86.3),
    ("no-relation-input", "RIN −ŷ", 78.4, 85.5),
    ("no-entity-input", "RIN −ȳ", 80.9, 85.7),
    ("no-shared-input", "RIN −H", 81.2, 85.9),
    ("bilstm-s", "RIN −INT", 78.1, 85.4),
    ("linear", "RIN −γ", 77.8, 84.9),
)

# Arm of ``search_spaces.version``; then F1 and its sd on NYT and on WebNLG.
_CAMERA_READY = (
    ("camera-ready", 87.3, 0.1, 87.3, 0.4),
    ("camera-ready-no-interaction", 83.5, None, 85.6, None),
)


def _printed() -> Iterator[Published]:
    for arm, row, *values in _TABLE_1:
        for corpus, part in (("nyt", values[:3]), ("webnlg_star", values[3:])):
            for metric, value in zip(("precision", "recall", "f1"), part, strict=True):
                yield Published(corpus, arm, metric, value, f"Table 1, {row}")
    for corpus, row, *counts in _TABLE_2:
        for split, count in zip(("train", "dev", "test"), counts, strict=True):
            yield Published(corpus, "corpus", f"{split}_sentences", float(count), f"Table 2, {row}")
    for corpus, row, *counts in _ZENG_TABLE_1:
        source = f"Zeng et al. (2018), Table 1, {row}"
        for group, count in zip(("Normal", "EPO", "SEO"), counts, strict=True):
            yield Published(corpus, "corpus", f"test_{group}", float(count), source)
    for arm, row, relation_f1, entity_f1 in _TABLE_4:
        yield Published("nyt", arm, "f1", relation_f1, f"Table 4, {row}")
        yield Published("nyt", arm, "entity_f1", entity_f1, f"Table 4, {row}")
    for arm, row, nyt, webnlg in _TABLE_5:
        yield Published("nyt", arm, "f1", nyt, f"Table 5, {row}")
        yield Published("webnlg_star", arm, "f1", webnlg, f"Table 5, {row}")
    source = "Sun et al. (2020), partial match"
    for arm, nyt, nyt_sd, webnlg, webnlg_sd in _CAMERA_READY:
        yield Published("nyt", arm, "f1", nyt, source, nyt_sd)
        yield Published("webnlg_star", arm, "f1", webnlg, source, webnlg_sd)


#: All printed numbers, in the order of the tables; some are printed more than once.
PUBLISHED = tuple(_printed())

#: Number of runs behind each published mean (Table 1).
PUBLISHED_SEEDS = 5
#: The paper's corpora, in its order.
CORPORA = tuple(corpus for corpus, *_ in _TABLE_2)
#: Arm and label of each row of the tables that score models, in printed order.
TABLE_1_ROWS = tuple((arm, row) for arm, row, *_ in _TABLE_1)
TABLE_4_ROWS = tuple((arm, row) for arm, row, *_ in _TABLE_4)
TABLE_5_ROWS = tuple((arm, row) for arm, row, *_ in _TABLE_5)
#: Rows of Table 1 that the paper quotes from other work; no study has these arms.
LITERATURE = frozenset(arm for arm, _ in TABLE_1_ROWS[:5])
#: The numbers of rounds K in Figure 3.
ROUNDS = tuple(range(1, 7))
#: The paper's own arms, in its tables and in Figure 3.
ARMS = frozenset(p.arm for p in PUBLISHED if p.arm not in LITERATURE | {"corpus"}) | frozenset(
    f"{cell}-{k}" for cell in ("gru", "rnn") for k in ROUNDS
)

# In reverse order, so that the first of two equal keys wins: the first table that prints it.
_BY_KEY = {(p.corpus, p.arm, p.metric): p for p in reversed(PUBLISHED)}


def published(corpus: str, arm: str, metric: str) -> Published | None:
    """Return the published number of an arm, or ``None`` if there is none.

    Args:
        corpus: Name of the corpus; only ``webnlg_star`` and ``nyt`` have numbers.
        arm: Name of the arm, such as ``gru-3``.
        metric: See :class:`Published`; scores are on the test split.
    """
    return _BY_KEY.get((corpus, arm, metric))


def best_without_bert(corpus: str) -> Published | None:
    """Return the paper's best F1 on a corpus of its own models without BERT (Table 1)."""
    own = {arm for arm, row in TABLE_1_ROWS if "BERT" not in row} - LITERATURE
    scores = (published(corpus, arm, "f1") for arm in sorted(own))
    return max((p for p in scores if p is not None), key=lambda p: p.value, default=None)


_TITLES = {
    "nyt": "NYT",
    "webnlg_star": "WebNLG",
    "nyt5k_star": "NYT-5k",  # a part of NYT
    "scierc": "SciERC",
    "ade": "ADE",
}


def corpus_title(name: str) -> str:
    """Return a corpus as papers write it; its own name if it is none of these."""
    return _TITLES.get(name, name)
