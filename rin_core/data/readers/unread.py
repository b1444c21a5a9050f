"""Messages for files in formats that are not read: what they look like, and the remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rin_core.data.corpus import shown
from rin_core.data.readers.text_files import entries

_ONE_SENTENCE = "write each sentence as tokens, entities and relations"
_SPACY = "write text, entities and relations, as doccano; docs/data.md has a script"
#: Fields of known formats, with name and remedy.
_KNOWN: tuple[tuple[frozenset[str], str, str], ...] = (
    (frozenset({"vertexSet", "sents"}), "DocRED (relations of documents)", _ONE_SENTENCE),
    (
        frozenset({"token", "subj_start", "obj_start"}),
        "TACRED (one relation per record)",
        "join them",
    ),
    (frozenset({"h", "t"}), "FewRel (one relation per record)", "join the records of a sentence"),
    (frozenset({"content", "result_list"}), "PaddleNLP prompts", "export the doccano file instead"),
    (frozenset({"entity_mentions", "relation_mentions"}), "OneIE", _ONE_SENTENCE),
    (frozenset({"text", "ents"}), "spaCy's JSON, which has no relations", _SPACY),
    (
        frozenset({"text", "label"}),
        "doccano or JSON-MIN of Label Studio, without relations",
        "export a project with relations, from Label Studio as JSON",
    ),
    (
        frozenset({"data", "completions"}),
        "Label Studio before 1.0",
        "rename the field completions to annotations",
    ),
    (frozenset({"text", "spans", "tokens"}), "Prodigy without relations", "use rel.manual"),
    (frozenset({"paragraphs"}), "SQuAD (questions and answers)", "use a corpus of relations"),
    (frozenset({"passages"}), "BioC", "convert it to brat files"),
    (frozenset({"tokens", "ner_tags"}), "entities without relations", "add entities, relations"),
    (frozenset({"rows"}), "columns without relations", "add their two columns, with tabs between"),
)
_ARCHIVES = (".zip", ".gz", ".tar", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")
_SUFFIXES = {
    ".xml": ("XML", "convert it to brat files"),
    ".xmi": ("UIMA XMI", "export WebAnno TSV 3 from INCEpTION instead"),
    ".csv": ("a table", "write one JSON record per sentence"),
    ".tsv": ("a table", "write JSON records, or export WebAnno TSV v3.3 from INCEpTION"),
    ".a1": ("BioNLP shared task files", "join .a1 and .a2 into .ann files"),
    ".conllu": ("CoNLL-U, which has no relations of entities", "add them as JSON records"),
    ".spacy": ("spaCy's DocBin", _SPACY),
    ".xlsx": ("a table", "write one JSON record per sentence"),
    ".xls": ("a table", "write one JSON record per sentence"),
    **dict.fromkeys(_ARCHIVES, ("an archive", "unpack it")),
    ".pkl": ("pickle, which is not read for security", "write one JSON record per sentence"),
}
_SHOWN = 6


def unread_record(record: Mapping[str, Any], formats: Iterable[str]) -> str:
    """Return what a record of no known format looks like, and what to do."""
    for fields, name, remedy in _KNOWN:
        if fields <= record.keys():
            return f"this looks like {name}: {remedy}; formats that are read: {', '.join(formats)}"
    lists = [key for key, value in record.items() if isinstance(value, list) and value]
    is_wrapped = not record.keys() & {"text", "sentence", "tokens"}
    if is_wrapped and len(lists) == 1 and all(isinstance(x, dict) for x in record[lists[0]]):
        return f"the records are in the field {shown(lists[0])}: write this list alone"
    return (
        f"unknown format: found the fields {shown(list(record))}; the simplest that is read is "
        '{"text": …, "relations": [{"subject": …, "relation": …, "object": …}]}; formats that are '
        f"read: {', '.join(formats)}; see docs/data.md"
    )


def unread_file(path: Path) -> str:
    """Return what a file looks like by its name, and what to do; empty if it may be read."""
    known = _SUFFIXES.get(path.suffix.lower())
    return f"this looks like {known[0]}: {known[1]}" if known else ""


def unread_folder(folder: Path) -> str:
    """Return what a folder without splits has instead, and what to do; empty for an empty one."""
    names = [f"{path.name}/" if path.is_dir() else path.name for path in entries(folder)]
    if not names:
        return "the folder is empty"
    listed = ", ".join(names[:_SHOWN])
    if len(names) > _SHOWN:
        listed += f" and {len(names) - _SHOWN} more"
    for name in names:
        if known := _SUFFIXES.get(Path(name).suffix.lower()):
            return f"found {listed}; {name} looks like {known[0]}: {known[1]}"
    return (
        f"found {listed}; name the files after their splits, as in train.json, or give one of "
        "them with --data; docs/data.md has the formats that are read"
    )
