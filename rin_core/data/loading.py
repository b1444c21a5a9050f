"""From a corpus's name to encoded arrays: files, tags, vocabulary, vectors, in that order."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterator
from pathlib import Path

from rin_core.config import Config
from rin_core.data.corpus import (
    SPLITS,
    Corpus,
    CorpusError,
    Sentence,
    count_missing,
    missing_summary,
)
from rin_core.data.demo import demo_corpus
from rin_core.data.encoding import EncodedCorpus, corpus_vocabulary, encode_corpus
from rin_core.data.pretrained import Pretrained, load_pretrained
from rin_core.data.readers.split import read_split
from rin_core.data.tagging import tag_pos
from rin_core.data.vectors import WordVectors, load_vectors

_FILE_STEMS = {
    "train": ("train",),
    "dev": ("dev", "valid", "validation", "val"),
    "test": ("test",),
}
_SUFFIXES = (".json", ".jsonl")


def load_dataset(
    name: str, config: Config, *, data_root: Path | None = None, embeddings: Path | None = None
) -> EncodedCorpus:
    """Read and encode a corpus under a configuration's ``data`` and ``encoder`` settings.

    Args:
        name: ``demo``, a name under the data root, or a folder.
        config: Settings.
        data_root: Folder of corpora; default: the environment's ``RIN_DATA_ROOT``.
        embeddings: GloVe text file, plain, .gz or .zip, from here or from the data root; None
            starts from random vectors. A transformer has no use for it.

    Returns:
        The arrays, with notes on tags, vectors and triples that could not be placed.

    Raises:
        CorpusError: The corpus cannot be read.
        VectorsError: The vectors cannot be read.
        PretrainedError: The transformer cannot be read.
    """
    corpus = load_corpus(name, data_root, config.data.max_missing)
    if config.encoder.traits.reads_pieces:
        return _for_transformer(corpus, config)
    notes = corpus.missing_report()
    corpus, source = with_tags(corpus, config)
    if source:
        notes.append(f"part-of-speech tags: {source}")
    vocabulary = corpus_vocabulary(corpus, config.data)
    vectors = None
    if embeddings is not None:
        path = _find_vectors(embeddings, _root(data_root))
        vectors = load_vectors(path, vocabulary, config.encoder.word_dim)
    notes.append(_vectors_note(vectors))
    encoded = encode_corpus(corpus, config.data, vectors, vocabulary)
    return dataclasses.replace(encoded, notes=(_sizes(corpus), *notes))


def _for_transformer(corpus: Corpus, config: Config) -> EncodedCorpus:
    """Encode a corpus for a transformer: with its pieces, without vectors and added tags."""
    pretrained = load_pretrained(config.encoder.model, config.encoder.max_pieces)
    vocabulary = corpus_vocabulary(corpus, config.data)
    encoded = encode_corpus(corpus, config.data, None, vocabulary, pretrained)
    notes = (_sizes(corpus), *corpus.missing_report(), *_pieces_notes(encoded, pretrained))
    return dataclasses.replace(encoded, notes=notes)


def _pieces_notes(encoded: EncodedCorpus, pretrained: Pretrained) -> Iterator[str]:
    """Say which transformer it is, and how many sentences it cannot read at once."""
    yield f"encoder: {pretrained.name}, {pretrained.size / 1e6:.1f} million weights"
    splits = (encoded.train, encoded.dev, encoded.test)
    longer = [split.pieces.windowed for split in splits if split.pieces]
    if any(longer):
        counts = " / ".join(map(str, longer))
        yield (
            f"{counts} sentences (train / dev / test) are longer than the encoder's "
            f"{pretrained.tokenizer.limit} pieces: read in overlapping windows"
        )


def _sizes(corpus: Corpus) -> str:
    splits = " / ".join(str(len(s)) for s in (corpus.train, corpus.dev, corpus.test))
    relations = {t.relation for s in corpus.train for t in s.triples}
    return f"{corpus.name}: {splits} sentences (train / dev / test), {len(relations)} relations"


def _vectors_note(vectors: WordVectors | None) -> str:
    if vectors is None:
        return "word vectors: random (give a GloVe file with --embeddings for the paper's setting)"
    found, words = int(vectors.found.sum()), len(vectors.found) - 2
    return f"word vectors: {vectors.name} has {found} of the training split's {words} words"


def with_tags(corpus: Corpus, config: Config) -> tuple[Corpus, str]:
    """Return a corpus with the tags that a configuration uses, and where they come from.

    What has no use for tags leaves the corpus as it is, and says nothing.
    """
    if config.encoder.traits.reads_pieces or config.data.pos != "auto":
        return corpus, ""
    return tag_pos(corpus)


def load_corpus(name: str, data_root: Path | None = None, max_missing: float = 0.01) -> Corpus:
    """Load a corpus by name or folder.

    Args:
        name: ``"demo"``, a folder under the data root, or the path of a folder.
        data_root: Folder of corpora; without it, the environment variable RIN_DATA_ROOT.
        max_missing: Largest share of a split's triples that may be impossible to locate.

    Raises:
        CorpusError: No such corpus, a split is missing, or a file cannot be read.

    Examples:
        >>> import json, tempfile
        >>> record = {"text": "Ann met Bob .", "triple_list": [["Ann", "met", "Bob"]]}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for split in ("train", "dev", "test"):
        ...         _ = (Path(folder) / f"{split}.json").write_text(json.dumps([record]))
        ...     corpus = load_corpus(folder)
        >>> corpus.train[0].triples[0]
        Triple(subject=Span(start=0, end=1), relation='met', object=Span(start=2, end=3))
    """
    if name == "demo":
        return demo_corpus()
    folder = find_corpus(name, data_root)
    if folder.resolve().name == "demo":  # results and reports would take it for the other
        raise CorpusError(f"{folder}: demo is the name of the embedded corpus; rename the folder")
    files = _split_files(folder)
    splits = {split: read_split(path) for split, path in files.items()}
    for split, sentences in splits.items():
        _check_missing(files[split], sentences, max_missing)
    for split, use in (("train", "learned"), ("dev", "selected"), ("test", "scored")):
        if not any(s.triples for s in splits[split]):
            raise CorpusError(f"{files[split]}: no sentence has a triple, so nothing can be {use}")
    return Corpus(name=folder.resolve().name, **splits)


def find_corpus(name: str, data_root: Path | None) -> Path:
    """Return the folder of a corpus: a name under the data root, or else a path.

    Args:
        name: Name or path of the folder.
        data_root: Folder of corpora; without it, the environment variable RIN_DATA_ROOT.

    Raises:
        CorpusError: There is no such folder; lists the corpora that are there.
    """
    root = _root(data_root)
    candidates = [root / name] if root else []
    for folder in (*candidates, Path(name)):
        if name and folder.is_dir():
            return folder
    raise CorpusError(f"corpus {name!r}: no such folder; {_available(root)}")


def _root(given: Path | None) -> Path | None:
    """Return the data root: as given, else the environment's."""
    from_environment = os.environ.get("RIN_DATA_ROOT")
    return given or (Path(from_environment) if from_environment else None)


def find_recorded_vectors(name: str | None, data_root: Path | None) -> Path | None:
    """Return the file of word vectors that a record names; None where it is not at hand.

    Args:
        name: The file's name, None for no file; looked for in ``embeddings`` and beside the
            corpora, under the data root and from here.
        data_root: Folder of corpora; without it, the environment variable RIN_DATA_ROOT.
    """
    places = (Path("embeddings") / name, Path(name)) if name else ()
    found = (_find_vectors(path, _root(data_root)) for path in places)
    return next((path for path in found if path.is_file()), None)


def _find_vectors(path: Path, root: Path | None) -> Path:
    """Return the file itself, or that under the data root: a command then names no machine."""
    under_root = root and root / path
    return under_root if under_root and not path.exists() and under_root.is_file() else path


def _available(root: Path | None) -> str:
    """Say which corpora could have been asked for."""
    how = "--data-root or RIN_DATA_ROOT"
    if root is None:
        return f"only 'demo' is built in; give the folder of other corpora with {how}"
    try:
        names = sorted(f.name for f in root.iterdir() if f.is_dir() and any(_candidates(f)))
    except OSError as error:
        return f"the data root {root} cannot be read ({error.strerror}); set {how}"
    return f"known corpora: {', '.join(['demo', *names])}; the data root is {root} ({how})"


def _candidates(folder: Path) -> Iterator[tuple[str, Path]]:
    """Find the files of a folder that are named as a split."""
    for split, stems in _FILE_STEMS.items():
        for path in (folder / f"{stem}{suffix}" for stem in stems for suffix in _SUFFIXES):
            if path.is_file():
                yield split, path


def _split_files(folder: Path) -> dict[str, Path]:
    """Return the one file of each split."""
    files: dict[str, Path] = {}
    for split, path in _candidates(folder):
        if split in files:
            both = f"both {files[split].name} and {path.name}"
            raise CorpusError(f"{folder}: {both} could be the {split} split; remove one of them")
        files[split] = path
    absent = [f"{split}{_SUFFIXES[0]}" for split in SPLITS if split not in files]
    if absent:
        found = ", ".join(path.name for path in files.values()) or "no split at all"
        raise CorpusError(
            f"{folder}: missing {' and '.join(absent)} (found {found}); "
            f"add the missing split as .json or .jsonl"
        )
    return files


def _check_missing(path: Path, sentences: tuple[Sentence, ...], max_missing: float) -> None:
    missing, total = count_missing(sentences)
    # The same quotient as in the advice below, or a share taken from there may be refused.
    if not total or missing / total <= max_missing:
        return
    enough = math.ceil(100 * missing / total) / 100
    raise CorpusError(
        f"{path}: {missing_summary(sentences)}; the limit is {max_missing:.2%}; "
        f"correct the file, or raise the limit with --set data.max_missing={enough:g}"
    )
