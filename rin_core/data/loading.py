"""From a corpus's name to encoded arrays: files, tags, vocabulary, vectors, in that order."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from rin_core.config import Config
from rin_core.data.corpus import Corpus, CorpusError, Finding, Sentence, count_missing
from rin_core.data.damaged_texts import damaged_texts
from rin_core.data.demo import demo_corpus
from rin_core.data.encoding import EncodedCorpus, corpus_vocabulary, encode_corpus
from rin_core.data.entity_types import type_notes
from rin_core.data.findings import findings_of, missing_findings, vector_findings
from rin_core.data.pretrained import load_pretrained
from rin_core.data.readers.split import read_files
from rin_core.data.readers.text_files import entries
from rin_core.data.splits import corpus_files, cut_missing, has_splits, take_share
from rin_core.data.summary import summarise, unseen_words
from rin_core.data.tagging import TAGGER, tag_pos
from rin_core.data.vectors import WordVectors, load_vectors
from rin_core.data.vocabulary import SPECIAL, Vocabulary
from rin_core.plural import plural


def load_dataset(
    name: str, config: Config, *, data_root: Path | None = None, embeddings: Path | None = None
) -> EncodedCorpus:
    """Read and encode a corpus under a configuration's ``data`` and ``encoder`` settings.

    Args:
        name: ``demo``, a name under the data root, or a folder.
        config: Settings.
        data_root: Folder of corpora; default: the environment's ``RIN_DATA_ROOT``.
        embeddings: GloVe text file, plain, .gz or .zip, from here or from the data root; None
            starts from random vectors. Encoders of pieces ignore it.

    Returns:
        The arrays, with notes on tags, vectors and triples that could not be placed.

    Raises:
        CorpusError: The corpus cannot be read.
        VectorsError: The vectors cannot be read.
        PretrainedError: The transformer cannot be read.
    """
    read = load_corpus(name, data_root, config.data.max_missing, config.data.dev_fraction)
    tagged, tagger = corpus_with_tags(read, config)
    corpus, share = _with_train_share(tagged, config.data.train_share)
    findings, was_tagged = findings_of(read), tagged != read
    if config.encoder.traits.reads_pieces:
        encoded = _encode_for_transformer(corpus, config, tagged)
    else:
        file = embeddings and _find_vectors(embeddings, _root(data_root))
        encoded = _encode_with_vectors(corpus, config, file, tagged, was_tagged)
        if encoded.vectors:
            extra = vector_findings(corpus.train, encoded.vocabulary, encoded.vectors)
            findings = (*extra, *findings)
    notes = encoded.notes
    if tagger:
        notes = (f"part-of-speech tags: {tagger}", *notes)
    if share:
        notes = (*notes, share)
    if config.data.entity_types:
        notes = (*notes, *type_notes(corpus, encoded.vocabulary))
    summary = summarise(
        read,
        lowercase=config.data.lowercase,
        entity_word=config.data.entity_word,
        with_vector=encoded.vectors.checked if encoded.vectors else None,
    )
    source = None if name == "demo" else find_corpus(name, data_root).resolve()
    return dataclasses.replace(
        encoded,
        as_read=read.digest() if was_tagged else encoded.content,
        path=source,
        notes=notes,
        summary=summary,
        findings=findings,
    )


def _with_train_share(corpus: Corpus, share: float) -> tuple[Corpus, str]:
    """Return a corpus with a share of its training sentences, and a note on it.

    With all sentences, the text is empty.

    Raises:
        CorpusError: None of them has a triple.
    """
    if share == 1:
        return corpus, ""
    train, every = take_share(corpus.train, share), len(corpus.train)
    taken = f"data.train_share={share:g}: {len(train):,} of {plural(every, 'training sentence')}"
    if not any(sentence.triples for sentence in train):
        raise CorpusError(
            f"{corpus.name}: {taken}, none with a triple, so nothing can be learned; take more"
        )
    # Epochs have as many steps as with all, so models on several shares are trained alike.
    return dataclasses.replace(corpus, train=train), f"{taken}, repeated in an epoch"


def _encode_with_vectors(
    corpus: Corpus, config: Config, path: Path | None, whole: Corpus, was_tagged: bool
) -> EncodedCorpus:
    """Encode a corpus with word vectors, and a note on them.

    Args:
        corpus: With the tags that the configuration uses.
        config: Settings.
        path: File of the vectors.
        whole: The corpus with all training sentences.
        was_tagged: Whether a tagger added the tags.
    """
    vocabulary = corpus_vocabulary(corpus, config.data)
    if vocabulary.pos and was_tagged:
        vocabulary = dataclasses.replace(vocabulary, tagger=TAGGER)
    vectors = None
    if path:
        others = _other_words(corpus, vocabulary) if config.data.vocabulary == "vectors" else None
        unseen = unseen_words(corpus, lowercase=config.data.lowercase)
        vectors = load_vectors(path, vocabulary, config.encoder.word_dim, others, unseen)
        vocabulary = dataclasses.replace(vocabulary, vector_words=vectors.other_words)
    encoded = encode_corpus(
        corpus,
        config.data,
        vectors,
        vocabulary,
        spelling=config.encoder.reads_spelling,
        whole=whole,
    )
    note = f"word vectors: {_coverage(vectors)}"
    return dataclasses.replace(encoded, vectors_path=path and path.resolve(), notes=(note,))


def _other_words(corpus: Corpus, vocabulary: Vocabulary) -> set[str]:
    """Return the words of dev and test, in the forms in which the vocabulary looks them up."""
    written = {word for s in (*corpus.dev, *corpus.test) for word in s.words}
    forms = {word.lower() for word in written} | (set() if vocabulary.lowercase else written)
    return forms.difference(vocabulary.words)


def _coverage(vectors: WordVectors | None) -> str:
    """Return how many words have a pretrained vector, for a note."""
    if vectors is None:
        return "random (give a GloVe file with --embeddings for the paper's setting)"
    found, words = int(vectors.found.sum()), len(vectors.found) - len(SPECIAL)
    note = f"{vectors.name} has {found} of the training split's {words} words"
    if vectors.other_matrix is None:
        return note
    return f"{note}, and {len(vectors.other_words)} that only dev or test have"


def _encode_for_transformer(corpus: Corpus, config: Config, whole: Corpus) -> EncodedCorpus:
    """Encode a corpus with the pieces of a transformer, without vectors and added tags.

    Args:
        corpus: The sentences.
        config: Settings.
        whole: The corpus with all training sentences.
    """
    pretrained = load_pretrained(config.encoder.model, config.encoder.max_pieces)
    vocabulary = corpus_vocabulary(corpus, config.data)
    encoded = encode_corpus(corpus, config.data, None, vocabulary, pretrained, whole=whole)
    notes = [f"encoder: {pretrained.name}, {pretrained.size / 1e6:.1f} million weights"]
    splits = (encoded.train, encoded.dev, encoded.test)
    longer = [split.pieces.windowed for split in splits if split.pieces]
    if any(longer):
        notes.append(
            f"{' / '.join(map(str, longer))} sentences (train / dev / test) are longer than the "
            f"encoder's {pretrained.tokenizer.limit} pieces: read in overlapping windows"
        )
    return dataclasses.replace(encoded, notes=tuple(notes))


def corpus_with_tags(corpus: Corpus, config: Config) -> tuple[Corpus, str]:
    """Return a corpus with the tags that a configuration uses, and where they come from.

    Where the configuration uses no tags, the corpus is unchanged and the text is empty.
    """
    if config.encoder.traits.reads_pieces or config.data.pos != "auto":
        return corpus, ""
    return tag_pos(corpus)


def load_corpus(
    name: str,
    data_root: Path | None = None,
    max_missing: float = 0.01,
    dev_fraction: float = 0.0,
    *,
    is_split_later: bool = False,
) -> Corpus:
    """Load a corpus by name, folder or file.

    Args:
        name: ``"demo"``, a folder under the data root, or the path of a folder or of one file.
        data_root: Folder of corpora; without it, the environment variable RIN_DATA_ROOT.
        max_missing: Largest share of a split's triples that may be impossible to locate.
        dev_fraction: Share of train that becomes a missing dev or test split; 0 cuts none.
        is_split_later: Whether records may be as long as texts to annotate.

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
    path = find_corpus(name, data_root)
    called = path.resolve().stem if path.is_file() else path.resolve().name
    if called == "demo":  # results and reports would take it for the other
        raise CorpusError(f"{path}: demo is the name of the embedded corpus; rename it")
    files = corpus_files(path, dev_fraction)
    read, found = read_files(files, is_split_later=is_split_later)
    splits, cuts = cut_missing(read, dev_fraction)
    # A split that was cut has the file of train.
    places = {split: str(files.get(split, files["train"])[0]) for split in splits}
    for split, sentences in splits.items():
        _check_missing(sentences, places[split], max_missing)
    for split, sentences in splits.items():
        if not any(s.triples for s in sentences):
            raise CorpusError(f"{places[split]}: {_without_triples(split, read, splits, found)}")
    return Corpus(name=called, **splits, findings=(*found, *cuts))


def _without_triples(
    split: str,
    read: Mapping[str, Sequence[Sentence]],
    splits: Mapping[str, Sequence[Sentence]],
    found: Sequence[Finding],
) -> str:
    """Return why a split has no triple, and what to do.

    Args:
        split: Its name.
        read: The splits as the files have them.
        splits: All splits, some of them cut from train.
        found: How the files were read.
    """
    count = plural(len(splits[split]), "sentence")
    if split not in read:
        return f"{split}: none of the {count} cut from train has a triple; raise data.dev_fraction"
    if any(s.triples for s in read[split]):
        return f"{split}: none of the {count} kept in train has a triple; lower data.dev_fraction"
    use = {"train": "learned", "dev": "selected", "test": "scored"}[split]
    left_out = "".join(f"; {f.text}" for f in found if f.level == "warning")
    how = "annotate its relations"
    if split != "train":
        how += f", or remove it and cut {split} from train with --set data.dev_fraction=0.1"
    return f"no sentence has a triple, so nothing can be {use}{left_out}; {how}"


def _check_missing(sentences: Sequence[Sentence], place: str, max_missing: float) -> None:
    """Refuse a split in which too large a share of the triples cannot be located."""
    missing, total = count_missing(sentences)
    # The limit that the message proposes is compared with this very quotient.
    if not total or missing / total <= max_missing:
        return
    reasons = missing_findings(place, sentences)
    reasons += damaged_texts([s for s in sentences if s.missing])
    text = f"{'; '.join(r.text for r in reasons)}; the limit is {max_missing:.2%}"
    # A limit that leaves out most of the triples is no remedy; other capitals are soon written.
    if reasons[0].code != "argument-in-other-case" and 2 * missing <= total:
        enough = math.ceil(100 * missing / total) / 100
        text += f", to raise it use --set data.max_missing={enough:g}"
    raise CorpusError(text)


def find_corpus(name: str, data_root: Path | None) -> Path:
    """Return the folder or file of a corpus: a name under the data root, or else a path.

    Args:
        name: Name or path.
        data_root: Folder of corpora; without it, the environment variable RIN_DATA_ROOT.

    Raises:
        CorpusError: There is no such folder or file; the message lists the corpora that exist.
    """
    root = _root(data_root)
    candidates = [root / name] if root else []
    for path in (*candidates, Path(name)):
        if name and (path.is_dir() or path.is_file()):
            return path
    raise CorpusError(f"corpus {name!r}: no such folder or file; {_available(root)}")


def _root(given: Path | None) -> Path | None:
    """Return the data root: as given, else the environment's."""
    from_environment = os.environ.get("RIN_DATA_ROOT")
    return given or (Path(from_environment) if from_environment else None)


def find_recorded_vectors(name: str | None, data_root: Path | None) -> Path | None:
    """Return the file of word vectors that a record names; None where it does not exist.

    Args:
        name: The file's name, None for no file; looked for in ``embeddings`` and beside the
            corpora, under the data root and from here.
        data_root: Folder of corpora; without it, the environment variable RIN_DATA_ROOT.
    """
    places = (Path("embeddings") / name, Path(name)) if name else ()
    found = (_find_vectors(path, _root(data_root)) for path in places)
    return next((path for path in found if path.is_file()), None)


def _find_vectors(path: Path, root: Path | None) -> Path:
    """Return the path, or the one under the data root if only that is a file."""
    under_root = root and root / path
    return under_root if under_root and not path.exists() and under_root.is_file() else path


def _available(root: Path | None) -> str:
    """Return the end of a message: which corpora exist."""
    how = "--data-root or RIN_DATA_ROOT"
    if root is None:
        return f"only 'demo' is built in; give the folder of other corpora with {how}"
    try:
        names = [f.name for f in entries(root) if f.is_dir() and has_splits(f)]
    except OSError as error:
        return f"the data root {root} cannot be read ({error.strerror}); set {how}"
    return f"known corpora: {', '.join(['demo', *names])}; the data root is {root} ({how})"
