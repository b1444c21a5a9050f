"""What a line of an exported ledger must be: checked whole, before anything of it is written.

A file comes from anyone. What passes here can be read by all that reads a ledger: studies,
searches, ``rerun`` and the reports.
"""

from __future__ import annotations

import dataclasses
import json
import lzma
import math
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from optuna.distributions import json_to_distribution

from rin_core.config import Config
from rin_core.errors import ConfigError
from study.ledger.scores import SCORES
from study.ledger.search_record import SearchTrial, State

FORMAT = 2
#: Ending of a file that is packed: a ledger is a fifteenth of its size then.
PACKED = ".xz"
LONGEST_LINE = 2**26  # bytes; a packed file may hold a line that fits in no memory
Kind = Literal["unit", "study", "search"]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a field must hold."""

    words: str
    holds: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_fraction(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _is_name(value: Any) -> bool:
    """Tell whether a file can have this name, and lies in its folder then."""
    printable = isinstance(value, str) and value.isprintable() and value.strip(".")
    return bool(printable) and Path(value).name == value and len(value.encode()) <= LONGEST_NAME


def _is_command(value: Any) -> bool:
    try:
        return isinstance(value, str) and shlex.split(value) is not None
    except ValueError:
        return False


def _list_of(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(holds, value))


def _row_of(length: int) -> Callable[[Any], bool]:
    return lambda row: isinstance(row, list) and len(row) == length and all(map(_is_count, row))


LONGEST_NAME = 200
LATEST_TIME = 2**37  # in the year 6325; a calendar of four digits ends soon after
_TEXT = _Wanted("text", lambda value: isinstance(value, str))
_NAME = _Wanted("a name, without folders", _is_name)
_COMMAND = _Wanted("a command line", _is_command)
_OBJECT = _Wanted("an object", lambda value: isinstance(value, dict))
_OBJECTS = _Wanted("a list of objects", _list_of(_OBJECT.holds))
_OF_OBJECTS = _Wanted(
    "an object of objects",
    lambda value: isinstance(value, dict) and all(map(_OBJECT.holds, value.values())),
)
_OBJECT_OR_NULL = _Wanted("an object or null", lambda v: v is None or isinstance(v, dict))
_NUMBER = _Wanted("a number", _is_number)
_NUMBERS = _Wanted("a list of numbers", _list_of(_is_number))
_TIME = _Wanted("seconds since 1970", lambda value: _is_number(value) and 0 <= value < LATEST_TIME)
_COUNT = _Wanted("a whole number, 0 or more", _is_count)
_FRACTION = _Wanted("a fraction in [0, 1]", _is_fraction)
_FRACTIONS = _Wanted("a list of fractions in [0, 1]", _list_of(_is_fraction))
_STATE = _Wanted(f"one of {', '.join(get_args(State))}", lambda value: value in get_args(State))
_FINGERPRINT = _Wanted(
    "16 hexadecimal digits",
    lambda value: isinstance(value, str) and re.fullmatch("[0-9a-f]{16}", value) is not None,
)

Fields = Mapping[str, _Wanted]
_UNIT: Fields = {
    **dict.fromkeys(("config", "corpus", "history", "dev", "test", "provenance"), _OBJECT),
    **{"fingerprint": _FINGERPRINT, "best_epoch": _COUNT, "stopped": _TEXT, "seconds": _NUMBER},
    **{"vectors": _OBJECT_OR_NULL, "predictions": _OBJECT_OR_NULL},
}
_CORPUS: Fields = {"name": _NAME, "digest": _NAME}
_VECTORS: Fields = {"name": _NAME}
_PROVENANCE: Fields = {"threads": _COUNT, "hardware": _TEXT, "code": _OBJECT}
_PROVENANCE_MAY: Fields = {"started": _TIME, "packages": _OBJECT}
_CODE_MAY: Fields = {"commit": _TEXT}
_SCORES: Fields = dict.fromkeys(SCORES, _FRACTION)
_HISTORY = ("epoch", "train_loss", "seconds", *(f"dev_{name}" for name in SCORES))
_PREDICTIONS: Fields = {
    "relations": _Wanted("a list of texts", _list_of(_TEXT.holds)),
    "triples": _Wanted("rows of four whole numbers", _list_of(_row_of(4))),
    "spans": _Wanted("rows of three whole numbers", _list_of(_row_of(3))),
}
_PLAN: Fields = {"experiment": _NAME, "corpus": _NAME, "trials": _OBJECTS}
_STUDY: Fields = {**_PLAN, "space": _TEXT}
_SEARCH: Fields = {
    **_PLAN,
    **{"title": _TEXT, "command": _COMMAND, "settings": _OBJECT, "labels": _OBJECT},
    **{"parameters": _OF_OBJECTS, "budget": _COUNT, "confirmed": _NAME, "identities": _OF_OBJECTS},
}
_PLANNED: Fields = {
    **{"arm": _TEXT, "label": _TEXT, "seed": _COUNT},
    **{"fingerprint": _FINGERPRINT, "config": _OBJECT},
}
_PLANNED_MAY: Fields = {"settings": _OBJECT}
_TRIED: Fields = {
    **{"arm": _TEXT, "number": _COUNT, "parameters": _OBJECT, "fingerprint": _FINGERPRINT},
    **{"config": _OBJECT, "state": _STATE, "inherited": _COUNT, "reason": _TEXT},
    **{"dev_f1": _FRACTIONS, "seconds": _NUMBERS},
}
#: What may lack, but not be something else.
_OPTIONAL: Mapping[Kind, Fields] = {
    "unit": {"pretrained": _OBJECT_OR_NULL},
    "study": {"command": _COMMAND, "updated": _TEXT},
    "search": {"updated": _TEXT, "starts": _OBJECT},
}


def read_exported(path: Path) -> list[dict[str, Any]]:
    """Return a file's records, of which a unit's content is its ``result`` and ``predictions``.

    Args:
        path: JSON lines, packed if the name ends in ``.xz``.

    Raises:
        ValueError: A line that is no record, or one that the ledger could not use: names file,
            line and field. A packed file that is not whole.
    """
    try:
        with lzma.open(path) if path.suffix == PACKED else path.open("rb") as file:
            lines = iter(lambda: file.readline(LONGEST_LINE), b"")
            return [_read(line, f"{path}, line {n}") for n, line in enumerate(lines, start=1)]
    except (lzma.LZMAError, EOFError) as error:
        raise ValueError(f"{path}: cannot be unpacked ({error}); is the file whole?") from error


def _read(line: bytes, place: str) -> dict[str, Any]:
    try:
        return _checked(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"{place}: is no exported record ({_reason(error)}); export the file again"
        ) from error


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, ConfigError) else str(error).splitlines()[0]


def _checked(record: Any) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise ValueError(f"{_short(record)}: must be an object")
    _check(record, {"record": _TEXT, "content": _OBJECT})
    if record.get("format") != FORMAT:
        raise ValueError("another format")
    kind: Kind = record["record"]
    if kind not in get_args(Kind):
        raise ValueError(f"{kind!r} is neither run, study nor search")
    content = record["content"]
    _check_finite(content, "")
    _check_some(content, _OPTIONAL[kind])
    return {"record": kind, "content": _CONTENT[kind](content)}


def _check(values: Mapping[str, Any], fields: Fields, place: str = "") -> None:
    """Raise ``ValueError`` for the first field that lacks, or holds something else."""
    for name in fields:
        if name not in values:
            raise ValueError(f"{place}{name} is missing")
    _check_some(values, fields, place)


def _check_some(values: Mapping[str, Any], fields: Fields, place: str = "") -> None:
    """Raise ``ValueError`` for the first field that is there and holds something else."""
    for name, wanted in fields.items():
        if name in values and not wanted.holds(values[name]):
            raise ValueError(f"{place}{name} = {_short(values[name])}: must be {wanted.words}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check_finite(value: Any, place: str) -> None:
    """Refuse NaN, infinities and whole numbers that fit no machine's."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_finite(inner, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _check_finite(inner, f"{place}[{number}]")
    elif _is_number(value) and not (
        abs(value) < 2**64 if type(value) is int else math.isfinite(value)
    ):
        raise ValueError(f"{place} = {_short(value)}: must be a finite number")


def _unit(content: dict[str, Any]) -> dict[str, Any]:
    """Return a unit's result, epochs by row again, and its predictions."""
    _check(content, _UNIT)
    _check(content["corpus"], _CORPUS, "corpus.")
    _check_some(content["corpus"], {"content": _FINGERPRINT}, "corpus.")
    if content["vectors"] is not None:
        _check(content["vectors"], _VECTORS, "vectors.")
    _check(content["provenance"], _PROVENANCE, "provenance.")
    _check_some(content["provenance"], _PROVENANCE_MAY, "provenance.")
    _check_some(content["provenance"]["code"], _CODE_MAY, "provenance.code.")
    for split in ("dev", "test"):
        _check(content[split], _SCORES, f"{split}.")
    predictions = content.pop("predictions")
    if predictions is not None:
        _check(predictions, _PREDICTIONS, "predictions.")
    content["history"] = _rows(content["history"])
    if not 1 <= content["best_epoch"] <= len(content["history"]):
        epochs = len(content["history"])
        raise ValueError(
            f"best_epoch = {content['best_epoch']}: must be one of the {epochs} epochs"
        )
    expected = Config.from_flat(content["config"]).fingerprint(content["corpus"]["digest"])
    if content["fingerprint"] != expected:
        raise ValueError(
            f"fingerprint = {content['fingerprint']}: its configuration and data have fingerprint "
            f"{expected}"
        )
    return {"result": content, "predictions": predictions}


def _rows(columns: dict[str, Any]) -> list[dict[str, Any]]:
    _check(columns, dict.fromkeys((*_HISTORY, *columns), _NUMBERS), "history.")
    epochs = len(columns["epoch"])
    if not epochs or columns["epoch"] != list(range(1, epochs + 1)):
        raise ValueError(f"history.epoch = {_short(columns['epoch'])}: must count from 1")
    for name, column in columns.items():
        if len(column) != epochs:
            raise ValueError(f"history.{name} has {len(column)} values: must be {epochs}")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _study(content: dict[str, Any]) -> dict[str, Any]:
    _check(content, _STUDY)
    for number, trial in enumerate(content["trials"]):
        _check_planned(trial, _PLANNED, f"trials[{number}].")
    return content


def _check_planned(trial: dict[str, Any], fields: Fields, place: str) -> None:
    _check(trial, fields, place)
    _check_some(trial, _PLANNED_MAY, place)
    Config.from_flat(trial["config"])
    _check(trial["config"], {"model.rounds": _COUNT, "model.cell": _TEXT}, f"{place}config.")


def _search(content: dict[str, Any]) -> dict[str, Any]:
    _check(content, _SEARCH)
    for path, parameter in content["parameters"].items():
        distribution = {key: parameter.get(key) for key in ("name", "attributes")}
        try:
            json_to_distribution(json.dumps(distribution))
        except (ArithmeticError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"parameters.{path}: is no distribution of Optuna's") from error
    seen = set()
    for number, trial in enumerate(content["trials"]):
        place = f"trials[{number}]."
        _check_planned(trial, _TRIED, place)
        _check_tried(trial, content["identities"], place)
        if (named := (trial["arm"], trial["number"])) in seen:
            raise ValueError(f"{place}number = {named[1]}: {named[0]} has two of it")
        seen.add(named)
    return content


def _check_tried(trial: dict[str, Any], identities: Mapping[str, Any], place: str) -> None:
    if unknown := trial.keys() - {field.name for field in dataclasses.fields(SearchTrial)}:
        raise ValueError(f"{place}{min(unknown)}: no such field of a trial")
    if trial["arm"] not in identities:
        raise ValueError(f"{place}arm = {trial['arm']!r}: identities knows no such arm")
    epochs = len(trial["dev_f1"])
    if len(trial["seconds"]) != epochs:
        raise ValueError(f"{place}seconds has {len(trial['seconds'])} values: must be {epochs}")
    if trial["state"] == "finished" and not epochs:
        raise ValueError(f"{place}dev_f1 = []: must have an epoch of a finished trial")


_CONTENT: Mapping[Kind, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "unit": _unit,
    "study": _study,
    "search": _search,
}
