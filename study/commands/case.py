"""The case study (Table 3): sentences through trained models, round by round.

``rin-study case --models 6556121a 87a14292 --data webnlg_star --find 3``

Runs the ledger's models, writes the numbers to ``<runs>/cases/<name>.json``, prints the triples of
each round and writes a page. ``python reports/build.py`` writes the page again from the numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from rich.console import Console

from reports.cases.page import write_page
from reports.cases.views import CaseView, case_view
from reports.frames.trials import read_ledger
from reports.published.cases import PAPER_CASES, SOURCE, Annotation
from rin_core.config import Config
from rin_core.data.corpus import Corpus, Fact, Sentence, Span, shown, word_facts
from rin_core.data.encoding import encode_split
from rin_core.data.loading import load_corpus
from rin_core.data.pieces import PieceTokenizer
from rin_core.data.readers.unannotated import unannotated
from rin_core.data.tagging import TagSource, tag_pos, tag_source, with_tags
from rin_core.data.vocabulary import Vocabulary
from rin_core.model.rin import RIN
from rin_core.predict.loading import load_model
from rin_core.predict.rounds import Trace, trace
from rin_core.predict.texts import TextSplitter
from rin_core.train.metrics import decode
from study.commands.printing import say
from study.ledger.command import render
from study.ledger.corpus_schema import Cases
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger
from study.ledger.run import Run

if TYPE_CHECKING:
    from study.commands.arguments import CaseStudy

#: Most words of a sentence: the probabilities of all pairs of words are kept, for every relation.
LONGEST_CASE = 500
#: Characters of a name that is chosen here; many sentences of a corpus would make it longer.
_LONGEST_NAME = 60
_TAGS: dict[TagSource, str] = {
    "textblob": "from the tagger of textblob",
    "usual": "each word's most frequent in training",
    "none": "none, as no tagger is installed",
}


def run(options: CaseStudy, console: Console) -> int:
    """Follow the sentences, print them, and write the numbers and the page.

    Raises:
        ValueError: An option is invalid, a model does not exist, or the name is taken.
    """
    _check(options)
    torch.set_num_threads(1)
    ledger = Ledger(options.runs)
    models = distinct([load(ledger, name) for name in options.models])
    for note in dict.fromkeys(model.note for model in models if model.note):
        say(console, note)
    followed = [follow(case, models) for case in _cases(options, models)]
    cases = Cases.model_validate({"cases": followed})
    views = [case_view(case) for case in cases.to_json()["cases"]]
    for view in views:
        say(console, summary(view))
    name = _free_name(options, cases, ledger)
    path = ledger.record_cases(name, cases)
    page = write_page(views, ledger.root / "reports" / "cases" / f"{name}.html")
    say(console, f"numbers: {path}", whole=True)
    say(console, f"page: {page}", whole=True)
    return 0


def _free_name(options: CaseStudy, cases: Cases, ledger: Ledger) -> str:
    """Return the name that was given, or else one that no other case study has.

    Raises:
        ValueError: A case study with other sentences or models has the given name.
    """

    def is_free(name: str) -> bool:
        recorded = ledger.case(name)
        return options.replace or recorded is None or recorded.to_json() == cases.to_json()

    if options.name is None:
        usual = default_name(options)
        later = (f"{usual}-{number}" for number in itertools.count(2))
        return next(filter(is_free, itertools.chain([usual], later)))
    if not is_free(options.name):
        raise ValueError(
            f"--name {options.name}: the ledger has a case study of this name, with other "
            "sentences or models; nothing was written. Give another --name, or --replace"
        )
    return options.name


def default_name(options: CaseStudy) -> str:
    """Return what a case study shows, as a name: ``webnlg_star-find3``, ``demo-test0-4``."""
    found = "-".join(map(str, options.test))
    parts = ["sentences"] if options.sentence else []
    parts += [Path(options.data).stem] if options.data and (options.test or options.find) else []
    parts += [f"test{found}"] if options.test else []
    parts += [f"find{options.find}"] if options.find else []
    return "-".join(parts)[:_LONGEST_NAME] or "table3"


def summary(view: CaseView) -> str:
    """Return the triples that each model predicts after each round, a line for each round.

    A triple that is not in the gold annotation has a cross, if there is one.
    """
    lines = [f"{view.title} ({view.source})", " ".join(view.words)]
    if view.gold_known:
        lines.append(_line("gold", [row.text for row in view.triples if row.gold]))
    for n, label in enumerate(view.published):
        lines.append(_line(f"paper's {label}", [r.text for r in view.triples if r.published[n]]))
    for n, model in enumerate(view.models):
        for k in range(len(model.entity_words)):
            found = [
                f"{row.text} ✗" if row.gold is False else row.text
                for row in view.triples
                if any(row.models[n].predicted[k : k + 1])
            ]
            lines.append(_line(f"{model.label}, k = {k}", found))
    return "\n".join(lines) + "\n"


def _line(label: str, triples: Sequence[str]) -> str:
    return f"  {label}: {', '.join(triples) or 'no triple'}"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A trained model and what it reads sentences with."""

    label: str
    run: Run
    model: RIN
    vocabulary: Vocabulary
    config: Config
    tokenizer: PieceTokenizer | None
    note: str
    """What a person should know of how the model was loaded; empty if nothing."""

    @property
    def tag_source(self) -> TagSource | None:
        """Where the tags of given text come from; None if the model takes none."""
        return tag_source(self.vocabulary) if self.tokenizer is None else None

    def trace(
        self, sentence: Sentence, facts: Sequence[Fact] = (), spans: Sequence[Span] = ()
    ) -> Trace:
        """Follow a sentence through this model."""
        if self.tokenizer is None:
            (sentence,) = with_tags([sentence], self.vocabulary)
        parts = self.model, self.vocabulary, self.config
        return trace(*parts, sentence, facts, spans, self.tokenizer)


def load(ledger: Ledger, name: str) -> Loaded:
    """Load a finished trial's model by its fingerprint or the beginning of it.

    Raises:
        ValueError: There is no such trial, or several.
        LedgerError: The trial has no weights, as one imported from another ledger.
        CheckpointError: Its weights cannot be read.
    """
    run = ledger.find(name)
    if not run.weights.exists():
        raise LedgerError(
            f"{run.weights}: no weights; imported runs have none. To train the run again: "
            + render({"runs": str(ledger.root)}, ["rerun", run.fingerprint])
        )
    loaded = load_model(run.weights)
    label = f"{_label(ledger, run, loaded.config)}, seed {loaded.config.training.seed}"
    return Loaded(label=label, run=run, **loaded._asdict())


def distinct(models: Sequence[Loaded]) -> list[Loaded]:
    """Return models whose labels differ: equal ones get the start of their fingerprints."""
    labels = [model.label for model in models]
    return [
        replace(model, label=f"{model.label} ({model.run.fingerprint[:6]})")
        if labels.count(model.label) > 1
        else model
        for model in models
    ]


def _label(ledger: Ledger, run: Run, config: Config) -> str:
    """Return the arm's label, or a description of the model if no study planned the run."""
    if ledger.studies():
        planned = read_ledger(ledger.root)
        for label in planned.loc[planned["fingerprint"] == run.fingerprint, "label"]:
            return str(label)
    model = config.model
    if not model.rounds:
        return "BiLSTM_s" if model.task_features else "BiLSTM"
    return f"RIN ({model.cell.upper()}, K = {model.rounds})"


def _check(options: CaseStudy) -> None:
    name = options.name
    if name is not None and (Path(name).name != name or not name.strip(".")):
        raise ValueError(f"--name {name!r}: must be a name without folders")
    if options.find < 0:
        raise ValueError(f"--find {options.find}: must be 0 or more")


def _cases(options: CaseStudy, models: Sequence[Loaded]) -> Iterator[Case]:
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
