"""What is printed of a sentence: entities, triples, rounds, nothing that acts on a terminal."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console

from rin_core.predict.extraction import Extraction, FoundEntity, FoundTriple, Mention
from rin_core.predict.predictor import Predictor
from rin_core.predict.rendering import show
from tests.conftest import Trained


class TestRendering:
    VOCABULARY_WORDS = ("Ann", "Lee", "met", "Bob")

    def shown(self, trained: Trained, rounds: Sequence[Extraction]) -> str:
        console = Console(file=io.StringIO(), width=100)
        show(rounds, Predictor.load(trained.weights).vocabulary, console)
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    def extraction(self, *probabilities: float, words: str = "Ann Lee met Bob") -> Extraction:
        ann, bob = Mention(0, 2, "Ann Lee"), Mention(3, 4, "Bob")
        return Extraction(
            words=tuple(words.split()),
            pos=None,
            entities=(FoundEntity(ann, 0.987), FoundEntity(bob, 0.5)),
            triples=tuple(
                FoundTriple(ann, relation, bob, p)
                for relation, p in zip(("knows", "likes"), probabilities, strict=False)
            ),
        )

    def test_entities_and_triples(self, trained: Trained) -> None:
        shown = self.shown(trained, [self.extraction(0.75)])
        assert "[Ann Lee]99% met [Bob]50%" in shown
        assert re.search(r"Ann Lee +knows +Bob +0.750", shown)

    def test_types(self, trained: Trained) -> None:
        found = self.extraction(0.75)
        typed = [replace(e, type=t) for e, t in zip(found.entities, ("PER\x07", ""), strict=True)]
        shown = self.shown(trained, [replace(found, entities=tuple(typed))])
        assert r"[Ann Lee]PER\x07 99% met [Bob]50%" in shown
        rows = [entity.to_json() for entity in (*typed, found.entities[0])]
        assert [row.get("type") for row in rows] == ["PER\x07", "", None]

    def test_rounds_side_by_side(self, trained: Trained) -> None:
        rounds = [self.extraction(), self.extraction(0.6), self.extraction(0.9, 0.5)]
        shown = self.shown(trained, rounds)
        assert re.search(r"p, round 0 +p, round 1 +p, round 2", shown)
        assert re.search(r"Ann Lee +knows +Bob +– +0.600 +0.900", shown)
        assert re.search(r"Ann Lee +likes +Bob +– +– +0.500", shown)

    def test_votes_of_the_last_round(self, trained: Trained) -> None:
        first, last = self.extraction(0.6, 0.7), self.extraction(0.9)
        rounds = [
            replace(x, triples=tuple(replace(t, votes=n) for n, t in enumerate(x.triples, 3)))
            for x in (first, last)
        ]
        shown = self.shown(trained, rounds[:1])
        assert re.search(r"object +p +votes", shown)
        assert re.search(r"knows +Bob +0.600 +3 *\n", shown)
        assert re.search(r"likes +Bob +0.700 +4 *\n", shown)
        shown = self.shown(trained, rounds)
        assert re.search(r"knows +Bob +0.600 +0.900 +3 *\n", shown)
        assert re.search(r"likes +Bob +0.700 +– +– *\n", shown)

    def test_text_cannot_act_on_the_terminal(self, trained: Trained) -> None:
        hostile = "\x1b[31mAnn [red]Lee\x07 met \u202eBob"
        shown = self.shown(trained, [self.extraction(words=hostile)])
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)
        assert "[red]Lee" in shown
        assert "no triples" in shown
