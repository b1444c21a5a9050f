"""Several models find entities and triples together, by majority vote.

    ensemble = Ensemble.load([Path("runs/units/…/weights.safetensors"), …])
    for extraction in ensemble.predict(ensemble.split("Ann Lee founded Acme in Oslo.")):
        print(extraction.triples)

Models that differ only in their seed make different mistakes. A triple that more than half of
them find is more often right than a triple of one of them. The tables of a study have the F1 of
this vote for each arm (:mod:`reports.tables.endpoints`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Self

import torch

from rin_core.data.corpus import Sentence
from rin_core.data.tagging import TagSource
from rin_core.data.vocabulary import Vocabulary
from rin_core.predict.decoded import Confidence, DecodedSentence, WordTriple
from rin_core.predict.extraction import Extraction, FoundEntity
from rin_core.predict.loading import ModelError
from rin_core.predict.predictor import Predictor
from rin_core.predict.texts import TextSentence, TextSplitter, was_split_at_spaces


class Ensemble:
    """Find entities and triples with several models, as :class:`Predictor` does with one.

    Args:
        members: Models that were trained on the same corpus, at least one.
        names: What to call them in messages; by default their numbers.

    Raises:
        ModelError: They cannot vote, because their corpora differ.
    """

    def __init__(self, members: Sequence[Predictor], names: Sequence[str] = ()) -> None:
        self.members = tuple(members)
        names = names or [f"model {number}" for number in range(1, len(self.members) + 1)]
        for name, member in zip(names[1:], self.members[1:], strict=True):
            if reason := _difference(self.members[0], member):
                raise ModelError(
                    f"{names[0]} and {name} cannot vote: {reason}; give models of one corpus"
                )
        # Not every model of a corpus with part-of-speech tags reads them. Tags are found once.
        self._first = next((m for m in self.members if m.takes_tags), self.members[0])

    @classmethod
    def load(
        cls,
        weights: Sequence[Path],
        device: torch.device | None = None,
        names: Sequence[str] = (),
        threshold: float = 0.5,
    ) -> Self:
        """Load the models; raises as :func:`rin_core.predict.loading.load_model`.

        Args:
            weights: Files of :mod:`rin_core.train.loop`.
            device: Default: CPU.
            names: What to call the models in messages; by default their files.
            threshold: Least probability at which a model votes for a triple.

        Raises:
            ModelError: A model is given twice, or the models cannot vote.
            ValueError: The threshold is not between 0 and 1.
        """
        names = names or [str(path) for path in weights]
        places: dict[Path, str] = {}
        for name, path in zip(names, weights, strict=True):
            place = path.resolve()
            if place in places:
                raise ModelError(f"{places[place]} and {name} are the same model: give it once")
            places[place] = name
        return cls([Predictor.load(path, device, threshold) for path in weights], names)

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
                f"models with {rounds[0]} and {rounds[-1]} rounds cannot vote after each round: "
                "give models with the same number, or ask for the last round only"
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

    def _vote(self, found: Sequence[DecodedSentence]) -> DecodedSentence:
        """Return what more than half of the models find in one sentence."""
        entities: dict[tuple[int, int, str | None], list[FoundEntity]] = {}
        triples: dict[WordTriple, list[float]] = {}
        for own in found:
            for entity in own.entities:
                place = entity.mention.start, entity.mention.end, entity.type
                entities.setdefault(place, []).append(entity)
            for triple, confidence in own.triples.items():
                triples.setdefault(triple, []).append(confidence.probability)
        elected = (
            replace(votes[0], probability=fmean(v.probability for v in votes), votes=len(votes))
            for votes in entities.values()
            if len(votes) >= self.majority
        )
        return DecodedSentence(
            # Two entities that overlap cannot both have a majority: no model has both.
            entities=tuple(sorted(elected, key=lambda entity: entity.mention.start)),
            triples={
                triple: Confidence(fmean(votes), len(votes))
                for triple, votes in triples.items()
                if len(votes) >= self.majority
            },
        )


def _difference(first: Predictor, other: Predictor) -> str:
    """Say why two models cannot vote; empty if they can."""
    data, others = first.config.data, other.config.data
    for setting in ("entity_word", "entity_types"):
        ours, theirs = getattr(data, setting), getattr(others, setting)
        if ours != theirs:
            return f"data.{setting} is {ours} for the first and {theirs} for the other"
    for name, kind in (("relations", "relation"), ("entity_types", "entity type")):
        known, given = (set(getattr(m.vocabulary, name)) for m in (first, other))
        if known != given:
            return f"only one of them was trained with the {kind} {min(known ^ given)!r}"
    if was_split_at_spaces(first.vocabulary) != was_split_at_spaces(other.vocabulary):
        return "only the corpus of one was split into words at spaces alone"
    taggers = {m.vocabulary.tagger for m in (first, other) if m.takes_tags}
    if len(taggers) > 1:
        return f"only one of them was trained with part-of-speech tags from {max(taggers)}"
    return ""
