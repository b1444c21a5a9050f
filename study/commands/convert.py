"""``convert``: write a corpus in any of the known formats as SpERT JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from rin_core.config import Config
from rin_core.data.corpus import Corpus, Sentence
from rin_core.data.findings import findings_of
from rin_core.data.loading import find_corpus, load_corpus
from rin_core.data.readers.split import read_files
from rin_core.data.split_sentences import split_sentences
from rin_core.data.summary import summarise
from rin_core.files import open_atomically
from rin_core.plural import plural
from search_spaces.presets import preset_of
from study.commands.arguments import Convert
from study.commands.corpora import print_findings, print_summary
from study.commands.options import parse_overrides
from study.commands.printing import say


def run(options: Convert, console: Console) -> int:
    """Convert, and return the exit code.

    Raises:
        ValueError: The corpus cannot be read, or the output exists.
    """
    if options.target.exists():
        raise ValueError(f"convert: {options.target} exists; choose a new name")
    # A study would count words by the corpus's preset.
    given = {**preset_of(options.source).settings, **parse_overrides(options.set)}
    data = Config().with_overrides(given).data
    fraction, is_split = data.dev_fraction, options.split_sentences
    source = find_corpus(options.source, options.data_root) if options.source != "demo" else None
    if source and source.is_file() and not fraction:
        splits, findings = read_files({"": (source,)}, is_split_later=is_split)
        if is_split:
            splits[""], lost = split_sentences(splits[""])
            findings = (*findings, *lost)
        files = {options.target: splits[""]}
    else:
        corpus = load_corpus(
            options.source, options.data_root, 1.0, fraction, is_split_later=is_split
        )
        if is_split:
            corpus = _with_parts(corpus)
        findings = findings_of(corpus)
        summary = summarise(corpus, lowercase=data.lowercase, entity_word=data.entity_word)
        print_summary(corpus.name, summary, console)
        files = {options.target / f"{split}.json": s for split, s in corpus.splits().items()}
    print_findings(findings, console)
    for path, sentences in files.items():
        _write(path, sentences)
        missing = sum(len(s.missing) for s in sentences)
        without = f", without {plural(missing, 'triple')} that cannot be located" * bool(missing)
        say(console, f"{path}: {plural(len(sentences), 'sentence')}{without}")
    return 0


def _with_parts(corpus: Corpus) -> Corpus:
    """Return a corpus with one record a sentence. A cut of its splits was made before."""
    parts = {name: split_sentences(split, name) for name, split in corpus.splits().items()}
    lost = [finding for _, findings in parts.values() for finding in findings]
    splits = {name: sentences for name, (sentences, _) in parts.items()}
    return Corpus(name=corpus.name, **splits, findings=(*corpus.findings, *lost))


def _write(path: Path, sentences: Iterable[Sentence]) -> None:
    """Write a JSON list, a sentence a line, in one step."""
    with open_atomically(path) as file:
        file.write(b"[")
        for number, sentence in enumerate(sentences):
            line = json.dumps(_record(sentence), ensure_ascii=False)
            file.write(f"{',' if number else ''}\n{line}".encode())
        file.write(b"\n]\n")


def _record(sentence: Sentence) -> dict[str, object]:
    index = {span: k for k, span in enumerate(sentence.entities)}
    record: dict[str, object] = {
        "tokens": sentence.words,
        "entities": [
            {"type": kind, "start": span.start, "end": span.end}
            for span, kind in zip(sentence.entities, sentence.entity_types, strict=True)
        ],
        "relations": [
            {"type": t.relation, "head": index[t.subject], "tail": index[t.object]}
            for t in sentence.triples
        ],
    }
    return record | ({"pos": sentence.pos} if sentence.pos else {})
