"""The identity of a corpus."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rin_core.data.corpus import Corpus, Sentence, Span, Triple
from rin_core.data.loading import load_corpus
from tests.corpora import SPERT, TRIPLES, changed, write_list


class TestDigest:
    SENTENCE = Sentence(
        words=("a", "b"),
        pos=("NN", "NN"),
        entities=(Span(0, 1), Span(1, 2)),
        triples=(Triple(Span(0, 1), "r", Span(1, 2)),),
    )

    def corpus(self, **fields: Any) -> Corpus:
        s = self.SENTENCE
        return Corpus(**{"name": "x", "train": (s,), "dev": (s,), "test": (s,)} | fields)

    def test_knows_the_content_and_not_the_name(self) -> None:
        assert re.fullmatch("[0-9a-f]{16}", self.corpus().digest())
        assert self.corpus(name="y").digest() == self.corpus().digest()

    @pytest.mark.parametrize(
        "change",
        [
            {"words": ("a", "c")},
            {"words": ("a b",)},
            {"pos": None},
            {"entities": (Span(0, 1),)},
            {"triples": ()},
            {"triples": (Triple(Span(1, 2), "r", Span(0, 1)),)},
            {"missing": (("a", "r", "c"),)},
        ],
    )
    def test_sees_every_change(self, change: dict[str, Any]) -> None:
        changed_sentence = dataclasses.replace(self.SENTENCE, **change)
        digests = {self.corpus(**{k: (changed_sentence,)}).digest() for k in ("train", "test")}
        assert len(digests | {self.corpus().digest()}) == 3

    def test_sees_where_a_split_ends(self) -> None:
        s = self.SENTENCE
        longer = self.corpus(train=(s, s), test=()), self.corpus(train=(s,), test=(s,))
        assert longer[0].digest() != longer[1].digest()

    def test_does_not_see_the_file_format(self, make_corpus: Callable[..., Path]) -> None:
        record = changed(TRIPLES, text="Bean left Apollo 12")
        as_spans = make_corpus("spert", train=[SPERT], dev=[SPERT], test=[SPERT])
        as_text = make_corpus("list", train=[record], dev=[record], test=[record])
        write_list(as_text / "train.json", [record])
        assert load_corpus(str(as_spans)).digest() == load_corpus(str(as_text)).digest()
