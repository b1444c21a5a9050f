"""The data of recorded runs: under which names and paths, and how to find it again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rin_core.config import Config
from rin_core.data.corpus import CorpusError
from rin_core.data.encoding import EncodedCorpus
from rin_core.data.loading import find_corpus, find_recorded_vectors, load_dataset
from study.ledger.fields import Options
from study.ledger.ledger import Ledger
from study.ledger.origin import CorpusName, VectorsName
from study.ledger.schema import Search, Study


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenData:
    """Where the user says that the data is; what is None is looked for as recorded."""

    data: str | None = None
    data_root: Path | None = None
    embeddings: Path | None = None


def corpus_name(corpus: EncodedCorpus) -> CorpusName:
    """Return what a record says of a corpus."""
    path = str(corpus.path or "")
    return CorpusName(name=corpus.name, digest=corpus.digest, content=corpus.content, path=path)


def vectors_name(corpus: EncodedCorpus) -> VectorsName | None:
    """Return what a record says of the word vectors of a corpus; None without any."""
    if corpus.vectors is None:
        return None
    path = str(corpus.vectors_path or "")
    return VectorsName(name=corpus.vectors.name, digest=corpus.vectors.digest, path=path)


def load_recorded(
    corpus: CorpusName,
    vectors: VectorsName | None,
    config: Config,
    given: GivenData,
    options: Iterable[Options] = (),
) -> EncodedCorpus:
    """Read the data of a recorded run again, and check that its content is the same.

    Without a path from the user, it is looked for at the recorded path, where the recorded
    commands say, and under the recorded name in the data root.

    Args:
        corpus: As recorded; its digest is the one to find.
        vectors: As recorded.
        config: The run's settings.
        given: Where the user says that the data is.
        options: Of commands that planned the run: older records have no path.

    Raises:
        ValueError: The corpus or the vectors are gone, or their content differs. The message
            names the option to give.
    """
    commands = list(options)
    roots = (Path(str(o["data_root"])) for o in commands if "data_root" in o)
    root = given.data_root or next(roots, None)
    sources = [given.data] if given.data else _sources(corpus, root, commands)
    if not sources:
        place = corpus.path or corpus.name
        raise CorpusError(
            f"corpus {place}: no such folder or file; give its folder or file with --data"
            f"{_expected('content', corpus.content)}"
        )
    files: list[Path | None] = []
    files += [given.embeddings] if given.embeddings else _files(vectors, root, commands)
    if vectors is not None and not files and not config.encoder.traits.reads_pieces:
        place = vectors.path or vectors.name
        raise ValueError(
            f"word vectors {place}: no such file; give the file with --embeddings"
            f"{_expected('digest', vectors.digest)}"
        )
    read = []
    for source in sources:
        for file in files or [None]:
            encoded = load_dataset(source, config, data_root=root, embeddings=file)
            if encoded.digest == corpus.digest:
                return encoded
            read.append((source, file, encoded))
    raise ValueError(_difference(corpus, vectors, read))


def _difference(
    corpus: CorpusName,
    vectors: VectorsName | None,
    read: list[tuple[str, Path | None, EncodedCorpus]],
) -> str:
    """Return a message about the data that was read: what differs from the record."""
    for _, file, encoded in read:
        if encoded.content == corpus.content:
            here = encoded.vectors.digest if encoded.vectors else "none"
            wanted = "none" if vectors is None else f"{vectors.name}, digest {vectors.digest}"
            return (
                f"word vectors {file or 'none'}: digest {here} differs from the recorded one; "
                f"give the recorded vectors with --embeddings (expected {wanted})"
            )
    source, _, encoded = read[0]
    content = f"content {corpus.content}" if corpus.content else f"digest {corpus.digest}"
    found = encoded.content if corpus.content else encoded.digest
    return (
        f"corpus {source}: its content {found} differs from the recorded one; "
        f"give the recorded corpus with --data (expected {content})"
    )


def _expected(what: str, digest: str) -> str:
    return f" (expected {what} {digest})" if digest else ""


def _sources(corpus: CorpusName, root: Path | None, commands: list[Options]) -> list[str]:
    """Return the places of a corpus that exist, the most likely first."""
    given = (source for options in commands for source in options.get("data", ()))
    named = (s for s in given if corpus.name in (Path(s).name, Path(s).stem))
    found = []
    for source in [corpus.path, *named, corpus.name]:
        if source == "demo":
            found.append(source)
        elif source:
            with contextlib.suppress(CorpusError):
                found.append(str(find_corpus(source, root).resolve()))
    return list(dict.fromkeys(found))


def _files(vectors: VectorsName | None, root: Path | None, commands: list[Options]) -> list[Path]:
    """Return the files that a record's word vectors may be, the most likely first."""
    if vectors is None:
        return []
    places = [vectors.path, *(str(options.get("embeddings", "")) for options in commands)]
    found = [Path(place) for place in dict.fromkeys(places) if place and Path(place).is_file()]
    under_root = find_recorded_vectors(vectors.name, root)
    return list(dict.fromkeys([*found, *([under_root] if under_root else [])]))


def commands_of(ledger: Ledger, fingerprint: str) -> list[Options]:
    """Return the options of the commands that planned a run, of studies and searches."""
    records: list[Study | Search] = [*ledger.studies(), *ledger.searches()]
    found = [
        record
        for record in records
        if any(trial.fingerprint == fingerprint for trial in record.trials)
    ]
    last = [record.options for record in found]
    return [*last, *(command.options for record in found for command in record.commands)]
