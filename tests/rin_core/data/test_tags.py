"""Tags with and without entity types: spans to tags, logits to tags, tags to spans."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rin_core.data.corpus import Span
from rin_core.data.encoding import IGNORED
from rin_core.data.tags import (
    O_TAG,
    TAGS,
    best_tags,
    decode_spans,
    span_tags,
    tag_names,
)

TYPES = ("X", "Y", "Z")
NAMES = tag_names(TYPES)


def numbered(names: str) -> list[int]:
    """Return tags by name, as in ``B-X E-X O``."""
    return [NAMES.index(name) for name in names.split()]


def decoded(tags: Sequence[int]) -> list[list[int]]:
    """Return the spans of one sentence as start, end, type, in order."""
    return sorted(row[1:] for row in decode_spans(np.array([tags])).T.tolist())


@st.composite
def typed_spans(draw: st.DrawFn) -> tuple[list[Span], list[int], int]:
    """Draw spans that do not overlap, their types, and the length of their sentence."""
    sizes = draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), max_size=6))
    place, spans = 0, []
    for gap, size in sizes:
        spans.append(Span(place + gap, place + gap + size))
        place += gap + size
    kinds = st.integers(0, len(TYPES) - 1)
    return spans, [draw(kinds) for _ in spans], max(1, place + draw(st.integers(0, 2)))


class TestNames:
    def test_without_types_they_are_the_five(self) -> None:
        assert tag_names() == tag_names(()) == TAGS

    def test_each_type_has_four_and_o_stays_where_it_is(self) -> None:
        assert sorted(NAMES) == sorted(
            ["O", *(f"{letter}-{name}" for letter in "BIES" for name in TYPES)]
        )
        assert NAMES[O_TAG] == "O"
        assert tag_names(("X",)) == ("B-X", "I-X", "E-X", "S-X", "O")

    def test_entities_without_a_type_have_bare_letters(self) -> None:
        assert tag_names(("X", ""))[O_TAG + 1 :] == ("B", "I", "E", "S")


class TestSpanTags:
    @given(typed_spans(), st.randoms(use_true_random=False), st.integers(0, 3))
    def test_round_trip(
        self, drawn: tuple[list[Span], list[int], int], random: Random, padding: int
    ) -> None:
        spans, types, length = drawn
        typed = list(zip(spans, types, strict=True))
        shuffled = random.sample(typed, len(typed))
        tags = span_tags([span for span, _ in shuffled], length, [kind for _, kind in shuffled])
        assert decoded(tags + [IGNORED] * padding) == [[*span, kind] for span, kind in typed]

    @pytest.mark.parametrize(
        ("spans", "tags"),
        [
            ([], "OOOOO"),
            ([(0, 5)], "BIIIE"),
            ([(0, 1), (1, 3), (4, 5)], "SBEOS"),
            ([(0, 2), (1, 4)], "OBIEO"),
            ([(1, 4), (0, 2)], "OBIEO"),
            ([(0, 2), (1, 3)], "BEOOO"),
            ([(0, 1), (0, 4), (2, 3)], "BIIEO"),
            ([(0, 4), (3, 5), (4, 5)], "BIIES"),
        ],
    )
    def test_the_longest_is_kept_and_of_equals_the_first(
        self, spans: list[tuple[int, int]], tags: str
    ) -> None:
        found = span_tags([Span(*span) for span in spans], 5)
        assert "".join(TAGS[tag] for tag in found) == tags

    def test_by_name(self) -> None:
        tags = span_tags([Span(0, 3), Span(3, 4), Span(5, 7)], 7, [1, 0, 2])
        assert tags == numbered("B-Y I-Y E-Y S-X O B-Z E-Z")

    def test_the_longest_keeps_its_type(self) -> None:
        tags = span_tags([Span(0, 1), Span(0, 3)], 3, [0, 2])
        assert tags == numbered("B-Z I-Z E-Z")


class TestDecodeSpans:
    @pytest.mark.parametrize(
        ("tags", "spans"),
        [
            ("B-X E-X", [[0, 2, 0]]),
            ("B-X E-Y", []),
            ("B-X I-Y E-X", []),
            ("B-X I-X E-Y", []),
            ("B-X B-Y E-Y", [[1, 3, 1]]),
            ("S-Y S-Z", [[0, 1, 1], [1, 2, 2]]),
            ("B-X E-X E-X", [[0, 2, 0]]),
            ("I-X E-X", []),
        ],
    )
    def test_by_hand(self, tags: str, spans: list[list[int]]) -> None:
        assert decoded(numbered(tags)) == spans

    @pytest.mark.parametrize(
        ("tags", "spans"),
        [
            ("S", [(0, 1)]),
            ("E", []),
            ("SSBE", [(0, 1), (1, 2), (2, 4)]),
            ("BIIE", [(0, 4)]),
            ("BBE", [(1, 3)]),
            ("BII", []),
            ("BOE", []),
            ("BISE", [(2, 3)]),
            ("OOO", []),
        ],
    )
    def test_without_types(self, tags: str, spans: list[tuple[int, int]]) -> None:
        assert decoded([TAGS.index(tag) for tag in tags]) == [[*span, 0] for span in spans]

    @given(
        st.lists(
            st.lists(st.integers(0, len(NAMES) - 1), min_size=1, max_size=12),
            min_size=1,
            max_size=4,
        )
    )
    @settings(max_examples=300)
    def test_is_the_regular_expression(self, sentences: list[list[int]]) -> None:
        width = max(map(len, sentences))
        wanted = []
        for n, tags in enumerate(sentences):
            text = "".join(NAMES[tag].replace("-", "") if tag != O_TAG else "O-" for tag in tags)
            for m in re.finditer(r"S(X|Y|Z)|B(X|Y|Z)(?:I\2)*E\2", text):
                kind = TYPES.index(m.group(1) or m.group(2))
                wanted.append([n, m.start() // 2, m.end() // 2, kind])
        padded = [tags + [-1] * (width - len(tags)) for tags in sentences]
        assert sorted(decode_spans(np.array(padded)).T.tolist()) == wanted


def slow_best_tags(logits: Sequence[Sequence[float]]) -> list[int]:
    """Letters first, word by word; then a type for each span, by trying all."""
    size = len(TYPES)
    number = {name: k for k, name in enumerate(NAMES)}
    p = []
    for row in logits:
        total = sum(np.exp(v) for v in row)
        p.append({name: float(np.exp(row[k]) / total) for name, k in number.items()})
    sums = [
        {a: sum(word[f"{a}-{t}"] for t in TYPES) for a in "BIES"} | {"O": word["O"]} for word in p
    ]
    letters = [max(word.items(), key=lambda item: item[1])[0] for word in sums]
    tags = [
        "O" if a == "O" else max((f"{a}-{t}" for t in TYPES), key=lambda name: word[name])
        for a, word in zip(letters, p, strict=True)
    ]
    for match in re.finditer(r"S|BI*E", "".join(letters)):
        places = range(*match.span())
        products = [
            float(np.prod([p[place][f"{letters[place]}-{t}"] for place in places])) for t in TYPES
        ]
        best = TYPES[max(range(size), key=lambda k: products[k])]
        for place in places:
            tags[place] = f"{letters[place]}-{best}"
    return [number[name] for name in tags]


drawn_logits = st.builds(
    lambda seed, length: np.random.default_rng(seed).normal(0, 2, (length, len(NAMES))),
    st.integers(0, 2**32),
    st.integers(1, 7),
)


class TestBestTags:
    @given(drawn_logits)
    @settings(max_examples=200)
    def test_as_word_by_word(self, logits: np.ndarray) -> None:
        found = best_tags(logits[None], np.array([len(logits)]))[0]
        assert found.tolist() == slow_best_tags(logits.tolist())

    @given(drawn_logits)
    @settings(max_examples=100)
    def test_letters_alone_decide_the_spans(self, logits: np.ndarray) -> None:
        """Summed over its types, a letter is as probable as without types."""
        found = best_tags(logits[None], np.array([len(logits)]))
        merged = [
            [sum(row[k] for k, name in enumerate(NAMES) if name[0] == a) for a in TAGS]
            for row in np.exp(logits)
        ]
        letters = best_tags(np.log([merged]), np.array([len(logits)]))
        assert decode_spans(found)[:3].tolist() == decode_spans(letters)[:3].tolist()

    def test_without_types_the_largest_logit(self) -> None:
        logits = np.random.default_rng(0).normal(size=(4, 6, 5)).astype(np.float32)
        lengths = np.array([6, 1, 3, 5])
        tags = best_tags(logits, lengths)
        for n, length in enumerate(lengths):
            assert (tags[n, :length] == logits[n, :length].argmax(-1)).all()
            assert (tags[n, length:] == -1).all()

    def test_one_type_is_as_none(self) -> None:
        logits = np.random.default_rng(1).normal(size=(1, 9, 5))
        assert len(tag_names(("X",))) == 5
        assert best_tags(logits, np.array([9])).tolist() == logits.argmax(-1).tolist()

    def test_words_of_one_span_agree_on_a_type(self) -> None:
        """B is X, E is slightly more Y: X wins, as the first word is surer."""
        logits = np.full((1, 2, len(NAMES)), -9.0)
        logits[0, 0, numbered("B-X")], logits[0, 0, numbered("B-Y")] = 4, 1
        logits[0, 1, numbered("E-X")], logits[0, 1, numbered("E-Y")] = 2, 3
        assert best_tags(logits, np.array([2])).tolist() == [numbered("B-X E-X")]

    def test_padding_ends_a_sentence(self) -> None:
        """A span cannot go on in padding, and padding does not change its type."""
        logits = np.full((2, 3, len(NAMES)), -9.0)
        for place, name in enumerate(("B-Y", "E-Y", "S-Z")):
            logits[:, place, NAMES.index(name)] = 5
        logits[:, 0, O_TAG] = 4
        tags = best_tags(logits, np.array([1, 2]))
        assert tags[1].tolist() == [*numbered("B-Y E-Y"), -1]
        assert decode_spans(tags).T.tolist() == [[1, 0, 2, 1]]

    def test_sentences_do_not_meet(self) -> None:
        rng = np.random.default_rng(2)
        lengths = np.array([3, 7, 5, 1])
        logits = rng.normal(0, 2, (4, 7, len(NAMES)))
        together = best_tags(logits, lengths)
        for n, length in enumerate(lengths):
            alone = best_tags(logits[n : n + 1, :length], np.array([length]))
            assert together[n, :length].tolist() == alone[0].tolist()
