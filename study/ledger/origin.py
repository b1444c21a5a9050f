"""Records of where a result comes from: command, corpus, vectors, code, machine."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from study.ledger.fields import LARGEST, LATEST, Count, Fingerprint, Name, Number, Options, Record

Place = Annotated[str, Field(exclude_if=lambda path: not path)]
"""Absolute path on the machine that started the run; empty in records that are older, and in
exported files."""


class GivenCommand(Record):
    """A command, and the part of a study or a search that it plans."""

    options: Options
    makes: list[str]
    """Of a study, fingerprints of runs; of a search, names of trials and of runs on fresh seeds."""


GivenCommands = Annotated[list[GivenCommand], Field(exclude_if=lambda given: not given)]
"""Those that together make all of it, in the order given; none in records that are older."""


class CorpusName(Record):
    """Which corpus a run was trained on."""

    name: Name
    digest: Name
    """Of the corpus as encoded, with its word vectors."""
    content: Name | Literal[""] = ""
    """Digest of the corpus alone; empty in the oldest results."""
    path: Place = ""
    """Its folder or file."""


class VectorsName(Record):
    """Which word vectors a run started with."""

    name: Name
    """Of the file."""
    digest: str = ""
    path: Place = ""


class PretrainedName(Record):
    """Which pretrained model a run started with."""

    name: str
    """As the model hub has it, with a ``/``."""
    digest: str = ""


class Code(Record):
    """Version of the program."""

    version: str = ""
    commit: str = ""
    dirty: bool = False


class Continued(Record):
    """The run with other limits whose checkpoint a training began with."""

    run: Fingerprint
    epochs: Annotated[int, Field(ge=1, lt=LARGEST)]


class Provenance(Record):
    """Code, packages, hardware and arithmetic of a training."""

    code: Code
    hardware: str
    threads: Annotated[int, Field(ge=0, lt=LARGEST)]
    packages: dict[str, str] = {}
    python: str = ""
    machine: str = ""
    arithmetic: str = ""
    """Instruction set and math library; empty in old results."""
    device: str = ""
    started: Annotated[Number, Field(ge=0, lt=LATEST)] | None = None
    """Seconds since 1970."""
    resumed_from_epoch: Count = 0
    continued: Annotated[Continued | None, Field(exclude_if=lambda value: value is None)] = None
    """None where the first epoch was this run's own."""
