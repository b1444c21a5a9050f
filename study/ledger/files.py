"""Errors of the ledger, and its JSON files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from rin_core.errors import RinError
from rin_core.files import write_atomically
from rin_core.problems import first_problem, short
from study.ledger.fields import Record
from study.ledger.schema import VERSION
from study.ledger.upgrade import UPGRADES

Model = TypeVar("Model", bound=Record)


class StudyError(RinError):
    """Something that a study needs has failed; the message says what to do."""


class LedgerError(StudyError):
    """A record cannot be read or written: names the file and what to do."""


class InvalidRecord(ValueError):
    """Content that is not the record it should be: names the field and what it must be."""


CHECKSUM = "checksum"
"""Key of a record's checksum: a changed digit is still a number, and passes every other check."""


def write_record(path: Path, record: Record, indent: int | None = 1, *, name: str = "") -> None:
    """Replace a record in one step.

    Args:
        path: The file.
        record: What to write.
        indent: Spaces of indentation; None writes one line.
        name: Of the run, study, search or corpus that the record belongs to. The record then has a
            checksum, and is refused later if it was changed or is in the place of another.
    """
    content = record.to_json()
    if name:
        content[CHECKSUM] = checksum_of(content, name)
    write_atomically(path, json.dumps(content, indent=indent, allow_nan=False).encode())


def checksum_of(content: Mapping[str, Any], name: str) -> str:
    """Return the checksum of a record, whatever its spacing and order."""
    text = json.dumps([name, content], sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def read_record(
    path: Path,
    model: type[Model],
    remedy: str = "move the file away",
    name: str = "",
) -> Model | None:
    """Return a record, or None where there is no such file.

    Args:
        path: The file.
        model: What it must hold.
        remedy: What a person can do about a damaged file.
        name: Of what the record belongs to, as for :func:`write_record`. Records of earlier
            versions have no checksum.

    Raises:
        LedgerError: The file cannot be read, is damaged, or is the record of something else.
    """
    try:
        if path.exists() and not path.is_file():  # to open a pipe would wait for its writer
            raise LedgerError(f"{path}: must be a file; {remedy}")
        content = parse_object(path.read_bytes())
        has_checksum = bool(name) and CHECKSUM in content
        if has_checksum and content.pop(CHECKSUM) != checksum_of(content, name):
            raise InvalidRecord("its checksum is not that of its content under this name")
        record = check_record(content, model, numbers=not has_checksum)
    except FileNotFoundError:
        return None
    except InvalidRecord as error:
        raise LedgerError(f"{path}: damaged record ({error}); {remedy}") from error
    except NotADirectoryError as error:
        require_folder(path.parent)
        raise LedgerError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
    except OSError as error:
        raise LedgerError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
    if name and record.owner not in ("", name):
        raise LedgerError(f"{path}: is the record of {record.owner}; {remedy}")
    return record


def require_folder(path: Path) -> None:
    """Check that a path can be a folder.

    Raises:
        LedgerError: It is a file, or below one.
    """
    for place in (*reversed(path.parents), path):
        if os.path.lexists(place) and not place.is_dir():
            raise LedgerError(f"{place}: must be a folder; move the file away")


def parse_object(text: bytes) -> dict[str, Any]:
    """Return a JSON object; raises :class:`InvalidRecord`, for deep nesting too."""
    try:
        content = from_json(text)
    except ValueError as error:
        raise InvalidRecord(f"not JSON: {error}") from error
    if not isinstance(content, dict):
        raise InvalidRecord("not a JSON object")
    return content


def check_record(content: dict[str, Any], model: type[Model], *, numbers: bool = False) -> Model:
    """Return a record from a JSON object, which may be of an earlier version.

    Args:
        content: The object.
        model: What it must hold.
        numbers: Whether to check that its numbers agree, because it has no checksum.

    Raises:
        InvalidRecord: It is no such record.
    """
    version = content.get("version", 0)
    if isinstance(version, int) and version > VERSION:
        raise InvalidRecord(
            f"version = {short(version)}: written by a newer program; update this one"
        )
    if model in UPGRADES and version != VERSION:
        content = UPGRADES[model](content)
    try:
        record = model.model_validate(content)
    except ValidationError as error:
        details: Any = error.errors(include_url=False)[0]
        raise InvalidRecord(first_problem(details)) from error
    if numbers:
        try:
            record.check_numbers()
        except ValueError as error:
            raise InvalidRecord(str(error)) from error
    return record
