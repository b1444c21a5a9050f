"""The formats of a corpus: the module that reads each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from rin_core.data.corpus import CorpusError, Sentence
from rin_core.data.readers import (
    brat,
    columns,
    copyre,
    corp,
    doccano,
    dygie,
    label_studio,
    prodigy,
    spert,
    spo_list,
    tags,
    tplinker,
    triple_list,
    triple_objects,
    uie,
    webanno,
)
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.unread import unread_record


class Reader(Protocol):
    """The functions of a module that reads one format."""

    def recognise(self, record: dict[str, Any], /) -> bool:
        """Return whether a record is in this format, by its fields."""

    def read(self, record: dict[str, Any], reading: Reading, /) -> Iterator[Sentence]:
        """Yield the sentences; raises ``CorpusError`` with the field that is wrong."""


#: The first that recognises a record reads it. The keys are the names of the formats in messages
#: and in docs/data.md.
READERS: dict[str, Reader] = {
    "SpERT": spert,
    "CopyRE": copyre,
    "triple lists": triple_list,
    "DyGIE++/PURE": dygie,
    "BIO or BILOU tags": tags,
    "UIE": uie,
    "TPLinker": tplinker,
    "DuIE": spo_list,
    "triple objects": triple_objects,
    "doccano": doccano,
    "Label Studio": label_studio,
    "Prodigy": prodigy,
    "CoNLL04 columns": columns,
    "CoNLL04 .corp": corp,
    "brat": brat,
    "WebAnno TSV": webanno,
}


def format_of_record(record: dict[str, Any]) -> str:
    """Return the name of a record's format, a key of :data:`READERS`.

    Raises:
        CorpusError: It is in none of them.
    """
    for name, reader in READERS.items():
        if reader.recognise(record):
            return name
    raise CorpusError(unread_record(record, tuple(READERS)))
