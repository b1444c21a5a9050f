"""The sentences of a case study: from the paper, a text or a test split, and what models say."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from reports.published.cases import PAPER_CASES, SOURCE, Annotation
from rin_core.data.corpus import Corpus, Fact, Sentence, Span, shown, word_facts
from rin_core.data.encoding import encode_split
from rin_core.data.loading import load_corpus
from rin_core.data.readers.unannotated import unannotated
from rin_core.data.tagging import TagSource, tag_pos
from rin_core.predict.texts import TextSplitter
from rin_core.train.metrics import decode
from study.commands.arguments import CaseStudy
from study.commands.case.models import Loaded

#: Most words of a sentence: the probabilities of all pairs of words are kept, for every relation.
LONGEST_CASE = 500
_TAGS: dict[TagSource, str] = {
    "textblob": "from textblob's tagger",
    "usual": "each word's most frequent tag in training",
    "none": "none, because no tagger is installed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A sentence to follow, with what is known of it."""

    title: str
    source: str
    sentence: Sentence
    """Its words as they are shown."""
    gold: Annotation | None
    read: tuple[Sentence, ...] = ()
    """The sentence as each model reads it; empty if all read it as it is shown."""
    printed: tuple[Annotation, ...] = ()
    """What models predict for it in the paper."""


def choose_cases(options: CaseStudy, models: Sequence[Loaded]) -> Iterator[Case]:
    """Return the sentences that the options choose; Table 3's if they choose none.

    Raises:
        ValueError: An option is invalid, or there is no such sentence.
    """
    if (options.test or options.find) and options.data is None:
        raise ValueError("--data: must name a corpus; --test and --find choose from it")
    if options.find and len(models) < 2:
        raise ValueError(f"--find {options.find}: requires two models; --models names one")
    if not (options.sentence or options.test or options.find):
        yield from from_paper()
    given = (case for text in options.sentence for case in from_text(text, models, options))
    for number, case in enumerate(given, 1):
        yield replace(case, title=f"Sentence {number}")
    if options.data is not None:
        fraction = models[-1].config.data.dev_fraction
        loaded = load_corpus(options.data, options.data_root, 1.0, fraction)
        corpus, _ = tag_pos(loaded)
        found = find_refined(corpus.test, models, options.find) if options.find else ()
        entity_word = models[-1].config.data.entity_word
        for number in options.test:
            yield from_test(corpus, number, entity_word, "chosen by index")
        for number in found:
            why = f"chosen: {models[-1].label} is right, {models[0].label} is wrong"
            yield from_test(corpus, number, entity_word, why)


def from_paper() -> Iterator[Case]:
    """Return Table 3's sentences."""
    for case in PAPER_CASES:
        sentence = Sentence(words=case.words, pos=case.pos, entities=(), triples=())
        yield Case(
            title=case.title,
            source=SOURCE,
            sentence=sentence,
            gold=case.gold,
            printed=case.models,
        )


def from_text(text: str, models: Sequence[Loaded], options: CaseStudy) -> Iterator[Case]:
    """Return the sentences of a text, split as :mod:`rin_core.predict` does.

    Raises:
        ValueError: There is no word in it, or the models would split it differently.
    """
    splits = [
        TextSplitter(
            model.vocabulary,
            one_sentence=options.one_sentence,
            pretokenized=options.pretokenized,
        ).split(text)
        for model in models
    ]
    if len({tuple(sentence.offsets for sentence in split) for split in splits}) > 1:
        raise ValueError(
            f"--sentence {shown(text)}: the training words of these models are split differently; "
            "put spaces between words and punctuation, and give --pretokenized"
        )
    if not splits[0]:
        raise ValueError(f"--sentence {shown(text)}: has no words")
    for same in zip(*splits, strict=True):
        yield Case(
            title="",
            source=f"given{_tag_note(models)}",
            sentence=unannotated(same[0].words),
            gold=None,
            read=tuple(sentence.sentence for sentence in same),
        )


def _tag_note(models: Sequence[Loaded]) -> str:
    """Return which part-of-speech tags the models read with a given text."""
    by_source: dict[TagSource, list[str]] = {}
    for model in models:
        if model.tag_source:
            by_source.setdefault(model.tag_source, []).append(model.label)
    if len(models) in map(len, by_source.values()):  # the same for all
        notes = [_TAGS[source] for source in by_source]
    else:
        notes = [f"{_TAGS[source]} ({', '.join(labels)})" for source, labels in by_source.items()]
    return f"; part-of-speech tags: {'; '.join(notes)}" if notes else ""


def from_test(corpus: Corpus, number: int, entity_word: str, why: str) -> Case:
    """Return a sentence of a corpus's test split with its gold.

    Raises:
        ValueError: The split has no such sentence.
    """
    if not 0 <= number < len(corpus.test):
        raise ValueError(f"--test {number}: must be 0 to {len(corpus.test) - 1} for {corpus.name}")
    sentence = corpus.test[number]
    facts = tuple(sorted(word_facts(sentence.triples, entity_word)))
    entities, types = sentence.entities, sentence.types
    gold = Annotation(label="gold", entities=entities, types=types, triples=facts)
    title = f"Test sentence {number}"
    return Case(title=title, source=f"{corpus.name}; {why}", sentence=sentence, gold=gold)


def find_refined(sentences: Sequence[Sentence], models: Sequence[Loaded], most: int) -> list[int]:
    """Return the first sentences whose triples the last model gets all right, the first not."""
    entity_word = models[-1].config.data.entity_word
    said = zip(_predicted(models[0], sentences), _predicted(models[-1], sentences), strict=True)
    refined = (
        number
        for number, (sentence, (first, last)) in enumerate(zip(sentences, said, strict=True))
        if last == word_facts(sentence.triples, entity_word) != first and not sentence.missing
    )
    return list(itertools.islice(refined, most))


def _predicted(loaded: Loaded, sentences: Sequence[Sentence]) -> list[set[Fact]]:
    """Return the triples a model finds in each sentence."""
    split = encode_split(
        sentences,
        loaded.vocabulary,
        loaded.config.data.entity_word,
        loaded.tokenizer,
        spelling=loaded.config.encoder.reads_spelling,
    )
    facts: list[set[Fact]] = [set() for _ in sentences]
    decoded = decode(loaded.model, split, torch.device("cpu"))
    for n, subject, relation, object_ in decoded.triples_4N.T.tolist():
        facts[n].add((subject, loaded.vocabulary.relations[relation], object_))
    return facts


def follow(case: Case, models: Sequence[Loaded]) -> dict[str, Any]:
    """Return a case as plain values: each model's trace of what any model predicts for it.

    Raises:
        ValueError: The sentence is too long to show.
    """
    if len(case.sentence.words) > LONGEST_CASE:
        raise ValueError(
            f"{case.title}: has {len(case.sentence.words)} words, expected at most {LONGEST_CASE}"
        )
    said = (*((case.gold,) if case.gold else ()), *case.printed)
    read = case.read or (case.sentence,) * len(models)
    first = [model.trace(sentence) for model, sentence in zip(models, read, strict=True)]
    facts = {fact for s in said for fact in s.triples}
    facts |= {(t.subject, t.relation, t.object) for traced in first for t in traced.triples}
    spans = {Span(*span) for s in said for span in s.entities}
    spans |= {Span(s.start, s.end) for traced in first for s in traced.spans}
    return {
        "title": case.title,
        "source": case.source,
        "words": case.sentence.words,
        "gold": case.gold and _plain(case.gold),
        "printed": [_plain(s) for s in case.printed],
        "models": [
            {
                "label": model.label,
                "fingerprint": model.run.fingerprint,
                "trace": model.trace(sentence, sorted(facts), sorted(spans)).to_json(),
            }
            for model, sentence in zip(models, read, strict=True)
        ],
    }


def _plain(said: Annotation) -> dict[str, Any]:
    typed = {"types": said.types} if said.types else {}
    return {"label": said.label, "entities": said.entities, **typed, "triples": said.triples}
