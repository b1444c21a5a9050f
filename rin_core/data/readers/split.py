"""A corpus file, in any of the known formats.

Words are split at spaces and never tokenised again. An argument given as text is located at its
first occurrence, as in the released preprocessing, and every argument is an entity.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from rin_core.data.corpus import CorpusError, Sentence, shown
from rin_core.data.readers import copyre, spert, triple_list
from rin_core.data.readers.json_records import json_records


class Reader(Protocol):
    """The functions of a module that reads one format."""

    def recognise(self, record: dict[str, Any], /) -> bool:
        """Return whether a record is in this format, by its fields."""

    def read(self, record: dict[str, Any], /) -> Sentence:
        """Return the sentence; raises ``CorpusError`` with the field that is wrong."""


#: To add a format: a module with the two functions, and an entry here. The first that recognises a
#: record reads it. The keys are the fields that tell the formats apart.
READERS: dict[str, Reader] = {"tokens": spert, "sentText": copyre, "text": triple_list}


def read_split(path: Path) -> tuple[Sentence, ...]:
    """Read one file, a JSON list or JSON lines, in any of the formats.

    Args:
        path: The file. Its content shows its format, not its name.

    Raises:
        CorpusError: Names the file, the line or record and the field that is wrong.
    """
    sentences = []
    try:
        for place, record in json_records(path):
            try:
                if not isinstance(record, dict):
                    raise CorpusError(f"found {shown(record)}, expected an object with fields")
                sentences.append(_reader_of(record).read(record))
            except CorpusError as fault:
                raise CorpusError(f"{place}: {fault}") from None
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from None
    if not sentences:
        raise CorpusError(f"{path}: the file has no sentences")
    return tuple(sentences)


def _reader_of(record: dict[str, Any]) -> Reader:
    for reader in READERS.values():
        if reader.recognise(record):
            return reader
    raise CorpusError(
        f"unknown format: found the fields {shown(list(record))}, expected one of "
        f"{', '.join(READERS)}"
    )
