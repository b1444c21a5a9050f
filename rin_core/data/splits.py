"""The files of a corpus's splits, and splits that are cut from another."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from rin_core.data.corpus import SPLITS, CorpusError, Finding, Sentence
from rin_core.data.readers.text_files import documents, entries
from rin_core.data.readers.unread import unread_file, unread_folder
from rin_core.data.readers.webanno_files import webanno_files
from rin_core.plural import plural

_NAMES = {
    "train": ("train", "training"),
    "dev": ("dev", "valid", "validation", "val", "devel", "development"),
    "test": ("test", "testing"),
}
#: Names that need nothing else in the name, first choice.
_SUFFIXES = (".json", ".jsonl", ".ndjson", ".jsonlines")
_OTHER_SUFFIXES = (".txt", ".corp", ".conll", ".tsv", ".parquet", ".arrow")
_SHARD = re.compile(r"-\d+-of-\d+$")
_CUT_SEED = "rin"
#: With fewer documents, a share of them is far from a share of the sentences.
_FEWEST_DOCUMENTS = 10
#: What has more than this part of the sentences, one in so many, would fill a small share.
_LARGE = 20

Files = dict[str, tuple[Path, ...]]


def exact_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the JSON files that are named after a split, after that split."""
    for path in entries(folder):
        if path.suffix.lower() in _SUFFIXES and path.is_file():
            yield from ((s, path) for s, stems in _NAMES.items() if path.stem.lower() in stems)


def find_splits(folder: Path) -> Files:
    """Return the files of each split that a folder has.

    ``train.json`` is the training split, and so is ``train_triples.json``, ``train.txt``, a folder
    ``train`` of brat or Arrow files, or ``data/train-00000-of-00002.parquet`` and the next.

    Raises:
        CorpusError: Two files could be the same split.
    """
    files: Files = {}
    for split, path in exact_files(folder):
        if split in files:
            raise _two_files(folder, split, files[split][0], path)
        files[split] = (path,)
    if absent := set(SPLITS) - files.keys():
        files |= _published(folder, absent)
    if not files and (folder / "data").is_dir():
        return find_splits(folder / "data")
    return {split: files[split] for split in SPLITS if split in files}


def _published(folder: Path, wanted: set[str]) -> Files:
    """Return files with one of some splits in their names; of the name that most splits share."""
    named: dict[str, Files] = {}
    for path in entries(folder):
        stem = _SHARD.sub("", path.stem) if path.is_file() else path.name
        split = _split_of(stem)
        if split in wanted and (contents := _contents(path)):
            rest = "_".join(part for part in _parts(stem) if part not in _NAMES[split])
            files = named.setdefault(f"{rest} {path.suffix.lower()}", {})
            before = files.get(split, ())
            if before and not _SHARD.search(path.stem):
                raise _two_files(folder, split, before[0], path)
            files[split] = (*before, *contents)
    most = max((len(files) for files in named.values()), default=0)
    best = [files for files in named.values() if len(files) == most]
    if len(best) > 1:
        both = " and ".join(next(iter(files.values()))[0].name for files in best[:2])
        raise CorpusError(f"{folder}: {both} could be the same split; remove or rename one of them")
    return best[0] if best else {}


def _two_files(folder: Path, split: str, first: Path, second: Path) -> CorpusError:
    both = f"both {first.name} and {second.name}"
    return CorpusError(f"{folder}: {both} could be the {split} split; remove one of them")


def _parts(name: str) -> list[str]:
    return re.split(r"[_\-. ]", name.lower())


def _split_of(name: str) -> str:
    """Return the split that a name has as a part, empty text for none or several."""
    found = [split for split, names in _NAMES.items() if set(_parts(name)) & set(names)]
    return found[0] if len(found) == 1 else ""


def _contents(path: Path) -> tuple[Path, ...]:
    """Return what is read of a path: the file, a folder of brat files, or its tables."""
    if path.is_file():
        return (path,) if path.suffix.lower() in _SUFFIXES + _OTHER_SUFFIXES else ()
    if documents(path, ".ann") or webanno_files(path):
        return (path,)
    # A link may lead nowhere.
    tables = entries(path) if path.is_dir() else ()
    return tuple(file for file in tables if file.suffix in (".arrow", ".parquet"))


def has_splits(folder: Path) -> bool:
    """Return whether a folder has at least one split."""
    try:
        return bool(find_splits(folder))
    except CorpusError:
        return True


def corpus_files(path: Path, dev_fraction: float) -> Files:
    """Return the files of each split that is not to be cut from train.

    Args:
        path: A folder, or the one file of a corpus without splits.
        dev_fraction: Share of the training sentences for a missing dev or test split; 0 cuts none.

    Raises:
        CorpusError: A split is missing; the message says how to add it.
    """
    if path.is_file() or not (files := find_splits(path)):
        return {"train": (_whole_corpus(path, dev_fraction),)}
    absent = [split for split in SPLITS if split not in files]
    if absent and not ("train" in files and dev_fraction):
        how = f"add the missing {'splits' if absent[1:] else 'split'} as .json or .jsonl"
        if "train" in files:
            which = "both" if absent[1:] else "it"
            how += f", or cut {which} from train with --set data.dev_fraction=0.1"
        found = ", ".join(paths[0].name for paths in files.values())
        missing = " and ".join(f"{split}.json" for split in absent)
        for other in entries(path):
            if (known := unread_file(other)) and _split_of(other.name) in absent:
                how = f"{other.name} {known.removeprefix('this ')}"
        raise CorpusError(f"{path}: missing {missing} (found {found}); {how}")
    return files


def _whole_corpus(path: Path, dev_fraction: float) -> Path:
    """Return the file, or folder of brat files, that is a corpus without splits."""
    found = path if path.is_file() else _only_file(path)
    if found is None:
        raise CorpusError(f"{path}: no file is a split; {_no_split(path)}")
    if not _contents(found) and (known := unread_file(found)):
        raise CorpusError(f"{found}: {known}")
    if not dev_fraction:
        how = "cut dev and test from it with --set data.dev_fraction=0.1"
        if path.is_file() and len(find_splits(path.parent)) > 1:
            how = f"give its folder {path.parent}, or {how}"
        what = "one file without dev and test" if found.is_file() else "documents without splits"
        raise CorpusError(f"{found}: {what}; {how}")
    return found


def _no_split(folder: Path) -> str:
    """Return what a folder without splits has instead, and what to do."""
    named = next((x for x in entries(folder) if _split_of(x.stem)), None)
    if named and named.is_file() and not unread_file(named):
        return f"{named.name} has another suffix: if its records are JSON, rename it to .json"
    inside = next((x for x in entries(folder) if x.is_dir() and _split_of(x.name)), None)
    if inside is None:
        return unread_folder(folder)
    files = [file for file in entries(inside) if file.suffix.lower() in _SUFFIXES]
    if not files:
        return f"in {inside.name}: {unread_folder(inside)}"
    name = f"{inside.name}{files[0].suffix}"
    if len(files) == 1:
        return f"move {inside.name}/{files[0].name} to {name}"
    return f"join the {len(files)} files in {inside.name} in one file {name}, as a list of records"


def _only_file(folder: Path) -> Path | None:
    """Return what is read of a folder without splits, None where that is not clear."""
    if documents(folder, ".ann") or len(webanno_files(folder)) > 1:
        return folder
    files = [path for path in entries(folder) if path.is_file() and _contents(path)]
    return files[0] if len(files) == 1 else None


def cut_missing(
    splits: dict[str, tuple[Sentence, ...]], fraction: float
) -> tuple[dict[str, tuple[Sentence, ...]], list[Finding]]:
    """Return all splits, the missing ones cut from train, and a finding on each."""
    splits, findings = dict(splits), list[Finding]()
    for split in ("test", "dev"):
        if split not in splits:
            whole = splits["train"]
            splits["train"], splits[split] = cut(whole, fraction)
            count, rest = len(splits[split]), len(splits["train"])
            documents = len({s.place for s in splits[split]})
            of = f" of {plural(documents, 'document')}" if has_documents(whole) else ""
            text = f"{split}: {plural(count, 'sentence')}{of} cut from train, which keeps {rest}"
            cut_off = Finding(code="cut-split", level="note", text=text, split=split, count=count)
            findings.append(cut_off)
    return {split: splits[split] for split in SPLITS}, findings


def has_documents(sentences: Sequence[Sentence]) -> bool:
    """Return whether sentences come from enough documents to cut whole ones."""
    return _FEWEST_DOCUMENTS <= len({s.place for s in sentences}) < len(sentences)


def cut(
    sentences: tuple[Sentence, ...], fraction: float
) -> tuple[tuple[Sentence, ...], tuple[Sentence, ...]]:
    """Return the rest and a share of sentences, at least one, chosen by a hash of their words.

    The order of the file does not matter. Sentences of one document stay together, else sentences
    of the same words. What is larger than the whole share stays in the rest. Each part keeps the
    order of the file.
    """
    keys = _units(sentences)
    counts, share = Counter(keys), max(1, round(fraction * len(sentences)))
    small = [key for key, count in counts.items() if count <= share]
    chosen, wanted = set[tuple[str, ...]](), share
    for key in sorted(small or counts, key=_rank):
        if wanted <= 0:
            break
        chosen.add(key)
        wanted -= counts[key]
    placed = list(zip(sentences, keys, strict=True))
    rest = tuple(sentence for sentence, key in placed if key not in chosen)
    return rest, tuple(sentence for sentence, key in placed if key in chosen)


def take_share(sentences: tuple[Sentence, ...], share: float) -> tuple[Sentence, ...]:
    """Return at least a share of sentences, chosen by a hash of their words.

    A larger share has the sentences of each smaller one. The order of the file does not matter.
    Sentences of one document stay together, else sentences of the same words. Those that would
    fill a small share come last. The result keeps the order of the file.
    """
    keys = _units(sentences)
    counts, wanted = Counter(keys), max(1, round(share * len(sentences)))
    large, chosen = max(1, len(sentences) // _LARGE), set[tuple[str, ...]]()
    for key in sorted(counts, key=lambda key: (counts[key] > large, _rank(key))):
        if wanted <= 0:
            break
        chosen.add(key)
        wanted -= counts[key]
    return tuple(s for s, key in zip(sentences, keys, strict=True) if key in chosen)


def _units(sentences: Sequence[Sentence]) -> list[tuple[str, ...]]:
    """Return the words of each sentence's document, or of the sentence if there are few."""
    units = _words_of_documents(sentences) if has_documents(sentences) else None
    return [units[s.place] if units else s.words for s in sentences]


def _words_of_documents(sentences: Sequence[Sentence]) -> dict[str, tuple[str, ...]]:
    """Return the words of each document, by its place; equal documents are one."""
    words = defaultdict[str, list[str]](list)
    for sentence in sentences:
        words[sentence.place] += sentence.words
    return {place: tuple(text) for place, text in words.items()}


def _rank(words: tuple[str, ...]) -> bytes:
    text = "\0".join((_CUT_SEED, *words))
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
