"""Several models find entities and triples together, by majority vote.

    ensemble = Ensemble.load([Path("runs/units/…/weights.safetensors"), …])
    for extraction in ensemble.predict(ensemble.split("Ann Lee founded Acme in Oslo.")):
        print(extraction.triples)

Models that differ only in their seed make different mistakes. A triple that more than half of
them find is more often right than a triple of one of them. The tables of a study have the F1 of
this vote for each arm (:mod:`reports.tables.endpoints`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Self

import torch

from rin_core.data.corpus import Sentence
from rin_core.data.tagging import TagSource
from rin_core.data.vocabulary import Vocabulary
from rin_core.predict.by_words import ByWords, Certainty, WordTriple
from rin_core.predict.extraction import Extraction, FoundEntity
from rin_core.predict.loading import ModelError
from rin_core.predict.predictor import Predictor
from rin_core.predict.texts import TextSentence, TextSplitter, was_split_at_spaces


class Ensemble:
    """Find entities and triples with several models, as :class:`Predictor` does with one.

    Args:
        members: Models that were trained on the same corpus, at least one.

    Raises:
        ModelError: They cannot vote, because their corpora differ.
    """

    def __init__(self, members: Sequence[Predictor]) -> None:
        self.members = tuple(members)
        for number, member in enumerate(self.members[1:], 2):
            if reason := _difference(self.members[0], member):
                raise ModelError(f"models 1 and {number} cannot vote: {reason}")
        # Not every model of a corpus with part-of-speech tags reads them. Tags are found once.
        self._first = next((m for m in self.members if m.takes_tags), self.members[0])

    @classmethod
    def load(cls, weights: Sequence[Path], device: torch.device | None = None) -> Self:
        """Load the models; raises as :func:`rin_core.predict.loading.load_model`.

        Raises:
            ModelError: A model is given twice, or the models cannot vote.
        """
        counts = Counter(path.resolve() for path in weights)
        if twice := [path for path, count in counts.items() if count > 1]:
            raise ModelError(f"{twice[0]}: is given twice, and each model has one vote")
        return cls([Predictor.load(path, device) for path in weights])

    @property
    def majority(self) -> int:
        """How many models must find a triple: more than half."""
        return len(self.members) // 2 + 1

    @property
    def vocabulary(self) -> Vocabulary:
        """The words, tags and relations of the models."""
        return self._first.vocabulary

    @property
    def takes_tags(self) -> bool:
        """Whether a model reads part-of-speech tags."""
        return self._first.takes_tags

    @property
    def tag_source(self) -> TagSource | None:
        """Where the tags of text without tags come from; None if no model takes any."""
        return self._first.tag_source

    @property
    def note(self) -> str:
        """What a person should know of how the models were loaded."""
        return "; ".join(dict.fromkeys(member.note for member in self.members if member.note))

    @property
    def splitter(self) -> TextSplitter:
        """How text is split into sentences and words."""
        return self._first.splitter

    def split(self, text: str) -> tuple[TextSentence, ...]:
        """Split a text into the sentences of :meth:`predict`; a blank text has none."""
        return self.splitter.split(text)

    def predict(
        self, sentences: Sequence[Sentence | TextSentence], *, batch_tokens: int = 2048
    ) -> list[Extraction]:
        """Find what more than half of the models find; see :meth:`Predictor.predict`."""
        read = self._first.read(sentences)
        found = [m.find(m.read(read), batch_tokens=batch_tokens) for m in self.members]
        return [
            self._first.extraction(given, s, self._vote(votes))
            for given, s, votes in zip(sentences, read, zip(*found, strict=True), strict=True)
        ]

    def predict_rounds(
        self, sentences: Sequence[Sentence | TextSentence], *, batch_tokens: int = 2048
    ) -> list[tuple[Extraction, ...]]:
        """As :meth:`predict`, with a vote before any round and after each.

        Raises:
            ModelError: The models differ in their number of rounds.
        """
        rounds = sorted({member.model.rounds for member in self.members})
        if len(rounds) > 1:
            raise ModelError(
                f"models with {rounds[0]} and {rounds[-1]} rounds cannot vote after each round"
            )
        read = self._first.read(sentences)
        found = [m.find_rounds(m.read(read), batch_tokens=batch_tokens) for m in self.members]
        return [
            tuple(
                self._first.extraction(given, s, self._vote(votes))
                for votes in zip(*by_model, strict=True)
            )
            for given, s, by_model in zip(sentences, read, zip(*found, strict=True), strict=True)
        ]

    def _vote(self, found: Sequence[ByWords]) -> ByWords:
        """Return what more than half of the models find in one sentence."""
        entities: dict[tuple[int, int, str | None], list[FoundEntity]] = {}
        triples: dict[WordTriple, list[float]] = {}
        for own in found:
            for entity in own.entities:
                place = entity.mention.start, entity.mention.end, entity.type
                entities.setdefault(place, []).append(entity)
            for triple, certainty in own.triples.items():
                triples.setdefault(triple, []).append(certainty.probability)
        elected = (
            replace(votes[0], probability=fmean(v.probability for v in votes), votes=len(votes))
            for votes in entities.values()
            if len(votes) >= self.majority
        )
        return ByWords(
            # Two entities that overlap cannot both have a majority: no model has both.
            entities=tuple(sorted(elected, key=lambda entity: entity.mention.start)),
            triples={
                triple: Certainty(fmean(votes), len(votes))
                for triple, votes in triples.items()
                if len(votes) >= self.majority
            },
        )


def _difference(first: Predictor, other: Predictor) -> str:
    """Say why two models cannot vote; empty if they can."""
    for name, kind in (("relations", "relation"), ("entity_types", "entity type")):
        known, given = (set(getattr(m.vocabulary, name)) for m in (first, other))
        if known != given:
            return f"only one of them knows the {kind} {min(known ^ given)!r}"
    if was_split_at_spaces(first.vocabulary) != was_split_at_spaces(other.vocabulary):
        return "only the corpus of one was split into words at spaces alone"
    taggers = {m.vocabulary.tagger for m in (first, other) if m.takes_tags}
    if len(taggers) > 1:
        return f"only one of them was trained with part-of-speech tags from {max(taggers)}"
    if first.config.data.entity_word != other.config.data.entity_word:
        return "data.entity_word is first for one and last for the other"
    return ""
