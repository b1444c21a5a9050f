"""Records of JSON files: a list, or one record a line. Every error names the line of the file."""

from __future__ import annotations

import codecs
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rin_core.data.corpus import CorpusError
from rin_core.data.readers.text_files import not_utf8
from rin_core.problems import short

#: Most bytes of a line.
LARGEST_RECORD = 2**22


def json_records(path: Path) -> Iterator[tuple[str, object]]:
    """Yield each record of a JSON list or of JSON lines, after its place for messages.

    Raises:
        CorpusError: Text that is not JSON.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        first = next(filled_lines(file), (0, b""))[1]
        file.seek(0)
        if first.startswith(b"["):
            for number, record in enumerate(parse_json(file.read(), path, first_line=1), 1):
                yield f"{path}: record {number}", record
            return
        if first == b"{":
            raise CorpusError(
                f"{path}: a record continues on the next line; write each record on one line, or "
                "all in a list [ ]"
            )
        for number, (line, raw) in enumerate(filled_lines(file), 1):
            yield f"{path}:{line}: record {number}", parse_line(raw, path, line)


def filled_lines(file: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers from 1.

    Without its end, a line that is cut short has its fault in this line and not in the next.
    """
    for number, raw in enumerate(file, 1):
        if line := raw.removeprefix(codecs.BOM_UTF8).strip():
            yield number, line


def parse_line(raw: bytes, path: Path | str, line: int) -> Any:
    """Parse one line of JSON; raises as :func:`parse_json`, and for a line that is too large."""
    if len(raw) > LARGEST_RECORD:
        raise CorpusError(
            f"{path}:{line}: a record of {len(raw) / 2**20:.1f} MiB, expected at most "
            f"{LARGEST_RECORD / 2**20:.0f}: one sentence per line"
        )
    return parse_json(raw, path, first_line=line)


def parse_json(raw: bytes, path: Path | str, first_line: int) -> Any:
    """Parse JSON; any failure names the line of the file.

    Args:
        raw: The text.
        path: The file it is from, for the message.
        first_line: The line it starts at.

    Raises:
        CorpusError: It is not JSON, or an object has a field twice.
    """
    try:
        return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_unique)
    except _RepeatedFieldError as error:
        # The parser has no line of an object inside a list; its start can be searched for.
        place = path if b"\n" in raw.strip() else f"{path}:{first_line}"
        raise CorpusError(f"{place}: {error}; keep one of them") from None
    except UnicodeDecodeError as error:
        line = first_line + raw.count(b"\n", 0, error.start)
        raise CorpusError(f"{path}:{line}: {not_utf8(raw, error)}") from None
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        why = f"{error.msg} at column {error.colno}"
        raise CorpusError(f"{path}:{line}: not valid JSON ({why}); {_remedy(error)}") from None
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{path}:{first_line}: not readable as JSON ({error})") from None


class _RepeatedFieldError(ValueError):
    """An object has a field twice, of which Python would keep the last in silence."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object of JSON; its fields must differ."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        repeated = next(name for name, count in counts.items() if count > 1)
        start = short(", ".join(f"{name}: {short(value)}" for name, value in pairs))
        raise _RepeatedFieldError(f"an object has the field {short(repeated)} twice: {start}")
    return fields


def _remedy(error: json.JSONDecodeError) -> str:
    """Return what to do about text that is not JSON, by the character that is wrong."""
    character = error.doc[error.pos : error.pos + 1]
    if error.pos == 0:
        return "check the format of the file"
    if character == "'":
        return "write double quotes, as json.dumps does"
    if character in ("]", "}"):
        return "remove the comma before it"
    if error.msg == "Extra data":
        return "write one record per line, or one list of all"
    return "check that the file is complete"
